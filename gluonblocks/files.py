"""Files that are whole or not there."""
import glob
import os

TEMPORARY = '.tmp-'  # how the names begin of files that are being written


class DamagedFile(OSError):
    """A file's content is not what was written."""


def write_file(path, content, keep=None):
    """Write `content`, bytes, to `path`: after a crash the old file is there or the new, whole.

    `keep` is a name, in the same folder, that the old file gets once the new one is on the disk.
    Raises OSError with the file and the reason; the old file is then as it was.
    """
    def write(temporary):
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(handle, rest):]
        finally:
            os.close(handle)
    replace_file(path, write, keep)


def replace_file(path, write, keep=None):
    """As `write_file`, where `write(name)` makes the content, in a file of that name."""
    folder, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(folder, '%s%d-%s' % (TEMPORARY, os.getpid(), name))
    try:
        try:
            write(temporary)
            _flush(temporary)
            if keep and os.path.exists(path):
                os.replace(path, os.path.join(folder, keep))
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise
        _flush(folder)
    except OSError as error:
        raise OSError('%s could not be written: %s' % (path, error.strerror or error)) from error


def remove_temporaries(folder):
    """Remove what processes that were killed had begun to write in `folder`."""
    for path in glob.glob(os.path.join(glob.escape(folder), TEMPORARY + '*')):
        os.unlink(path)


def _flush(path):
    """Wait until the file or folder at `path` is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
