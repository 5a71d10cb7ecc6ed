"""The operators' library: compiled at first use, and kept in the user's cache.

It is code that runs, so it is taken only from a folder that is the user's own, and only if its
content is what was built: its name has the content's SHA-256.
"""
import contextlib
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import time

import mxnet as mx

from ...files import read_file, write_file

HEADERS = ('lanes.h', 'moments.h', 'norm.h', 'convolution.h', 'stage.h', 'matrix.h', 'sgd.h',
           'interface.h')
UNITS = ('stage.cc', 'norm.cc', 'weights.cc')
# No -ffast-math, which would lose NaN and infinity and set the whole process to flush small numbers
# to zero. The two flags say that nobody reads errno, nor the processor's floating point flags.
FLAGS = ('-std=c++11', '-O3', '-march=native', '-fopenmp', '-fPIC', '-fno-math-errno',
         '-fno-trapping-math', '-w')
GLUE_FLAGS = ('-std=c++11', '-O0', '-fPIC', '-w')  # MXNet's own source, which computes nothing
MAX_BYTES = 1 << 26
SECONDS = 300  # for the compiler
_TEMPORARY = '.tmp-build-'


class Unavailable(Exception):
    """The operators cannot be used here; `remedy` is what would help, or ''."""

    def __init__(self, reason, remedy=''):
        super().__init__(reason)
        self.remedy = remedy


def library(build=True):
    """Return the path of the library for this machine, compiled if need be.

    With `build=False` nothing is written, and the result is None if it is not there yet. Raises
    Unavailable.
    """
    header, glue = find_interface()
    compiler = find_compiler()
    folder = cache_folder()
    key = _key([header, glue], compiler)
    if os.path.isdir(folder) or build:
        _make_own(folder)
        found = _find(folder, key)
        if found:
            return found
    if not build:
        return None
    content = _compile(folder, compiler, glue)
    path = os.path.join(folder, '%s-%s.so' % (key, hashlib.sha256(content).hexdigest()))
    try:
        write_file(path, content, mode=0o600)
    except OSError as error:
        raise Unavailable(str(error))
    return path


def find_interface():
    """The paths of MXNet's header of operator libraries, and of the source that goes into each."""
    version = tuple(int(part) for part in mx.__version__.split('.')[:2])
    if sys.platform != 'linux' or version < (1, 9):
        raise Unavailable('the C++ operators need MXNet 1.9 on Linux; found MXNet %s on %s'
                          % (mx.__version__, platform.system()),
                          '' if sys.platform != 'linux' else "pip install 'mxnet>=1.9,<1.10'")
    folder = os.path.dirname(mx.__file__)
    paths = (os.path.join(folder, 'include', 'mxnet', 'lib_api.h'),
             os.path.join(folder, 'src', 'lib_api.cc'))
    for path in paths:
        if not os.path.isfile(path):
            raise Unavailable('this MXNet comes without %s' % path,
                              'pip install --force-reinstall --no-deps mxnet==%s' % mx.__version__)
    return paths


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
    top = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    if not os.path.isabs(top):
        raise Unavailable('the cache folder %s is not an absolute path' % top,
                          'set XDG_CACHE_HOME to a folder of yours')
    return os.path.join(os.path.realpath(top), 'gluonblocks', 'operators')


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


def _key(interface, compiler):
    """A digest of all that the library depends on: 32 hexadecimal digits."""
    digest = hashlib.sha256()
    here = os.path.dirname(__file__)
    for path in [os.path.join(here, name) for name in HEADERS + UNITS] + interface:
        with open(path, 'rb') as f:
            digest.update(hashlib.sha256(f.read()).digest())
    state = os.stat(compiler)
    digest.update(repr((FLAGS, GLUE_FLAGS, compiler, state.st_size, state.st_mtime_ns,
                        mx.__version__, platform.machine(), _processor())).encode())
    return digest.hexdigest()[:32]


def _processor():
    """The lines of /proc/cpuinfo that tell which instructions the first processor has."""
    try:
        with open('/proc/cpuinfo') as f:
            first = f.read().split('\n\n')[0]
    except OSError:
        return platform.processor()
    return [line for line in first.splitlines()
            if line.split(':')[0].strip() in ('model name', 'flags', 'Features', 'CPU part')]


def _find(folder, key):
    """The path of the intact library of `key`, or None; damaged ones are removed."""
    for name in sorted(os.listdir(folder)):
        if not (name.startswith(key + '-') and name.endswith('.so')):
            continue
        path = os.path.join(folder, name)
        with contextlib.suppress(OSError):  # another process removes it too, or it cannot be read
            with open(path, 'rb') as f:
                if name == '%s-%s.so' % (key, hashlib.sha256(f.read()).hexdigest()):
                    return path
            os.unlink(path)
    return None


def _compile(folder, compiler, glue):
    """The content of a new library, made in a folder that is removed, its units side by side."""
    _remove_left(folder)
    print('compiling the C++ operators, once on this machine', file=sys.stderr, flush=True)
    here = os.path.dirname(__file__)
    include = ('-I', os.path.join(os.path.dirname(mx.__file__), 'include'), '-c')
    try:
        with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=folder) as place:
            def out(name):
                return os.path.join(place, name)
            commands = [(*GLUE_FLAGS, *include, glue, '-o', out('glue.o'))] + [
                (*FLAGS, *include, os.path.join(here, unit), '-o', out(unit + '.o'))
                for unit in UNITS]
            _run(compiler, commands, place)
            _run(compiler, [('-shared', '-fopenmp', *[command[-1] for command in commands],
                             '-o', out('operators.so'))], place)
            return read_file(out('operators.so'), MAX_BYTES)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable('the C++ operators could not be compiled: %s' % error)


def _run(compiler, commands, place):
    """Run the compiler with each of `commands`, all at once."""
    running = []
    try:
        for command in commands:
            running.append(subprocess.Popen(
                [compiler, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, env=dict(os.environ, LC_ALL='C', TMPDIR=place)))
        for process in running:
            output, _ = process.communicate(timeout=SECONDS)
            if process.returncode:
                said = output.decode(errors='replace').strip().splitlines()
                error = next((line for line in said if 'error' in line), ''.join(said[-1:]))
                raise Unavailable('%s could not compile the C++ operators: %s' % (compiler, error))
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()


def _remove_left(folder):
    """Remove what compilations killed an hour or more ago left behind."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with contextlib.suppress(OSError):
            if name.startswith(_TEMPORARY) and os.lstat(path).st_mtime < time.time() - 3600:
                shutil.rmtree(path, ignore_errors=True)
