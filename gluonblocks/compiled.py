"""Libraries that are compiled on this machine at first use, and kept in the user's cache.

They are code that runs, so they are taken only from a folder that is the user's own, and only if
their content is what was built: a library's name has its content's SHA-256.
"""
import contextlib
import hashlib
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

from .files import read_file, write_file

MAX_BYTES = 1 << 26
SECONDS = 300  # for the compiler


class Unavailable(Exception):
    """A library cannot be had here; `remedy` is what would help, or ''."""

    def __init__(self, reason, remedy=''):
        super().__init__(reason)
        self.remedy = remedy


def find_compiler():
    """The path of GCC's C++ compiler. Another compiler's OpenMP would start its own threads."""
    for name in ('g++', 'c++'):
        path = shutil.which(name)
        if path and 'clang' not in os.path.realpath(path):
            return os.path.realpath(path)
    raise Unavailable('there is no C++ compiler, g++',
                      'install it: apt-get install g++ (Debian, Ubuntu), dnf install gcc-c++ '
                      '(Fedora, RHEL)')


def cache_folder():
    """The path of $XDG_CACHE_HOME/gluonblocks/operators, by default in ~/.cache."""
    top = os.environ.get('XDG_CACHE_HOME', '')
    if not os.path.isabs(top):  # by the specification, a relative path is ignored
        top = os.path.join(os.path.expanduser('~'), '.cache')
    return os.path.join(os.path.realpath(top), 'gluonblocks', 'operators')


def cached(key, build=None):
    """Return the path of the library `key` in the user's cache.

    If it is not there, `build()` returns its content. Without `build` nothing is written, and the
    result is None if it is not there. Raises Unavailable, or OSError if the disk is full.
    """
    folder = cache_folder()
    if not build and not os.path.isdir(folder):
        return None
    _make_own(folder)
    found = _find(folder, key)
    if found or not build:
        return found
    content = build()
    path = os.path.join(folder, '%s-%s.so' % (key, hashlib.sha256(content).hexdigest()))
    write_file(path, content, mode=0o600)
    return path


def _make_own(folder):
    """Make the folder if it is not there; Unavailable unless only the user can write to it."""
    remedy = 'set XDG_CACHE_HOME to a folder that you can write to'
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        state = os.lstat(folder)
    except OSError as error:
        raise Unavailable('cannot make the cache folder %s: %s' % (folder, error.strerror), remedy)
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or not os.access(
            folder, os.R_OK | os.W_OK | os.X_OK):
        raise Unavailable('the cache folder %s is not yours to read and write' % folder, remedy)
    if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Unavailable('others can write to the cache folder %s' % folder,
                          'chmod go-w %s' % folder)


def _find(folder, key):
    """The path of the intact library of `key`, or None."""
    for path in pathlib.Path(folder).glob(key + '-*.so'):
        with contextlib.suppress(OSError):  # it cannot be read
            if path.stem == '%s-%s' % (key, hashlib.sha256(path.read_bytes()).hexdigest()):
                return str(path)
    return None


def compile_library(title, compiler, *steps):
    """Return the content of `library.so`, which the last of `steps` writes to the current folder.

    A step is a list of the compiler's arguments for commands that run at the same time, in a
    temporary folder. Raises Unavailable with `title`, what is compiled.
    """
    try:
        with tempfile.TemporaryDirectory() as place:
            for commands in steps:
                _run(title, compiler, commands, place)
            return read_file(os.path.join(place, 'library.so'), MAX_BYTES)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable('%s could not be compiled: %s' % (title, error))


def _run(title, compiler, commands, place):
    """Run the compiler with each of `commands`, all at once."""
    running = []
    try:
        for command in commands:
            running.append(subprocess.Popen(
                [compiler, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, cwd=place,
                env=dict(os.environ, LC_ALL='C', TMPDIR=place)))
        for process in running:
            output, _ = process.communicate(timeout=SECONDS)
            if process.returncode:
                said = output.decode(errors='replace').strip().splitlines()
                error = next((line for line in said if 'error' in line), ''.join(said[-1:]))
                raise Unavailable('%s could not compile %s: %s' % (compiler, title, error))
    finally:
        for process in running:
            process.kill()  # those that have not ended
            process.wait()
