"""Compile libraries when they are first used, and store them in the user's cache folder.

Because loading a library runs its code, only the user may have write access to the cache folder,
and the SHA-256 of a library must match its file name.
"""
import contextlib
import hashlib
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

from ..files import read_file, write_file

MAX_BYTES = 1 << 26
SECONDS = 300  # time limit for the compiler
_REMEDY = 'set XDG_CACHE_HOME to a folder that you can write to'


class Unavailable(Exception):
    """Raised if a library cannot be used on this machine. `remedy` says how to fix it, if known."""

    def __init__(self, reason, remedy=''):
        super().__init__(reason)
        self.remedy = remedy


def find_compiler():
    """Return the path of g++. Clang is skipped, because it would link a second OpenMP runtime,
    which would start its own threads in addition to MXNet's."""
    for name in ('g++', 'c++'):
        path = shutil.which(name)
        if path and 'clang' not in os.path.realpath(path):
            return os.path.realpath(path)
    raise Unavailable('no C++ compiler (g++) was found',
                      'install g++: apt-get install g++ (Debian, Ubuntu), dnf install gcc-c++ '
                      '(Fedora, RHEL)')


def cache_folder():
    """Return $XDG_CACHE_HOME/gluonblocks/operators, where XDG_CACHE_HOME defaults to ~/.cache."""
    top = os.environ.get('XDG_CACHE_HOME', '')
    if not os.path.isabs(top):  # the XDG specification says to ignore relative paths
        top = os.path.join(os.path.expanduser('~'), '.cache')
    if not os.path.isabs(top):  # HOME is not set, and the user has no account, as in a container
        raise Unavailable('the home folder could not be found', _REMEDY)
    return os.path.join(os.path.realpath(top), 'gluonblocks', 'operators')


def cached(key, build=None):
    """Return the path of the cached library whose file name starts with `key`.

    If it is missing, store the content that `build()` returns, or return None if `build` is None.
    Raises Unavailable if the folder or compiler is unusable, and OSError if writing fails.
    """
    folder = cache_folder()
    if not build and not os.path.isdir(folder):
        parent = folder
        while not os.path.lexists(parent):
            parent = os.path.dirname(parent)
        if not os.path.isdir(parent) or not os.access(parent, os.W_OK | os.X_OK):
            raise Unavailable('cannot create the cache folder %s' % folder, _REMEDY)
        return None
    _make_private(folder)
    found = _find(folder, key)
    if found or not build:
        return found
    content = build()
    path = os.path.join(folder, '%s-%s.so' % (key, hashlib.sha256(content).hexdigest()))
    write_file(path, content, mode=0o600)
    return path


def _make_private(folder):
    """Create `folder` if necessary; raise Unavailable unless only the user can write to it."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        state = os.lstat(folder)
    except OSError as error:
        raise Unavailable('cannot create the cache folder %s: %s' % (folder, error.strerror),
                          _REMEDY)
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or not os.access(
            folder, os.R_OK | os.W_OK | os.X_OK):
        raise Unavailable('expected a cache folder that you own and can read and write, got %s'
                          % folder, _REMEDY)
    if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Unavailable('other users can write to the cache folder %s' % folder,
                          'chmod go-w %s' % folder)


def _find(folder, key):
    """Return the path of the library `key` in `folder`, or None if it is missing or damaged."""
    for path in pathlib.Path(folder).glob(key + '-*.so'):
        with contextlib.suppress(OSError):  # a file that cannot be read
            if path.stem == '%s-%s' % (key, hashlib.sha256(path.read_bytes()).hexdigest()):
                return str(path)
    return None


def compile_library(title, compiler, *steps):
    """Run the compiler in a temporary folder; return the content of the resulting `library.so`.

    Each of `steps` is a list of commands that run in parallel; a command is a list of compiler
    arguments. Raises Unavailable if compilation fails; `title` names the library in the message.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            for commands in steps:
                _run(title, compiler, commands, folder)
            return read_file(os.path.join(folder, 'library.so'), MAX_BYTES)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable('%s could not be compiled: %s' % (title, error))


def _run(title, compiler, commands, folder):
    """Run the compiler in parallel, once for each list of arguments in `commands`."""
    running = []
    try:
        for command in commands:
            running.append(subprocess.Popen(
                [compiler, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, cwd=folder,
                env=dict(os.environ, LC_ALL='C', TMPDIR=folder)))
        for process in running:
            output, _ = process.communicate(timeout=SECONDS)
            if process.returncode:
                lines = output.decode(errors='replace').strip().splitlines()
                error = next((line for line in lines if 'error' in line), ''.join(lines[-1:]))
                raise Unavailable('%s could not compile %s: %s' % (compiler, title, error))
    finally:
        for process in running:
            process.kill()  # no effect if it has exited
            process.wait()
