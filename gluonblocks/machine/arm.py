"""Replace the three Arm libraries that MXNet's wheel for ARM needs but most machines lack.

MXNet uses only BLAS and LAPACK functions from these libraries, and OpenBLAS and LAPACKE contain
functions with the same names. The dynamic loader accepts any loaded library with the right soname,
so empty stand-in libraries are enough, provided that one of them is linked with OpenBLAS and
LAPACKE. They are compiled once and stored in the user's cache.
"""
import ctypes
import hashlib
import importlib.util
import os
import platform
import sys

from .compiled import Unavailable, cached, compile_library, find_compiler

# {Arm library that MXNet needs: libraries that its stand-in is linked with}.
STAND_INS = {'libarmpl_lp64_mp.so': ('liblapacke.so.3', 'libopenblas.so.0'),
             'libamath.so': (), 'libastring.so': ()}

_INSTALL = """\
install OpenBLAS and LAPACKE:
  Debian, Ubuntu:  apt-get install libopenblas0 liblapacke
  Fedora, RHEL:    dnf install openblas lapack"""

provided = {}  # names of Arm's libraries -> paths of the stand-ins that were loaded


def provide_libraries():
    """Load an empty stand-in library for each Arm library that is missing on this machine.

    Call this before importing MXNet. On failure, raises an ImportError that says what to do.
    """
    if (sys.platform, platform.machine()) != ('linux', 'aarch64') or not _is_needed():
        return
    try:
        for name, needed in STAND_INS.items():
            if not _loads(name):
                provided[name] = _load_stand_in(name, needed)
    except (Unavailable, OSError) as error:
        remedy = getattr(error, 'remedy', '')
        raise ImportError('MXNet could not be imported: its wheel for ARM needs BLAS and LAPACK, '
                          'but %s%s' % (error, remedy and '.\nTo fix this, ' + remedy)) from error


def _is_needed():
    """Return True if MXNet's library cannot be loaded because one of Arm's libraries is missing."""
    spec = importlib.util.find_spec('mxnet')
    if not spec or not spec.origin:
        return False
    try:
        ctypes.CDLL(os.path.join(os.path.dirname(spec.origin), 'libmxnet.so'))  # as MXNet does
    except OSError as error:  # "libamath.so: cannot open shared object file: ..."
        return str(error).split(':')[0] in STAND_INS
    return False


def _loads(name):
    try:
        return bool(ctypes.CDLL(name))
    except OSError:
        return False


def _load_stand_in(name, needed):
    """Load the stand-in for Arm's library `name`, compiling it if necessary; return its path."""
    missing = [other for other in needed if not _loads(other)]
    if missing:
        raise Unavailable('%s could not be loaded' % ' and '.join(missing), _INSTALL)
    arguments = ['-shared', '-o', 'library.so', '-Wl,-soname,' + name, '-Wl,--no-as-needed',
                 *('-l:' + other for other in needed)]
    key = '%s-%s' % (name, hashlib.sha256(repr(arguments).encode()).hexdigest()[:32])
    path = cached(key, lambda: compile_library(
        'a stand-in for ' + name, find_compiler(), [arguments]))
    ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
    return path
