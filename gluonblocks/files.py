"""Files that are complete or not there, and files that are read up to a limit."""
import contextlib
import errno
import os
import re
import secrets
import shutil
import stat

TEMPORARY = '.tmp-'  # begins the name of a file that is being written: see `temporary_prefix`


class DamagedFile(OSError):
    """A file's content is not what was written."""


class MXNetPath(str):
    """A path that MXNet, which encodes it by `encode('utf-8')`, opens as Python does."""

    def __new__(cls, path):
        return super().__new__(cls, os.fsdecode(path))

    def encode(self, *args):
        try:
            return os.fsencode(str(self))
        except UnicodeEncodeError:  # the locale has no such letters, but MXNet takes UTF-8
            return super().encode()


def readable(path):
    """Return `path` as text to show: what the locale cannot decode is taken as UTF-8."""
    return path.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace')


def read_file(path, limit):
    """Return the content of the regular file at `path`, bytes, `limit` of them at most.

    Raises DamagedFile for another kind of file, which could be endless or keep a reader waiting,
    and for one that is larger; FileNotFoundError and other OSErrors as `open` does.
    """
    state = os.stat(path)
    if not stat.S_ISREG(state.st_mode):
        raise DamagedFile('%s: this is %s, not a regular file' % (path, _kind_of(state)))
    if state.st_size > limit:
        raise DamagedFile('%s: it has %d bytes, and at most %d can be right'
                          % (path, state.st_size, limit))
    with open(path, 'rb') as f:
        return f.read(limit)


def _kind_of(state):
    return ('a folder' if stat.S_ISDIR(state.st_mode) else
            'a pipe' if stat.S_ISFIFO(state.st_mode) else 'a device or a socket')


def write_file(path, content, keep=None, mode=0o666):
    """Write `content`, bytes, to `path`: after a crash the old file is there or the new one.

    `keep` is a name, in the same folder, that the old file gets once the new one is on the disk. A
    link is followed, but with `keep` it is the link that gets that name. A device or a pipe is
    written to as it is. `mode` are the permissions of a new file, of which the process's umask
    takes some away.

    Raises OSError with the file and the reason; the old file is then as it was.
    """
    def write(temporary):
        with open(temporary, 'wb') as f:
            f.write(content)
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:  # not there, or a link to what is not there
        regular = True
    except OSError as error:  # a loop of links, a folder that may not be entered
        raise unwritable(path, error) from error
    if regular:
        replace_file(path, write, keep, mode)
        return
    try:
        # Opened without waiting: a pipe that nobody reads is an error.
        handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.set_blocking(handle, True)
        with open(handle, 'wb') as f:
            f.write(content)
    except OSError as error:
        raise unwritable(path, error) from error


def replace_file(path, write, keep=None, mode=0o666):
    """As `write_file` of a regular file; `write(name)` fills the empty file of that name."""
    # A link stays, and what it names is replaced. But if the old file is kept, the link itself is:
    # otherwise the kept file would get into the folder that the link leads to.
    path = os.path.abspath(path) if keep else os.path.realpath(path)
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, temporary_prefix() + name)
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
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
        raise unwritable(path, error) from error


def append_file(path, content):
    """Add `content`, bytes, to the end of the file at `path`, and wait for the disk.

    After a crash a part of it may be there. Raises OSError with the file and the reason.
    """
    try:
        with open(path, 'ab') as f:
            f.write(content)
        _flush(path)
    except OSError as error:
        raise unwritable(path, error) from error


def make_folder(path):
    """Create the folder `path` unless it exists. Raises OSError with the folder and a remedy."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path, error):
    """Return an OSError about `path`, which could not be written because of the OSError `error`."""
    remedy = '. Free some space, or name another place' if error.errno in (
        errno.ENOSPC, errno.EDQUOT) else '. Name a place that you can write to' if error.errno in (
            errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST,
            errno.EISDIR) else ''
    return OSError('%s could not be written: %s%s' % (path, error.strerror or error, remedy))


def files_in(folder):
    """Return the names of all files in `folder` and the folders in it, relative to it, sorted."""
    return sorted(os.path.relpath(os.path.join(where, name), folder)
                  for where, _, names in os.walk(folder) for name in names)


def replace_files(source, target, before, last):
    """Move all files of the folder `source` into `target`, where they replace the files `before`.

    `before` are names in `target`. If anything fails, these files are there as they were, and none
    of the new ones. The file named `last` is replaced last.
    """
    names = sorted(files_in(source), key=lambda name: name == last)
    new, old = temporary_prefix(), temporary_prefix()

    def place(name, prefix=''):
        return os.path.join(target, os.path.dirname(name), prefix + os.path.basename(name))

    def remove(names, prefix=''):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(place(name, prefix))
            if os.path.dirname(name):
                with contextlib.suppress(OSError):  # it is not empty
                    os.rmdir(os.path.dirname(place(name)))
    begun = []
    try:
        # Whatever takes room or crosses into another file system comes before the renames.
        for name in names:
            os.makedirs(os.path.dirname(place(name)), exist_ok=True)
            shutil.move(os.path.join(source, name), place(name, new))
            _flush(place(name, new))
        for name in before:
            shutil.copy2(place(name), place(name, old), follow_symlinks=False)
        for name in names:
            begun.append(name)
            os.replace(place(name, new), place(name))
    except BaseException:
        for name in set(begun) & set(before):
            shutil.move(place(name, old), place(name))
        remove(set(begun) - set(before))
        remove(names, new)
        remove(before, old)
        raise
    remove(before, old)
    remove(set(before) - set(names))
    _flush(target)


def temporary_prefix():
    """Return how the name of a file begins while it is being written."""
    return TEMPORARY + '%d-%s-' % (os.getpid(), secrets.token_hex(8))


def is_temporary(name):
    """Return True if one of our processes was writing a file of this name."""
    return re.match(TEMPORARY.replace('.', r'\.') + r'\d+-[0-9a-f]{16}-', name) is not None


def remove_temporaries(folder):
    """Remove what processes that were killed had begun to write in `folder`, and nothing else."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if is_temporary(name) and stat.S_ISREG(os.lstat(path).st_mode):
            os.unlink(path)


def _flush(path):
    """Wait until the file or folder at `path` is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
