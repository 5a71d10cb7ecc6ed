"""Write files either completely or not at all, and read files up to a size limit."""
import contextlib
import errno
import os
import re
import secrets
import shutil
import stat

TEMPORARY = '.tmp-'  # prefix of unfinished files: see `temporary_prefix`


class DamagedFile(OSError):
    """Raised if the content of a file is invalid, or has changed since the file was written."""


class MXNetPath(str):
    """A path that MXNet opens as Python would. MXNet calls `encode('utf-8')` on paths, so `encode`
    is overridden to use Python's encoding for file names instead."""

    def __new__(cls, path):
        return super().__new__(cls, os.fsdecode(path))

    def encode(self, *args):
        try:
            return os.fsencode(str(self))
        except UnicodeEncodeError:  # the locale cannot encode the path, but MXNet accepts UTF-8
            return super().encode()


def readable(path):
    """Convert `path` to printable text; bytes that the locale cannot decode are read as UTF-8."""
    return path.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace')


def read_file(path, limit):
    """Return the content of the regular file at `path` as bytes.

    Raises DamagedFile if the file has more than `limit` bytes, or is not a regular file, because
    reading a device or a pipe could block or never end. Raises OSError if opening the file fails.
    """
    state = os.stat(path)
    if not stat.S_ISREG(state.st_mode):
        raise DamagedFile('%s: expected a regular file, found %s' % (path, _kind_of(state)))
    if state.st_size > limit:
        raise DamagedFile('%s: expected at most %d bytes, found %d'
                          % (path, limit, state.st_size))
    with open(path, 'rb') as f:
        return f.read(limit)


def _kind_of(state):
    return ('a folder' if stat.S_ISDIR(state.st_mode) else
            'a pipe' if stat.S_ISFIFO(state.st_mode) else 'a device or a socket')


def write_file(path, content, backup=None, mode=0o666):
    """Write the bytes `content` to `path`; a crash leaves either the old file or the new one.

    If `backup` is a file name, the old file is renamed to it as soon as the new one is on disk. A
    link is followed, except with `backup`, which renames the link itself. Devices and pipes are
    written to directly. `mode` sets the permissions of a new file, before the umask is applied.

    On failure, raises an OSError that names the file and the reason, and leaves the old file
    unchanged.
    """
    def write(temporary):
        with open(temporary, 'wb') as f:
            f.write(content)
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:  # no file, or a dangling link
        regular = True
    except OSError as error:  # a loop of links, or a folder that we may not search
        raise unwritable(path, error) from error
    if regular:
        replace_file(path, write, backup, mode)
        return
    try:
        # Open without blocking, so that a pipe without a reader raises an error instead of hanging.
        handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.set_blocking(handle, True)
        with open(handle, 'wb') as f:
            f.write(content)
    except OSError as error:
        raise unwritable(path, error) from error


def replace_file(path, write, backup=None, mode=0o666):
    """Replace a regular file as `write_file` does; `write(name)` writes the new file to `name`."""
    # Without a backup, replace the target of a link. With one, replace the link itself, because the
    # backup would otherwise be created in the target's folder.
    path = os.path.abspath(path) if backup else os.path.realpath(path)
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, temporary_prefix() + name)
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        try:
            write(temporary)
            _flush(temporary)
            if backup and os.path.exists(path):
                os.replace(path, os.path.join(folder, backup))
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise
        _flush(folder)
    except OSError as error:
        raise unwritable(path, error) from error


def append_file(path, content):
    """Append the bytes `content` to the file at `path`, and wait until they are on disk.

    After a crash during the call, the end of `content` may be missing. On failure, raises an
    OSError that names the file and the reason.
    """
    try:
        with open(path, 'ab') as f:
            f.write(content)
        _flush(path)
    except OSError as error:
        raise unwritable(path, error) from error


def make_folder(path):
    """Create the folder `path` if it is missing. On failure, raises an OSError with the reason."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path, error):
    """Return an OSError that says why `path` could not be written; `error` is the cause."""
    remedy = '. Free some space, or choose another path' if error.errno in (
        errno.ENOSPC, errno.EDQUOT) else '. Choose a path that you can write to' if error.errno in (
            errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST,
            errno.EISDIR) else ''
    return OSError('%s could not be written: %s%s' % (path, error.strerror or error, remedy))


def files_in(folder):
    """Return a sorted list of the relative paths of all files in `folder` and its subfolders."""
    return sorted(os.path.relpath(os.path.join(parent, name), folder)
                  for parent, _, names in os.walk(folder) for name in names)


def replace_files(source, target, before, last):
    """Move all files from the folder `source` to `target`, replacing the files listed in `before`.

    Files in `before` that `source` does not contain are removed. If anything fails, `target` still
    contains all of its old files and no new ones. The file named `last` is moved last.
    """
    names = sorted(files_in(source), key=lambda name: name == last)
    new, old = temporary_prefix(), temporary_prefix()

    def path_of(name, prefix=''):
        return os.path.join(target, os.path.dirname(name), prefix + os.path.basename(name))

    def remove(names, prefix=''):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path_of(name, prefix))
            if os.path.dirname(name):
                with contextlib.suppress(OSError):  # the folder is not empty
                    os.rmdir(os.path.dirname(path_of(name)))
    begun = []
    try:
        # First do everything that could fill the disk, so that only renames remain.
        for name in names:
            os.makedirs(os.path.dirname(path_of(name)), exist_ok=True)
            shutil.move(os.path.join(source, name), path_of(name, new))
            _flush(path_of(name, new))
        for name in before:
            shutil.copy2(path_of(name), path_of(name, old), follow_symlinks=False)
        for name in names:
            begun.append(name)
            os.replace(path_of(name, new), path_of(name))
    except BaseException:
        for name in set(begun) & set(before):
            shutil.move(path_of(name, old), path_of(name))
        remove(set(begun) - set(before))
        remove(names, new)
        remove(before, old)
        raise
    remove(before, old)
    remove(set(before) - set(names))
    _flush(target)


def temporary_prefix():
    """Return a unique prefix for the name of an unfinished file."""
    return TEMPORARY + '%d-%s-' % (os.getpid(), secrets.token_hex(8))


def is_temporary(name):
    """Return True if `name` begins with a prefix from `temporary_prefix`."""
    return re.match(TEMPORARY.replace('.', r'\.') + r'\d+-[0-9a-f]{16}-', name) is not None


def remove_temporaries(folder):
    """Remove unfinished files left behind in `folder` by processes that were killed."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if is_temporary(name) and stat.S_ISREG(os.lstat(path).st_mode):
            os.unlink(path)


def _flush(path):
    """Flush the file or folder at `path`, and wait until it is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
