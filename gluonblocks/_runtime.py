"""Make MXNet 1.9.1 import on today's Python and NumPy, and use every core. Nothing else.

This module works when it is imported, because each of its three mendings has to be in place
before MXNet's own import: MXNet looks NumPy's names up while its modules load, and its library
reads the thread count once, when it is loaded.
"""
import importlib.util
import math
import os
import platform
import sys
import types
import warnings

import numpy

# MXNet 1.9.1 and GluonCV 0.10.5 look these up; NumPy 1.24 dropped them. They were the builtins.
_NUMPY_NAMES = {'bool': bool, 'int': int, 'float': float, 'object': object}

_MISSING_LIBRARY = """\
MXNet is installed but its library could not be loaded: {error}
MXNet's wheel needs two system libraries that it does not bring, libgomp and libquadmath.
  Debian, Ubuntu:  apt-get install libgomp1 libquadmath0
  Fedora, RHEL:    dnf install libgomp libquadmath"""

_MISSING_MXNET = """\
MXNet could not be imported: {error}
Install it with:  pip install mxnet==1.9.1
(wheels exist for 64-bit x86 Linux; on another system use a Linux container or virtual machine)"""


def put_back_numpy_names():
    """Add to NumPy the names of `_NUMPY_NAMES` that it lacks; replace none."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # NumPy 1.20 to 1.26 warn when they are asked for these
        missing = [name for name in _NUMPY_NAMES if not hasattr(numpy, name)]
    for name in missing:
        setattr(numpy, name, _NUMPY_NAMES[name])


def put_back_distutils():
    """Provide `distutils.version` where Python has none (3.12 on, without setuptools' own)."""
    if importlib.util.find_spec('distutils') is not None:
        return
    from packaging.version import Version
    package, version = types.ModuleType('distutils'), types.ModuleType('distutils.version')
    package.__path__ = []  # an empty package: any other submodule is still missing
    package.version = version
    version.LooseVersion = version.StrictVersion = Version
    sys.modules.update({'distutils': package, 'distutils.version': version})


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
        raise ImportError(_MISSING_MXNET.format(error=error)) from error
    except OSError as error:
        raise ImportError(_MISSING_LIBRARY.format(error=error)) from error


put_back_numpy_names()
put_back_distutils()
set_threads()
copy_in_one_thread()
import_mxnet()
