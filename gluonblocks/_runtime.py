"""Make MXNet 1.7 to 1.9 import on today's Python and NumPy, and use every core.

`prepare` must run before MXNet's own import: MXNet looks NumPy's names up while its modules load,
and its library reads the number of threads once, when it loads. All settings go to the library
through the environment. Importing this module alone changes nothing.
"""
import math
import os
import platform
import re
import sys
import warnings
from importlib import metadata

from . import _compat

mended = []  # the names of what was corrected
error = None  # the ImportError of `prepare`, if it failed

NUMPY = 'numpy>=1.19.5,<2.6'  # the versions that are tested
# MXNet's wheels on PyPI: (sys.platform, platform.machine()).
WHEELS = {('linux', 'x86_64'), ('linux', 'aarch64'), ('darwin', 'x86_64')}

_MISSING_LIBRARY = """\
MXNet is installed but its library could not be loaded: {error}
MXNet's wheel needs two system libraries that it does not bring, libgomp and libquadmath.
  Debian, Ubuntu:  apt-get install libgomp1 libquadmath0
  Fedora, RHEL:    dnf install libgomp libquadmath"""

_MISSING_MXNET = """\
MXNet could not be imported: {error}
{remedy}"""

_BEYOND_MENDING = """\
MXNet could not be imported: {error}
It looks for what this NumPy, {numpy}, lacks. Install one that it works with:
  pip install --no-deps '{allowed}'"""

_NO_DOCSTRINGS = """\
MXNet could not be imported: Python was started with -OO (or PYTHONOPTIMIZE=2), which leaves out
the docstrings, and MXNet puts its own together as it is imported. Start Python without it, or with
-O (PYTHONOPTIMIZE=1), which keeps them."""

# Thread counts of the environment -> the smallest that MXNet works with. Other values abort the
# process (not a number, too many threads to start) or make it hang (0).
COUNTS = {'OMP_NUM_THREADS': 1, 'MXNET_OMP_MAX_THREADS': 0, 'MXNET_CPU_WORKER_NTHREADS': 1,
          'MXNET_CPU_PRIORITY_NTHREADS': 1}


def install_command():
    """What installs MXNet here, or what to do where there is no wheel of it: text, lines."""
    if (sys.platform, platform.machine()) not in WHEELS:
        return ('There is no MXNet for %s on %s. Wheels exist for 64-bit Linux and for macOS on\n'
                'Intel: use a Linux container (docker run --platform linux/amd64), or a virtual '
                'machine.' % (platform.system() or sys.platform, platform.machine()))
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
    """Import MXNet; raise an ImportError that says what to install where that fails."""
    # MXNet's import warns, and would fail if the user makes warnings errors (python -W error). They
    # are shown instead, except those about what NumPy will drop.
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
        raise ImportError(_MISSING_LIBRARY.format(error=error)) from error
    except (AttributeError, RuntimeError) as error:
        import numpy
        raise ImportError(_BEYOND_MENDING.format(
            error=error, numpy=numpy.__version__, allowed=NUMPY)) from error


def check_environment():
    """Raise ImportError for settings that would abort the process as MXNet's library loads."""
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
                'MXNet could not be imported: the environment variable %s is %r, and MXNet takes\n'
                'an integer from %d to %d. Set it to such a number, or unset it (unset %s).'
                % (name, text, least, most, name))


def _read(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except OSError:
        return ''


def _available_cpus():
    """The numbers of the logical CPUs this process may run on."""
    if hasattr(os, 'sched_getaffinity'):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _container_limit(proc='/proc', root='/sys/fs/cgroup'):
    """CPUs that the control groups of this process allow, or infinity (cgroup v2 and v1)."""
    limits = [math.inf]
    for line in _read(os.path.join(proc, 'self/cgroup')).splitlines():
        _, controllers, path = line.split(':', 2)
        names = controllers.split(',')
        if controllers and 'cpu' not in names:
            continue
        top = os.path.join(root, 'cpu') if controllers else root
        # Inside a container the path may be the host's and the files lie at the top; a limit of
        # any ancestor counts too, so every level is read and the smallest limit wins.
        parts = [p for p in path.split('/') if p and p != '..']
        for depth in range(len(parts) + 1):
            here = os.path.join(top, *parts[:depth])
            fields = (_read(os.path.join(here, 'cpu.max')).split() or
                      [_read(os.path.join(here, 'cpu.cfs_quota_us')),
                       _read(os.path.join(here, 'cpu.cfs_period_us'))])
            if len(fields) == 2 and all(f.isdigit() for f in fields) and int(fields[1]):
                limits.append(int(fields[0]) / int(fields[1]))
    return min(limits)


def physical_cores(sys_cpu='/sys/devices/system/cpu', cpus=None, limit=None):
    """How many physical cores this process may use; at least 1.

    Hyper-threads of one core count once; CPU affinity and container limits are respected, a
    fractional limit rounded up. The arguments are for tests.
    """
    cpus = _available_cpus() if cpus is None else cpus
    limit = _container_limit() if limit is None else limit
    siblings = {_read('%s/cpu%d/topology/thread_siblings_list' % (sys_cpu, n)) or str(n)
                for n in cpus}
    return max(1, min(len(siblings), math.ceil(limit) if limit < math.inf else len(siblings)))


def library_is_loaded():
    """Return True if `import mxnet` has loaded MXNet's library, even if the import then failed."""
    return 'mxnet.base' in sys.modules


def set_threads():
    """Give MXNet one thread for each physical core, unless the user chose; return what was set.

    MXNet takes half of the logical CPUs by default (x86), which is half of the cores where there
    is no hyper-threading. Too late once MXNet is loaded: then warn, if cores stay idle.
    """
    if os.environ.get('OMP_NUM_THREADS') or os.environ.get('MXNET_OMP_MAX_THREADS'):
        return []
    cores = physical_cores()
    if not library_is_loaded():
        os.environ['OMP_NUM_THREADS'] = str(cores)
        return ['OMP_NUM_THREADS=%d' % cores]
    halves = platform.machine() in ('x86_64', 'AMD64')
    used = max(1, len(_available_cpus()) // 2) if halves else cores
    if used < cores:
        warnings.warn('MXNet was imported before gluonblocks and uses %d of %d cores; import '
                      'gluonblocks first, or set OMP_NUM_THREADS=%d before starting Python.'
                      % (used, cores, cores), RuntimeWarning, stacklevel=2)
    return []


def set_library_options():
    """Set two variables that MXNet's library reads as it loads, unless the user has set them."""
    # Copying a large array from NumPy in parallel gives Python's thread its own team of OpenMP
    # threads, next to that of MXNet's engine. OpenMP then puts all of them to sleep after each
    # operator: a step of LeNet takes twice as long.
    os.environ.setdefault('MXNET_CPU_PARALLEL_SIZE', str(10 ** 9))
    # MXNet keeps four workspaces, for operators that run at the same time; each becomes as large as
    # the largest, 0.1 GB for DenseNet. By default its CPU engine runs one operator at a time.
    if not os.environ.get('MXNET_CPU_WORKER_NTHREADS'):
        os.environ.setdefault('MXNET_CPU_TEMP_COPY', '1')


def prepare():
    """Correct what keeps MXNet from working, then import it. If that fails, keep the `error`."""
    global error
    try:
        check_environment()
        mended.extend(_compat.put_back_numpy_names() + _compat.put_back_distutils()
                      + set_threads())
        set_library_options()
        _compat.forget_failed_import('mxnet')
        import_mxnet()
        mended.extend(_compat.mend_mxnet() + _compat.let_blocks_be_copied()
                      + _compat.wait_at_exit())
        _compat.correct_gluoncv()
    except ImportError as failed:
        error = failed
