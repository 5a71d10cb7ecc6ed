"""Provide the three libraries of Arm's that MXNet's wheel for ARM needs and that machines lack.

The wheel uses only BLAS and LAPACK from them, which OpenBLAS and LAPACKE contain under the same
names. The dynamic loader accepts a loaded library with the right soname, so an empty library for
each name is enough, if the first is linked with OpenBLAS and LAPACKE. They are compiled once, and
stored in the user's cache.
"""
import ctypes
import hashlib
import importlib.util
import os
import platform
import sys

from .compiled import Unavailable, cached, compile_library, find_compiler

# Libraries of Arm's -> the libraries with which their stand-ins are linked.
STAND_INS = {'libarmpl_lp64_mp.so': ('liblapacke.so.3', 'libopenblas.so.0'),
             'libamath.so': (), 'libastring.so': ()}

_INSTALL = """\
install OpenBLAS and LAPACKE:
  Debian, Ubuntu:  apt-get install libopenblas0 liblapacke
  Fedora, RHEL:    dnf install openblas lapack"""

provided = {}  # name of a library -> path of its stand-in


def provide_libraries():
    """Load a stand-in for each of Arm's libraries that MXNet needs and this machine lacks.

    Call it before MXNet is imported. Raises ImportError, which says what to install.
    """
    if (sys.platform, platform.machine()) != ('linux', 'aarch64') or not _library_lacks_one():
        return
    try:
        for name, needed in STAND_INS.items():
            if not _loads(name):
                provided[name] = _load_stand_in(name, needed)
    except (Unavailable, OSError) as error:
        remedy = getattr(error, 'remedy', '')
        raise ImportError('MXNet could not be imported: its wheel for ARM needs BLAS and LAPACK, '
                          'but %s%s' % (error, remedy and '.\nTo solve this, ' + remedy)) from error


def _library_lacks_one():
    """Return True if MXNet's library does not load because one of Arm's libraries is missing."""
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
    """Load the stand-in for the library `name`; compile it if necessary. Return its path."""
    missing = [other for other in needed if not _loads(other)]
    if missing:
        raise Unavailable('%s cannot be loaded' % ' and '.join(missing), _INSTALL)
    arguments = ['-shared', '-o', 'library.so', '-Wl,-soname,' + name, '-Wl,--no-as-needed',
                 *('-l:' + other for other in needed)]
    key = '%s-%s' % (name, hashlib.sha256(repr(arguments).encode()).hexdigest()[:32])
    path = cached(key, lambda: compile_library(
        'a stand-in for ' + name, find_compiler(), [arguments]))
    ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
    return path
