"""Check the installation: print one line per check, and say how to fix any problems.

The command works even if MXNet, NumPy or another package is missing.
"""
import os
import platform
import sys
from importlib import metadata

from .. import _runtime
from ..machine import arm
from ..machine.cpus import physical_cores
from .parser import Parser

EXAMPLE = """\
example:
  PROG

Each line begins with ok, FIX (a problem, and what to do), note (works, but could be better) or info
(a fact for a bug report). The command neither downloads nor changes anything. Exit code:
0 no problems, 1 problems found."""

OK, FIX, NOTE, INFO = 'ok', 'FIX', 'note', 'info'

# Maps the names that we print for build features to their names in mxnet.runtime.Features.
_FEATURES = {'oneDNN': 'MKLDNN', 'CUDA': 'CUDA', 'cuDNN': 'CUDNN', 'distributed': 'DIST_KVSTORE',
             'OpenMP': 'OPENMP', 'OpenBLAS': 'BLAS_OPEN', 'MKL': 'BLAS_MKL', 'OpenCV': 'OPENCV',
             'large tensors': 'INT64_TENSOR_SIZE'}
_VARIABLES = ('GLUONBLOCKS_', 'MXNET_', 'OMP_', 'KMP_', 'GOMP_', 'MKLDNN_', 'DNNL_', 'CUDA_VISIBLE')


def parse(argv, prog):
    return Parser(prog, __doc__, EXAMPLE).parse_args(argv)


def main(args):
    """Print the result of each check, and return the exit code."""
    checks = collect(_runtime.error)
    for title, status, text in checks:
        print('%-5s%-13s%s' % (status, title, text.replace('\n', '\n' + ' ' * 18)))
    problems = sum(status == FIX for _, status, _ in checks)
    print('\n%s' % ('%d problem%s found: see FIX above' % (problems, 's' * (problems > 1))
                    if problems else 'no problems found'))
    return 1 if problems else 0


def collect(error=None):
    """Return one (title, status, text) per check; `error` is the error from importing MXNet."""
    checks = [
        ('gluonblocks', OK, _version('gluonblocks') or 'not installed, runs from a checkout'),
        ('Python', OK, '%s, %s' % (platform.python_version(), sys.executable)),
        ('NumPy', OK if _version('numpy') else INFO, _version('numpy') or 'not installed'),
        ('MXNet', FIX, '%s: %s' % (_version('mxnet') or 'not installed', error)) if error else
        ('MXNet', OK, _mxnet_version()),
        ('packages', *_requirements())]
    if not error:
        checks += [('operators', *_operators()), ('threads', *_threads()),
                   ('devices', *_devices()), ('data', *_data())]
    if arm.provided:
        checks.append(('ARM', INFO, 'OpenBLAS and LAPACKE replace ' + ', '.join(arm.provided)))
    variables = ['%s=%s' % (name, value) for name, value in sorted(os.environ.items())
                 if name.startswith(_VARIABLES)]
    return checks + ([] if error else [('MXNet build', INFO, _features())]) + [
        ('GluonCV', INFO, _version('gluoncv') or 'not installed (optional)'),
        ('system', INFO, '%s, %s' % (platform.platform(), platform.machine())),
        ('variables', INFO, ' '.join(variables) or 'none'),
        ('patches', INFO, ' '.join(_runtime.patches) or 'none')]


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _mxnet_version():
    import mxnet
    return '%s, %s' % (_version('mxnet') or mxnet.__version__, os.path.dirname(mxnet.__file__))


def _threads():
    from ..mxnet_private import openmp_threads
    cores = physical_cores()
    try:
        used = openmp_threads()
    except AttributeError:
        return INFO, 'unknown number of threads on %d cores' % cores
    own = os.environ.get('MXNET_OMP_MAX_THREADS', '')
    used = int(own) if own.isdigit() else used  # MXNet's own loops obey this variable
    text = '%d on %d cores' % (used, cores)
    return (OK, text) if used == cores else (FIX, text + (
        ': unset OMP_NUM_THREADS and MXNET_OMP_MAX_THREADS to use one thread per core'))


def _operators():
    from ..graphs.operators import VARIABLE, are_on, pending, status
    try:
        if not are_on():
            return NOTE, 'off, so training is slower: unset %s to use the operators' % VARIABLE
    except ValueError as error:
        return FIX, str(error)
    if pending():
        return OK, 'not compiled yet: the first training run compiles the operators'
    state = status()
    if state.ready:
        return OK, 'compiled and tested'
    return FIX if os.environ.get(VARIABLE) or state.faulty else NOTE, (
        'unavailable, so training is slower: %s%s' % (
            state.reason, '. To use the operators, ' + state.remedy if state.remedy else ''))


def _features():
    from mxnet.runtime import Features
    known = Features()
    return ', '.join('%s %s' % (title, 'yes' if name in known and known.is_enabled(name) else 'no')
                     for title, name in _FEATURES.items())


def _devices():
    from mxnet.runtime import Features

    from ..devices import try_all_gpus
    devices = ', '.join(str(device) for device in try_all_gpus())
    if Features().is_enabled('CUDA') and devices == 'cpu(0)':
        return FIX, ('%s, although MXNet was built for GPUs: check that nvidia-smi lists a GPU and '
                     'that its CUDA version matches the build (11.2 for mxnet-cu112)' % devices)
    return OK, devices


def _data():
    from ..data import fashion_mnist
    folder = fashion_mnist.find_folder()
    found = fashion_mnist.find_files(folder)
    if not found:
        return OK, 'no Fashion-MNIST yet: the first training run downloads it to ' + folder
    for name, path in found.items():
        try:
            fashion_mnist.check(name, path)
        except fashion_mnist.DataError as error:
            return FIX, '%s. Delete the file: the next training run downloads it again' % error
    return OK, 'Fashion-MNIST, %d of %d files in %s' % (
        len(found), len(fashion_mnist.FILES), folder)


def _requirements():
    """Return (status, text), where the text lists missing requirements and untested versions."""
    try:
        requires = metadata.requires('gluonblocks') or []
    except metadata.PackageNotFoundError:
        return INFO, 'not checked, because gluonblocks is not installed'
    from packaging.requirements import Requirement
    problems = []
    for requirement in map(Requirement, requires):
        version = _version(requirement.name)
        if requirement.marker and not any(requirement.marker.evaluate({'extra': extra})
                                          for extra in ('', 'mxnet')):
            continue
        if version is None and requirement.name != 'mxnet':  # GPU builds have other names
            problems.append("%s is not installed: pip install '%s%s'"
                            % (requirement.name, requirement.name, requirement.specifier))
        elif version and not requirement.specifier.contains(version, prereleases=True):
            problems.append("%s %s is untested: pip install --no-deps '%s%s'"
                            % (requirement.name, version, requirement.name, requirement.specifier))
    return (FIX, '\n'.join(problems)) if problems else (OK, 'all requirements are installed')
