"""Make MXNet 1.7 to 1.9 import on today's Python and NumPy, and use every core.

`prepare` must run before MXNet is imported: MXNet looks up names of NumPy while its modules load,
and its library reads the number of threads once, when it loads. All settings reach the library
through environment variables. Importing this module alone changes nothing.
"""
import os
import platform
import re
import sys
import warnings
from importlib import metadata

from . import _compat
from .machine import arm
from .machine.cpus import available_cpus, physical_cores, read_text, too_few_cpus

patches = []  # the names of the corrections that `prepare` made
error = None  # the ImportError if `prepare` failed, else None

NUMPY = 'numpy>=1.19.5,<2.6'  # the tested versions
# The platforms of MXNet's wheels on PyPI: (sys.platform, platform.machine()).
WHEELS = {('linux', 'x86_64'), ('linux', 'aarch64'), ('darwin', 'x86_64')}

_MISSING_LIBRARY = """\
MXNet is installed, but its library could not be loaded: {error}
MXNet's wheel needs system libraries that it does not include:
  Debian, Ubuntu:  apt-get install {debian}
  Fedora, RHEL:    dnf install {fedora}"""

_MISSING_MXNET = """\
MXNet could not be imported: {error}
{remedy}"""

_WRONG_NUMPY = """\
MXNet could not be imported: {error}
It does not work with NumPy {numpy}. Install a version that it works with:
  pip install --no-deps '{allowed}'"""

_NO_DOCSTRINGS = """\
MXNet could not be imported: it edits docstrings when it is imported, and Python was started with
-OO (or PYTHONOPTIMIZE=2), which removes them. Start Python without -OO, or with -O
(PYTHONOPTIMIZE=1), which keeps docstrings."""

# Environment variables for thread counts -> the smallest value that MXNet works with. Values that
# are too large, or not integers, abort the process. Values that are too small make it hang.
COUNTS = {'OMP_NUM_THREADS': 1, 'MXNET_OMP_MAX_THREADS': 0, 'MXNET_CPU_WORKER_NTHREADS': 1,
          'MXNET_CPU_PRIORITY_NTHREADS': 1}


def install_command():
    """Return lines that say how to install MXNet on this machine, or why that is impossible."""
    if (sys.platform, platform.machine()) not in WHEELS:
        return ('MXNet has no wheel for %s on %s, only for 64-bit Linux and for macOS on Intel.\n'
                'Use a Linux container (docker run --platform linux/%s), or a virtual machine.'
                % (platform.system() or sys.platform, platform.machine(),
                   'arm64' if platform.machine() in ('arm64', 'ARM64') else 'amd64'))
    # NumPy below 2, which MXNet's metadata ask for, has no wheels for Python 3.13.
    if sys.version_info >= (3, 13) or _has_numpy_2():
        return ('Install it with:  pip install --no-deps mxnet==1.9.1\n'
                '(without --no-deps, pip would replace NumPy with a version below 2)')
    return 'Install it with:  pip install mxnet==1.9.1'


def _has_numpy_2():
    try:
        return int(metadata.version('numpy').split('.')[0]) >= 2
    except metadata.PackageNotFoundError:
        return False


def import_mxnet():
    """Import MXNet; raise an ImportError that says what to install if that fails."""
    # Importing MXNet warns, and would fail if the user turned warnings into errors (python -W
    # error). Show the warnings instead, except those about deprecated names of NumPy.
    try:
        with warnings.catch_warnings():
            if any(action == 'error' for action, *_ in warnings.filters):
                warnings.simplefilter('default')
            for kind in (DeprecationWarning, FutureWarning):
                warnings.simplefilter('ignore', kind)
            import mxnet  # noqa: F401
    except ImportError as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        remedy = (install_command() if missing in (None, 'mxnet') else
                  'MXNet needs it; install it with:  pip install ' + missing)
        raise ImportError(_MISSING_MXNET.format(error=error, remedy=remedy)) from error
    except OSError as error:
        both = platform.machine() != 'aarch64'  # libquadmath is for x86
        raise ImportError(_MISSING_LIBRARY.format(
            error=error, debian='libgomp1 libquadmath0' if both else 'libgomp1',
            fedora='libgomp libquadmath' if both else 'libgomp')) from error
    except (AttributeError, RuntimeError) as error:
        import numpy
        raise ImportError(_WRONG_NUMPY.format(
            error=error, numpy=numpy.__version__, allowed=NUMPY)) from error


def check_environment():
    """Raise ImportError for settings that would abort the process when MXNet's library loads."""
    if library_is_loaded():
        return
    if sys.flags.optimize > 1:
        raise ImportError(_NO_DOCSTRINGS)
    most = max(1024, os.cpu_count() or 1)
    for name, least in COUNTS.items():
        text = os.environ.get(name)
        if text and not (re.fullmatch(r'\s*\+?[0-9]{1,9}\s*', text)
                         and least <= int(text) <= most):
            raise ImportError(
                'MXNet could not be imported: the environment variable %s\n'
                'must be an integer from %d to %d, got %r. Correct the value or unset it '
                '(unset %s).'
                % (name, least, most, text, name))


def library_is_loaded():
    """Return True if `import mxnet` has loaded MXNet's library, even if the import then failed."""
    return 'mxnet.base' in sys.modules


def set_threads():
    """Set MXNet to one thread per physical core, unless the user set a number; return the settings.

    On x86, MXNet uses half of the logical CPUs by default, which is half of the cores if there is
    no hyper-threading. If MXNet was imported earlier, warn if it leaves cores idle.
    """
    if os.environ.get('OMP_NUM_THREADS') or os.environ.get('MXNET_OMP_MAX_THREADS'):
        return []
    cores = physical_cores()
    if not library_is_loaded():
        os.environ['OMP_NUM_THREADS'] = str(cores)
        return ['OMP_NUM_THREADS=%d' % cores]
    uses_half = platform.machine() in ('x86_64', 'AMD64')
    used = max(1, len(available_cpus()) // 2) if uses_half else cores
    if used < cores:
        warnings.warn('MXNet was imported before gluonblocks and uses %d of %d cores; import '
                      'gluonblocks first, or set OMP_NUM_THREADS=%d before starting Python.'
                      % (used, cores, cores), RuntimeWarning, stacklevel=2)
    return []


def set_spinning():
    """Let waiting threads sleep soon if other processes use the cores; return what was set.

    By default, threads spin for milliseconds while they wait. That is faster on an idle machine,
    but many times slower if the thread they wait for has no core. Variables that the user has set
    do not change. libgomp reads the variable when it loads, so nothing is set if another package
    has loaded it.
    """
    if (os.environ.get('GOMP_SPINCOUNT') or os.environ.get('OMP_WAIT_POLICY')
            or os.environ.get('MXNET_OMP_MAX_THREADS')
            or os.environ.get('OMP_NUM_THREADS', '1').strip() in ('', '1')
            or 'libgomp' in read_text('/proc/self/maps')
            or not too_few_cpus(int(os.environ['OMP_NUM_THREADS']))):
        return []
    os.environ['GOMP_SPINCOUNT'] = '1000'
    return ['GOMP_SPINCOUNT=1000']


def set_library_options():
    """Set two variables that MXNet's library reads when it loads, unless the user has set them."""
    # Copying a large array from NumPy in parallel gives Python's thread its own team of OpenMP
    # threads, alongside that of MXNet's engine. OpenMP then puts all of them to sleep after each
    # operator, and a step of LeNet takes twice as long.
    os.environ.setdefault('MXNET_CPU_PARALLEL_SIZE', str(10 ** 9))
    # MXNet allocates four workspaces for operators that run at the same time, each as large as the
    # largest, 0.1 GB for DenseNet. By default its CPU engine runs one operator at a time.
    if not os.environ.get('MXNET_CPU_WORKER_NTHREADS'):
        os.environ.setdefault('MXNET_CPU_TEMP_COPY', '1')


def prepare():
    """Correct the environment for MXNet, then import it. If that fails, set `error`."""
    global error
    try:
        check_environment()
        patches.extend(_compat.restore_numpy_names() + _compat.restore_distutils()
                      + set_threads() + set_spinning())
        set_library_options()
        _compat.forget_failed_import('mxnet')
        arm.provide_libraries()
        with _compat.defer_scipy_stats():
            import_mxnet()
        patches.extend(_compat.patch_mxnet() + _compat.make_blocks_copyable()
                      + _compat.wait_at_exit())
        _compat.patch_gluoncv()
    except ImportError as failed:
        error = failed
