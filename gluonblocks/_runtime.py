"""Make MXNet 1.7 to 1.9 import on today's Python and NumPy, and use every core. Nothing else.

`prepare` has to be called before MXNet's own import: MXNet looks NumPy's names up while its modules
load, and its library reads the thread count once, when it is loaded. Importing this module alone
changes nothing. What was mended is told in `mended`.
"""
import atexit
import importlib.util
import math
import os
import platform
import sys
import types
import warnings

mended = []  # what this module put in its place, in words
error = None  # the ImportError of `prepare`, where it failed

# MXNet's wheels on PyPI: (sys.platform, platform.machine()).
WHEELS = {('linux', 'x86_64'), ('linux', 'aarch64'), ('darwin', 'x86_64')}
# From here on NumPy has no wheels that MXNet's own requirement, numpy<2, allows.
_WITHOUT_PIN = (3, 13)

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
It looks for a name that this NumPy, {numpy}, lacks. Install one that it works with:
  pip install --no-deps 'numpy>=2,<2.3'"""


def install_command():
    """What installs MXNet here, or what to do where there is no wheel of it: text, lines."""
    if (sys.platform, platform.machine()) not in WHEELS:
        return ('There is no MXNet for %s on %s. Wheels exist for 64-bit Linux and for macOS on\n'
                'Intel: use a Linux container (docker run --platform linux/amd64), or a virtual '
                'machine.' % (platform.system() or sys.platform, platform.machine()))
    if sys.version_info >= _WITHOUT_PIN:
        return ("Install it with:  pip install --no-deps mxnet==1.9.1\n"
                '(without --no-deps its numpy<2 would have NumPy built from source)')
    return 'Install it with:  pip install mxnet==1.9.1'


def _financial(name):
    """A stand-in for a function that MXNet copies by its name, and NumPy dropped for good."""
    def dropped(*args, **kwargs):
        raise NotImplementedError('NumPy dropped %s in 1.20; numpy-financial has it' % name)
    dropped.__name__ = name
    return dropped


def _numpy_names():
    """What MXNet 1.x and GluonCV 0.10.5 look up in NumPy and newer NumPy lacks: {name: value}."""
    import numpy
    compat = types.ModuleType('numpy.compat')
    vars(compat)['basestring'] = str
    names = {
        # Dropped by 1.24; they were the builtins.
        'bool': bool, 'int': int, 'float': float,
        # Dropped by 2.0.
        'PZERO': 0.0, 'NZERO': -0.0, 'PINF': math.inf, 'NINF': -math.inf, 'Inf': math.inf,
        'NAN': math.nan, 'NaN': math.nan, 'alltrue': numpy.all, 'sometrue': numpy.any,
        'product': numpy.prod, 'round_': numpy.round, 'msort': lambda a: numpy.sort(a, axis=0),
        'compat': compat,
    }
    names.update((name, _financial(name)) for name in ('mirr', 'npv', 'pmt', 'ppmt', 'pv', 'rate'))
    return names


def put_back_numpy_names():
    """Add to NumPy the names of `_numpy_names` that it lacks; replace none."""
    try:
        import numpy
    except ModuleNotFoundError:
        return  # MXNet's import tells
    names = _numpy_names()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # NumPy 1.20 to 1.26 warn when they are asked for these
        missing = [name for name in names if not hasattr(numpy, name)]
    for name in missing:
        setattr(numpy, name, names[name])
        mended.append('numpy.' + name)


def put_back_distutils():
    """Provide `distutils.version` where Python has none (3.12 on, without setuptools' own)."""
    if 'distutils' in sys.modules or importlib.util.find_spec('distutils') is not None:
        return
    from packaging.version import Version
    package, version = types.ModuleType('distutils'), types.ModuleType('distutils.version')
    # An empty path makes it a package, of which any other submodule is still missing.
    vars(package).update(__path__=[], version=version)
    vars(version).update(LooseVersion=Version, StrictVersion=Version)
    sys.modules.update({'distutils': package, 'distutils.version': version})
    mended.append('distutils.version')


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


def set_threads():
    """Give MXNet one thread for each physical core, unless the user chose a number.

    MXNet takes half of the logical CPUs by default (x86), which is half of the cores where there
    is no hyper-threading. Too late once MXNet is loaded: then warn, if cores stay idle.
    """
    if os.environ.get('OMP_NUM_THREADS') or os.environ.get('MXNET_OMP_MAX_THREADS'):
        return
    cores = physical_cores()
    if 'mxnet' not in sys.modules:
        os.environ['OMP_NUM_THREADS'] = str(cores)
        mended.append('OMP_NUM_THREADS=%d' % cores)
        return
    halves = platform.machine() in ('x86_64', 'AMD64')
    used = max(1, len(_available_cpus()) // 2) if halves else cores
    if used < cores:
        warnings.warn('MXNet was imported before gluonblocks and uses %d of %d cores; import '
                      'gluonblocks first, or set OMP_NUM_THREADS=%d before starting Python.'
                      % (used, cores, cores), RuntimeWarning, stacklevel=2)


def copy_in_one_thread():
    """Have MXNet copy arrays from NumPy in one thread, unless the user chose a size.

    Copying a large one in parallel gives Python's thread a team of OpenMP threads beside that of
    MXNet's engine. They are then more than the cores, and the OpenMP library puts all of them to
    sleep after each operator: a step of LeNet takes twice as long.
    """
    os.environ.setdefault('MXNET_CPU_PARALLEL_SIZE', str(10 ** 9))


def import_mxnet():
    """Import MXNet; raise an ImportError that says what to install where that fails."""
    try:
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
        raise ImportError(
            _BEYOND_MENDING.format(error=error, numpy=numpy.__version__)) from error


def wait_at_exit():
    """Let MXNet 1.7 finish what it computes before Python ends; otherwise it aborts the process."""
    import mxnet
    if not mxnet.__version__.startswith('1.7.'):
        return

    def wait():
        try:
            mxnet.nd.waitall()
        except mxnet.base.MXNetError:  # of an operation whose result nobody asked for
            pass
    atexit.register(wait)
    mended.append('wait-at-exit')


def prepare():
    """Mend what keeps MXNet from working, then import it: the package calls it first of all."""
    global error
    try:
        put_back_numpy_names()
        put_back_distutils()
        set_threads()
        copy_in_one_thread()
        import_mxnet()
        wait_at_exit()
    except ImportError as failed:
        error = failed
        raise


def may_be_own_command():
    """Whether this process may be a command of ours, which tells what is missing without MXNet.

    Python says '-m' while it looks for the module to run, ours or another's: `python -m
    gluonblocks` imports the package first.
    """
    return bool(sys.argv) and os.path.basename(sys.argv[0]) in ('-m', 'gluonblocks')
