"""Compile the operator library at first use, and store it in the user's cache folder.

Loading a library runs its code. A library is therefore loaded only from a folder that only the user
can write to, and only if the SHA-256 of its content matches its name.
"""
import contextlib
import hashlib
import os
import pathlib
import platform
import shutil
import stat
import subprocess
import sys
import tempfile

import mxnet as mx

from ...files import read_file, write_file

SOURCES = pathlib.Path(__file__).parent
# Without -ffast-math, which would lose NaN and infinity, and make the whole process flush subnormal
# numbers to zero. The two -fno- flags are safe: no code reads errno or floating-point exceptions.
FLAGS = ('-std=c++17', '-O3', '-march=native', '-fopenmp', '-fPIC', '-fno-math-errno',
         '-fno-trapping-math', '-w')
GLUE_FLAGS = ('-std=c++11', '-O0', '-fPIC', '-w')  # for MXNet's own source, which computes nothing
MAX_BYTES = 1 << 26
SECONDS = 300  # time limit of the compiler


class Unavailable(Exception):
    """The operators cannot be used on this machine; `remedy` says what to do, or is ''."""

    def __init__(self, reason, remedy=''):
        super().__init__(reason)
        self.remedy = remedy


def library(build=True):
    """Return the path of the library for this machine; compile it if necessary.

    With `build=False`, write nothing, and return None if the library is not compiled yet. Raises
    Unavailable.
    """
    interface, compiler, folder = find_interface(), find_compiler(), cache_folder()
    try:
        key = _key(interface, compiler)
        if not build and not os.path.isdir(folder):
            return None
        _make_private(folder)
        found = _find(folder, key)
        if found or not build:
            return found
        content = _compile(compiler, interface[1])
        path = os.path.join(folder, '%s-%s.so' % (key, hashlib.sha256(content).hexdigest()))
        write_file(path, content, mode=0o600)
        return path
    except OSError as error:  # such as a full disk, or a missing file of MXNet
        raise Unavailable(str(error))


def find_interface():
    """Return the paths of MXNet's header and source file for operator libraries."""
    version = tuple(int(part) for part in mx.__version__.split('.')[:2])
    if sys.platform != 'linux' or version < (1, 9):
        raise Unavailable('the C++ operators need MXNet 1.9 on Linux; found MXNet %s on %s'
                          % (mx.__version__, platform.system()),
                          '' if sys.platform != 'linux' else "pip install 'mxnet>=1.9,<1.10'")
    folder = os.path.dirname(mx.__file__)
    return (os.path.join(folder, 'include', 'mxnet', 'lib_api.h'),
            os.path.join(folder, 'src', 'lib_api.cc'))


def find_compiler():
    """Return the path of g++. The OpenMP of other compilers would start a second set of threads."""
    for name in ('g++', 'c++'):
        path = shutil.which(name)
        if path and 'clang' not in os.path.realpath(path):
            return os.path.realpath(path)
    raise Unavailable('no C++ compiler was found (g++)',
                      'install g++: apt-get install g++ (Debian, Ubuntu), dnf install gcc-c++ '
                      '(Fedora, RHEL)')


def cache_folder():
    """Return the path $XDG_CACHE_HOME/gluonblocks/operators, by default in ~/.cache."""
    top = os.environ.get('XDG_CACHE_HOME', '')
    if not os.path.isabs(top):  # the XDG specification says to ignore relative paths
        top = os.path.join(os.path.expanduser('~'), '.cache')
    return os.path.join(os.path.realpath(top), 'gluonblocks', 'operators')


def _make_private(folder):
    """Create the folder if necessary; raise Unavailable unless only the user can write to it."""
    remedy = 'set XDG_CACHE_HOME to a folder that you can write to'
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        state = os.lstat(folder)
    except OSError as error:
        raise Unavailable('cannot create the cache folder %s: %s' % (folder, error.strerror),
                          remedy)
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or not os.access(
            folder, os.R_OK | os.W_OK | os.X_OK):
        raise Unavailable('expected a cache folder that you own and can read and write, got %s'
                          % folder, remedy)
    if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Unavailable('other users can write to the cache folder %s' % folder,
                          'chmod go-w %s' % folder)


def _key(interface, compiler):
    """Return a digest of everything that the library depends on: 32 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in [*sorted(SOURCES.glob('*.h')), *sorted(SOURCES.glob('*.cc')), *interface]:
        with open(path, 'rb') as f:
            digest.update(hashlib.sha256(f.read()).digest())
    states = [os.stat(path) for path in (compiler, mx.libinfo.find_lib_path()[0])]
    sizes = [(state.st_size, state.st_mtime_ns) for state in states]
    digest.update(repr((FLAGS, GLUE_FLAGS, compiler, sizes, mx.__version__, platform.machine(),
                        _processor())).encode())
    return digest.hexdigest()[:32]


def _processor():
    """Return the lines of /proc/cpuinfo that identify the instructions of the first processor."""
    try:
        with open('/proc/cpuinfo') as f:
            first = f.read().split('\n\n')[0]
    except OSError:
        return platform.processor()
    return [line for line in first.splitlines()
            if line.split(':')[0].strip() in ('model name', 'flags', 'Features', 'CPU part')]


def _find(folder, key):
    """Return the path of an undamaged library for `key`, or None."""
    for path in pathlib.Path(folder).glob(key + '-*.so'):
        with contextlib.suppress(OSError):  # an unreadable file
            if path.stem == '%s-%s' % (key, hashlib.sha256(path.read_bytes()).hexdigest()):
                return str(path)
    return None


def _compile(compiler, glue):
    """Compile the library and return its content."""
    print('compiling the C++ operators (only once on this machine)', file=sys.stderr, flush=True)
    include = ('-I', os.path.join(os.path.dirname(mx.__file__), 'include'), '-c')
    try:
        with tempfile.TemporaryDirectory() as folder:
            def out(name):
                return os.path.join(folder, name)
            _run(compiler, [
                (*GLUE_FLAGS, *include, glue, '-o', out('glue.o')),
                (*FLAGS, *include, str(SOURCES / 'operators.cc'), '-o', out('operators.o'))],
                folder)
            _run(compiler, [('-shared', '-fopenmp', out('glue.o'), out('operators.o'),
                             '-o', out('operators.so'))], folder)
            return read_file(out('operators.so'), MAX_BYTES)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable('the C++ operators could not be compiled: %s' % error)


def _run(compiler, commands, folder):
    """Run the compiler with each of the lists of arguments `commands`, in parallel."""
    running = []
    try:
        for command in commands:
            running.append(subprocess.Popen(
                [compiler, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, env=dict(os.environ, LC_ALL='C', TMPDIR=folder)))
        for process in running:
            output, _ = process.communicate(timeout=SECONDS)
            if process.returncode:
                lines = output.decode(errors='replace').strip().splitlines()
                error = next((line for line in lines if 'error' in line), ''.join(lines[-1:]))
                raise Unavailable('%s could not compile the C++ operators: %s' % (compiler, error))
    finally:
        for process in running:
            process.kill()  # no effect if it has ended
            process.wait()
