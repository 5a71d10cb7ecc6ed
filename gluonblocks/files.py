"""Files that are whole or not there, and files that are read without surprises."""
import contextlib
import errno
import os
import re
import secrets
import shutil
import stat

# How files are named that are being written: TEMPORARY, the process, 16 random digits, the name.
TEMPORARY = '.tmp-'
_LEFT = re.compile(re.escape(TEMPORARY) + r'\d+-[0-9a-f]{16}-')


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
    """The content of the regular file at `path`, bytes, `limit` of them at most.

    Nothing but a regular file is read, and it is opened without waiting, as a FIFO would have it.
    Raises DamagedFile for another kind of file and for one that is larger; FileNotFoundError and
    other OSErrors as `open` does.
    """
    with open_file(path, limit) as f:
        return f.read(limit)


def open_file(path, limit):
    """The regular file at `path`, of `limit` bytes at most, open to read bytes. As `read_file`."""
    _check_regular(path, os.stat(path), limit)  # a socket cannot be opened to see what it is
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check_regular(path, os.fstat(handle), limit)
        return open(handle, 'rb')
    except BaseException:
        os.close(handle)
        raise


def _check_regular(path, state, limit):
    if not stat.S_ISREG(state.st_mode):
        raise DamagedFile('%s: this is %s, no regular file' % (path, kind_of(state)))
    if state.st_size > limit:
        raise DamagedFile('%s: it has %d bytes, and at most %d can be right'
                          % (path, state.st_size, limit))


def kind_of(state):
    """What `os.stat` says a file is, in words."""
    for test, words in [(stat.S_ISDIR, 'a folder'), (stat.S_ISLNK, 'a symbolic link'),
                        (stat.S_ISFIFO, 'a pipe'), (stat.S_ISSOCK, 'a socket'),
                        (stat.S_ISREG, 'a regular file')]:
        if test(state.st_mode):
            return words
    return 'a device'


def write_file(path, content, keep=None, mode=0o666):
    """Write `content`, bytes, to `path`: after a crash the old file is there or the new, whole.

    `keep` is a name, in the same folder, that the old file gets once the new one is on the disk.
    What `path` names is a regular file or not there; a device or a pipe is written through, and a
    symbolic link is followed, but with `keep`: then it is the link that gets that name. `mode` are
    the most permissions of a new file, of which the process's umask takes some away.

    Raises OSError with the file and the reason; the old file is then as it was.
    """
    def write(temporary):
        _write_all(os.open(temporary, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC), content)
    try:
        state = os.stat(path)
    except FileNotFoundError:  # not there, or a link to what is not there
        state = None
    except OSError as error:  # a loop of links, a folder that may not be entered
        raise unwritable(path, error) from error
    if state is not None and not stat.S_ISREG(state.st_mode):
        if stat.S_ISDIR(state.st_mode) or stat.S_ISSOCK(state.st_mode):
            raise OSError('%s could not be written: this is %s' % (path, kind_of(state)))
        try:
            # Opened without waiting: a pipe that nobody reads is an error.
            handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.set_blocking(handle, True)
            _write_all(handle, content)
        except OSError as error:
            raise unwritable(path, error) from error
        return
    replace_file(path, write, keep, mode)


def replace_file(path, write, keep=None, mode=0o666):
    """As `write_file` of a regular file, where `write(name)` fills the empty file of that name."""
    # A link stays, and what it names is replaced. But where the old file is kept, a link is itself
    # what is kept: else the kept one would get into the folder that the link leads to.
    folder, name = os.path.split(os.path.abspath(path) if keep else os.path.realpath(path))
    temporary = os.path.join(folder, '%s%d-%s-%s' % (TEMPORARY, os.getpid(), secrets.token_hex(8),
                                                     name))
    try:
        # Nobody can have put a file or a link of this name there before.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode))
        try:
            write(temporary)
            _flush(temporary)
            if keep and os.path.exists(path):
                os.replace(os.path.join(folder, name), os.path.join(folder, keep))
            os.replace(temporary, os.path.join(folder, name))
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise
        _flush(folder)
    except OSError as error:
        raise unwritable(path, error) from error


def append_file(path, content):
    """Add `content`, bytes, to the end of the regular file at `path`, and wait for the disk.

    A file that is not there is made. What is written is not whole for sure: after a crash a part
    of it may be there. Raises OSError with the file and the reason.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
                         | os.O_CLOEXEC, 0o666)
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            os.close(handle)
            raise OSError('this is %s, no regular file' % kind_of(state))
        _write_all(handle, content)
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
    """The names of all files in `folder` and the folders in it, relative to it, sorted."""
    return sorted(os.path.relpath(os.path.join(where, name), folder)
                  for where, _, names in os.walk(folder) for name in names)


def replace_files(source, target, before, last):
    """Move all files of the folder `source` into `target`, where they replace the files `before`.

    `before` are names in `target`. If anything fails, these files are there as they were, and none
    of the new ones. The file named `last` is replaced last.
    """
    names = sorted(files_in(source), key=lambda name: name == last)
    new, old = ['%s%d-%s-' % (TEMPORARY, os.getpid(), secrets.token_hex(8)) for _ in range(2)]

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


def is_temporary(name):
    """Whether a file of this name was being written by a process of ours."""
    return _LEFT.match(name) is not None


def remove_temporaries(folder):
    """Remove what processes that were killed had begun to write in `folder`, and nothing else."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if is_temporary(name) and stat.S_ISREG(os.lstat(path).st_mode):
            os.unlink(path)


def _write_all(handle, content):
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest):]
    finally:
        os.close(handle)


def _flush(path):
    """Wait until the file or folder at `path` is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
