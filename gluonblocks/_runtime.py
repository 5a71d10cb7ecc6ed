"""Make MXNet 1.7 to 1.9 work with current versions of Python and NumPy, and use every core.

`prepare` must run before MXNet is imported: MXNet looks up NumPy functions during its import, and
its library reads its settings from environment variables only once, when it loads. Importing this
module changes nothing.
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

patches = []  # names of everything that `prepare` added or changed
error = None  # the ImportError if `prepare` failed, otherwise None

NUMPY = 'numpy>=1.19.5,<2.6'  # the versions that we test
# The platforms of MXNet's wheels on PyPI: (sys.platform, platform.machine()).
WHEELS = {('linux', 'x86_64'), ('linux', 'aarch64'), ('darwin', 'x86_64')}

_MISSING_LIBRARY = """\
MXNet is installed, but its library could not be loaded: {error}
Install the system libraries that MXNet needs:
  Debian, Ubuntu:  apt-get install {debian}
  Fedora, RHEL:    dnf install {fedora}"""

_MISSING_MXNET = """\
MXNet could not be imported: {error}
{remedy}"""

_WRONG_NUMPY = """\
MXNet could not be imported, because it does not work with NumPy {numpy}: {error}
Install a version of NumPy that works:
  pip install --no-deps '{allowed}'"""

_NO_DOCSTRINGS = """\
MXNet could not be imported: it needs docstrings, and Python was started with -OO (or
PYTHONOPTIMIZE=2), which removes them. Start Python with -O (PYTHONOPTIMIZE=1) or without it."""

# Environment variables for thread counts -> the smallest value that works. MXNet aborts if a value
# is too large or not an integer, and hangs if it is too small.
COUNTS = {'OMP_NUM_THREADS': 1, 'MXNET_OMP_MAX_THREADS': 0, 'MXNET_CPU_WORKER_NTHREADS': 1,
          'MXNET_CPU_PRIORITY_NTHREADS': 1}


def install_command():
    """Return a message that says how to install MXNet here, or why that is impossible."""
    if (sys.platform, platform.machine()) not in WHEELS:
        return ('MXNet has no wheel for %s on %s, only for 64-bit Linux and macOS on Intel.\n'
                'Use a Linux container (docker run --platform linux/%s), or a virtual machine.'
                % (platform.system() or sys.platform, platform.machine(),
                   'arm64' if platform.machine() in ('arm64', 'ARM64') else 'amd64'))
    # MXNet's metadata requires NumPy 1.x, which has no wheels for Python 3.13, so pip must not
    # install MXNet's dependencies.
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
    """Import MXNet; if that fails, raise an ImportError that says what to install."""
    # Importing MXNet emits warnings, so it would fail if the user turned warnings into errors
    # (python -W error). Show the warnings instead, except those about deprecated NumPy functions.
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
                  'MXNet needs this package. Install it with:  pip install ' + missing)
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
    """Raise ImportError if a Python option or an environment variable would break MXNet."""
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
                'must be an integer from %d to %d, got %r. Correct it, or unset it (unset %s).'
                % (name, least, most, text, name))


def library_is_loaded():
    """Return True if `import mxnet` has loaded MXNet's library, even if the import failed later."""
    return 'mxnet.base' in sys.modules


def set_threads():
    """Use one thread per physical core, unless the user has set a thread count.

    On x86, MXNet starts one thread per two logical CPUs by default, which leaves half of the cores
    idle on a machine without hyper-threading. If MXNet has already been imported, change nothing,
    but warn if it leaves cores idle. Returns a list of settings such as 'OMP_NUM_THREADS=4'.
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
        warnings.warn('MXNet was imported before gluonblocks, and uses only %d of %d cores: import '
                      'gluonblocks first, or set OMP_NUM_THREADS=%d before you start Python'
                      % (used, cores, cores), RuntimeWarning, stacklevel=2)
    return []


def set_spinning():
    """Make waiting threads spin for a shorter time if other processes use the cores.

    By default, a waiting thread spins for milliseconds before it sleeps. That is faster on an idle
    machine, but many times slower if the thread that it waits for has no free core. Does nothing if
    the user has set GOMP_SPINCOUNT or OMP_WAIT_POLICY, or if libgomp has already been loaded and
    has read these variables. Returns a list of settings such as 'GOMP_SPINCOUNT=1000'.
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
    """Set two environment variables that MXNet reads when it loads, unless they are already set."""
    # Do not copy large NumPy arrays in parallel: the copying thread would start its own OpenMP team
    # in addition to those of MXNet's engine. OpenMP would then put all threads to sleep after each
    # operator, and a training step of LeNet would take twice as long.
    os.environ.setdefault('MXNET_CPU_PARALLEL_SIZE', str(10 ** 9))
    # By default, MXNet's CPU engine runs one operator at a time, so allocate one workspace instead
    # of four. Each of the four would grow to the same size: 0.1 GB for DenseNet.
    if not os.environ.get('MXNET_CPU_WORKER_NTHREADS'):
        os.environ.setdefault('MXNET_CPU_TEMP_COPY', '1')


def prepare():
    """Prepare the process for MXNet, and import MXNet.

    Instead of raising an ImportError, store it in the module variable `error`.
    """
    global error
    try:
        check_environment()
        patches.extend(_compat.restore_numpy_names() + _compat.restore_distutils()
                      + set_threads() + set_spinning())
        set_library_options()
        _compat.forget_failed_import('mxnet')
        arm.provide_libraries()
        with _compat.defer_scipy_stats(), _compat.bypass_setuptools():
            import_mxnet()
        patches.extend(_compat.patch_mxnet() + _compat.make_blocks_copyable()
                      + _compat.wait_at_exit())
        _compat.patch_gluoncv()
    except ImportError as failed:
        error = failed
