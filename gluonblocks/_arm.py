"""Make MXNet's wheel for ARM load: provide three libraries that it names and that nobody has.

The wheel was linked with Arm's own libraries. From them it uses only BLAS and LAPACK, which
OpenBLAS and LAPACKE contain under the same names. The dynamic loader is satisfied by a library with
the right soname that is loaded already, so an empty one for each name is enough, if the first is
linked with OpenBLAS and LAPACKE. We compile them once, and keep them in the user's cache.
"""
import ctypes
import hashlib
import importlib.util
import os
import platform
import sys

from .compiled import Unavailable, cached, compile_library, find_compiler

# The libraries that MXNet's wheel names -> those that they are linked with.
STAND_INS = {'libarmpl_lp64_mp.so': ('liblapacke.so.3', 'libopenblas.so.0'),
             'libamath.so': (), 'libastring.so': ()}

_INSTALL = """\
install OpenBLAS and LAPACKE:
  Debian, Ubuntu:  apt-get install libopenblas0 liblapacke
  Fedora, RHEL:    dnf install openblas lapack"""

provided = {}  # name of a library -> path of the one that was loaded in its place


def provide_libraries():
    """Load a stand-in for each of Arm's libraries that MXNet needs and this machine lacks.

    Must run before MXNet is imported. Raises ImportError that says what to install.
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
    """Load the stand-in for the library `name`, compiled if need be; return its path."""
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
