"""Compile the operator library for this machine's processor, compiler and MXNet version."""
import hashlib
import os
import pathlib
import platform
import sys

import mxnet as mx

from ...machine.compiled import Unavailable, cached, compile_library, find_compiler

SOURCES = pathlib.Path(__file__).resolve().parent
# Do not add -ffast-math: it assumes that no value is NaN or infinite, and makes the process flush
# subnormal values to zero. The two -fno- flags are safe, because our code neither reads errno nor
# checks for floating-point exceptions.
FLAGS = ('-std=c++17', '-O3', '-march=native', '-fopenmp', '-fPIC', '-fno-math-errno',
         '-fno-trapping-math', '-w')
# MXNet's lib_api.cc converts the arguments of each call. With -O0, a step of `lenet_bn` would take
# 5 % longer; -O2 is no faster than -O1, but takes longer to compile.
GLUE_FLAGS = ('-std=c++11', '-O1', '-fPIC', '-w')


def library(build=True):
    """Return the path of the library for this machine; compile it if necessary.

    If `build` is False and no library has been compiled yet, return None. Raises Unavailable if the
    library cannot be compiled or stored.
    """
    interface, compiler = find_interface(), find_compiler()
    try:
        return cached(_key(interface, compiler),
                      (lambda: _compile(compiler, interface[1])) if build else None)
    except OSError as error:  # for example, the disk is full, or a file of MXNet is missing
        raise Unavailable(str(error))


def find_interface():
    """Return the paths of MXNet's header and source file for operator libraries."""
    version = tuple(int(part) for part in mx.__version__.split('.')[:2])
    if sys.platform != 'linux' or version < (1, 9):
        raise Unavailable('the C++ operators need MXNet 1.9 on Linux; found MXNet %s on %s'
                          % (mx.__version__, platform.system()),
                          '' if sys.platform != 'linux' else "pip install 'mxnet>=1.9,<1.10'")
    folder = os.path.dirname(os.path.abspath(mx.__file__))
    return (os.path.join(folder, 'include', 'mxnet', 'lib_api.h'),
            os.path.join(folder, 'src', 'lib_api.cc'))


def _key(interface, compiler):
    """Return a 32-digit hexadecimal digest of everything that affects the compiled library."""
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
    """Return the lines of /proc/cpuinfo that identify the first processor's instruction set."""
    try:
        with open('/proc/cpuinfo') as f:
            first = f.read().split('\n\n')[0]
    except OSError:
        return platform.processor()
    return [line for line in first.splitlines()
            if line.split(':')[0].strip() in ('model name', 'flags', 'Features', 'CPU part')]


def _compile(compiler, glue):
    """Compile the operator library, and return its content as bytes."""
    print('compiling the C++ operators (only once on this machine)', file=sys.stderr, flush=True)
    include = ('-I', os.path.join(os.path.dirname(os.path.abspath(mx.__file__)), 'include'), '-c')
    return compile_library(
        'the C++ operators', compiler,
        [(*GLUE_FLAGS, *include, glue, '-o', 'glue.o'),
         (*FLAGS, *include, str(SOURCES / 'operators.cc'), '-o', 'operators.o')],
        [('-shared', '-fopenmp', 'glue.o', 'operators.o', '-o', 'library.so')])
