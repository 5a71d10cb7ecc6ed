"""The operators' library: compiled at first use, and kept in the user's cache.

It is code that is run, so it is taken only from a folder that nobody but the user (and root) can
write, and only if its content is what was built: its name has the content's SHA-256.
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

UNITS = ('operators.cc', 'optimizers.cc')
SOURCES = ('lanes.h', 'moments.h', 'norm.h', 'convolution.h', 'stage.h', 'matrix.h', 'sgd.h',
           'interface.h') + UNITS
# No -ffast-math, which would lose NaN and infinity and set the whole process to flush small numbers
# to zero. The two flags say that nobody reads errno, nor the processor's floating point flags.
FLAGS = ('-std=c++11', '-O3', '-march=native', '-fopenmp', '-fPIC', '-shared', '-fno-math-errno',
         '-fno-trapping-math', '-w')
MAX_BYTES = 1 << 26
SECONDS = 300  # for the compiler, which takes about ten
_LEFT = '.tmp-build-'


class Unavailable(Exception):
    """The operators cannot be had here; `remedy` is what would help, or ''."""

    def __init__(self, reason, remedy=''):
        super().__init__(reason)
        self.remedy = remedy


def library(build=True):
    """The path of the library for this machine. Where it is not there yet it is built, or with
    `build=False` the result is None and nothing is changed. Raises Unavailable."""
    header, glue = find_interface()
    compiler = find_compiler()
    folder = cache_folder(make=build)
    key = _key([header, glue], compiler)
    found = _find(folder, key, remove=build)
    if found or not build:
        return found
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
        raise Unavailable('it takes MXNet 1.9 on Linux, and this is MXNet %s on %s'
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
    """The path of GCC's C++ compiler. Another's OpenMP would bring threads of its own."""
    for name in ('g++', 'c++'):
        path = shutil.which(name)
        if path and 'clang' not in os.path.realpath(path):
            return os.path.realpath(path)
    raise Unavailable('there is no C++ compiler, g++',
                      'install it: apt-get install g++ (Debian, Ubuntu), dnf install gcc-c++ '
                      '(Fedora, RHEL)')


def cache_folder(make=True):
    """$XDG_CACHE_HOME/gluonblocks/operators, the user's alone.

    It is made if it is not there. Without `make` nothing is written: the nearest folder above it
    that is there is checked, and returned, in its place.
    """
    top = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    if not os.path.isabs(top):
        raise Unavailable('the cache would be %s, which is no absolute path' % top,
                          'set XDG_CACHE_HOME to a folder of yours')
    whole = folder = os.path.join(os.path.realpath(top), 'gluonblocks', 'operators')
    try:
        if make:
            _make(folder)
        while not make and not os.path.lexists(folder):
            folder = os.path.dirname(folder)
        state = os.lstat(folder)
    except OSError as error:
        raise Unavailable('the cache %s cannot be made: %s' % (folder, error.strerror or error),
                          'set XDG_CACHE_HOME to a folder of yours that can be written')
    others = folder == whole and state.st_uid != os.geteuid()
    if others or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise Unavailable('the cache %s is not yours to read and write' % folder,
                          'set XDG_CACHE_HOME to a folder of yours that can be written')
    path = folder
    while True:
        _check_not_others(path, state)
        if path == os.path.dirname(path):
            return folder
        path = os.path.dirname(path)
        state = os.lstat(path)


def _make(folder):
    if not os.path.isdir(folder):
        _make(os.path.dirname(folder))
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)


def _check_not_others(path, state):
    """Unavailable if others than the user and root can put something in the place of what is here.

    In a folder like /tmp, with the sticky bit, nobody can replace what is another's.
    """
    others = state.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not state.st_mode & stat.S_ISVTX
    if not stat.S_ISDIR(state.st_mode) or others or state.st_uid not in (0, os.geteuid()):
        raise Unavailable('others can write to the cache: %s' % path,
                          'chmod go-w %s, or set XDG_CACHE_HOME to a folder of yours' % path)


def _key(interface, compiler):
    """What the library depends on, as 32 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in [os.path.join(os.path.dirname(__file__), name) for name in SOURCES] + interface:
        with open(path, 'rb') as f:
            digest.update(hashlib.sha256(f.read()).digest())
    state = os.stat(compiler)
    digest.update(repr((FLAGS, compiler, state.st_size, state.st_mtime_ns, mx.__version__,
                        platform.machine(), _processor())).encode())
    return digest.hexdigest()[:32]


def _processor():
    """The lines of /proc/cpuinfo that tell which instructions there are, of the first processor."""
    try:
        with open('/proc/cpuinfo') as f:
            first = f.read().split('\n\n')[0]
    except OSError:
        return platform.processor()
    return [line for line in first.splitlines()
            if line.split(':')[0].strip() in ('model name', 'flags', 'Features', 'CPU part')]


def _find(folder, key, remove):
    """The path of the library of `key` that is whole, or None. `remove` those that are not."""
    for name in sorted(os.listdir(folder)):
        if not (name.startswith(key + '-') and name.endswith('.so')):
            continue
        path = os.path.join(folder, name)
        try:
            state = os.lstat(path)
            own = stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and not (
                state.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
            if own and name == '%s-%s.so' % (
                    key, hashlib.sha256(read_file(path, MAX_BYTES)).hexdigest()):
                return path
            if remove:
                os.unlink(path)
        except OSError:  # another process removes it too, or it cannot be read
            continue
    return None


def _compile(folder, compiler, glue):
    """The content of a new library. All of it happens within a folder that is removed."""
    _remove_left(folder)
    print('gluonblocks compiles the operators that train faster, once on this machine: ten seconds '
          'or more', file=sys.stderr, flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix=_LEFT, dir=folder) as place:
            path = os.path.join(place, 'operators.so')
            done = subprocess.run(
                [compiler, *FLAGS, '-I', os.path.join(os.path.dirname(mx.__file__), 'include'),
                 *[os.path.join(os.path.dirname(__file__), name) for name in UNITS], glue,
                 '-o', path],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env=dict(os.environ, LC_ALL='C', TMPDIR=place), timeout=SECONDS)
            if done.returncode:
                said = done.stdout.decode(errors='replace').strip().splitlines()
                error = next((line for line in said if 'error' in line), said[-1] if said else '')
                raise Unavailable('%s could not compile them: %s' % (compiler, error))
            return read_file(path, MAX_BYTES)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable('they could not be compiled: %s' % error)


def _remove_left(folder):
    """Remove what compilations that were killed left, an hour ago or more."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with contextlib.suppress(OSError):
            if name.startswith(_LEFT) and os.lstat(path).st_mtime < time.time() - 3600:
                shutil.rmtree(path, ignore_errors=True)
