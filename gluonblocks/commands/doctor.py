"""Check the installation: print the facts that a bug report needs, and how to fix each problem.

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

The command downloads and changes nothing. If it finds problems, the last lines say how to fix them.
Exit code: 0 no problems, 1 problems found."""

# Our titles for features of an MXNet build -> their names in mxnet.runtime.Features.
_FEATURES = {'oneDNN': 'MKLDNN', 'CUDA': 'CUDA', 'cuDNN': 'CUDNN', 'distributed': 'DIST_KVSTORE',
             'OpenMP': 'OPENMP', 'OpenBLAS': 'BLAS_OPEN', 'MKL': 'BLAS_MKL', 'OpenCV': 'OPENCV',
             'large tensors': 'INT64_TENSOR_SIZE'}
_VARIABLES = ('GLUONBLOCKS_', 'MXNET_', 'OMP_', 'KMP_', 'GOMP_', 'MKLDNN_', 'DNNL_', 'CUDA_VISIBLE')


def parse(argv, prog):
    return Parser(prog, __doc__, EXAMPLE).parse_args(argv)


def main(args):
    """Print the report; return the exit code."""
    lines, wrong = collect(_runtime.error)
    for title, text in lines:
        print('%-12s %s' % (title, text))
    print()
    print('no problems found' if not wrong else 'Problems:')
    for text in wrong:
        print('- ' + text.replace('\n', '\n  '))
    return 1 if wrong else 0


def collect(error=None):
    """Return the report as ([(title, text)], [problem and how to fix it])."""
    wrong = [str(error)] if error else []
    lines = [('gluonblocks', _version('gluonblocks') or 'not installed; running from a checkout'),
             ('Python', '%s, %s' % (platform.python_version(), sys.executable)),
             ('system', '%s, %s' % (platform.platform(), platform.machine())),
             ('NumPy', _version('numpy') or 'not installed'),
             ('MXNet', _mxnet_version(error)),
             ('GluonCV', _version('gluoncv') or 'not installed')]
    if arm.provided:
        lines.append(('ARM', 'OpenBLAS and LAPACKE stand in for ' + ', '.join(arm.provided)))
    if not error:
        lines += [('operators', _operators(wrong)), ('threads', _threads(wrong)),
                  ('MXNet build', _features()), ('devices', _devices(wrong))]
    variables = ['%s=%s' % (name, value) for name, value in sorted(os.environ.items())
                 if name.startswith(_VARIABLES)]
    lines += [('variables', ' '.join(variables) or 'none'),
              ('data', 'unknown' if error else _data(wrong)),
              ('patched', ' '.join(_runtime.patches) or 'nothing')]
    return lines, wrong + _unmet()


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _mxnet_version(error):
    if not error:
        import mxnet
        return '%s, %s' % (_version('mxnet') or mxnet.__version__, os.path.dirname(mxnet.__file__))
    version = _version('mxnet')
    return '%s, but it cannot be imported' % version if version else 'not installed'


def _threads(wrong):
    from ..mxnet_private import openmp_threads
    cores = physical_cores()
    try:
        used = openmp_threads()
    except AttributeError:
        return 'unknown, %d cores' % cores
    own = os.environ.get('MXNET_OMP_MAX_THREADS', '')
    used = int(own) if own.isdigit() else used  # the variable that MXNet's loops obey
    if used != cores:
        wrong.append('MXNet uses %d threads on %d cores (see variables above). Unset '
                     'OMP_NUM_THREADS\nand MXNET_OMP_MAX_THREADS: gluonblocks then uses one '
                     'thread per core.' % (used, cores))
    return '%d for %d cores' % (used, cores)


def _operators(wrong):
    from ..graphs.operators import VARIABLE, are_on, pending, status
    try:
        if not are_on():
            return 'off (%s=0)' % VARIABLE
    except ValueError as error:
        wrong.append('%s' % error)
        return 'unknown'
    if pending():
        return 'not compiled yet; the first training run will compile them'
    state = status()
    if state.ready:
        return 'ready'
    if os.environ.get(VARIABLE) or state.faulty:
        wrong.append('The C++ operators are unavailable: %s.%s' % (
            state.reason, '\nTo use them: ' + state.remedy if state.remedy else ''))
        return 'unavailable'
    return 'unavailable, so training is slower: %s%s' % (
        state.reason, '. To use them: ' + state.remedy if state.remedy else '')


def _features():
    from mxnet.runtime import Features
    known = Features()
    return ', '.join('%s %s' % (title, 'yes' if name in known and known.is_enabled(name) else 'no')
                     for title, name in _FEATURES.items())


def _devices(wrong):
    from mxnet.runtime import Features

    from ..devices import try_all_gpus
    devices = [str(device) for device in try_all_gpus()]
    if Features().is_enabled('CUDA') and devices == ['cpu(0)']:
        wrong.append('This build of MXNet supports CUDA, but no GPU works. Check that '
                     'nvidia-smi lists a GPU,\nand that its CUDA version matches the build '
                     '(mxnet-cu112: 11.2).')
    return ', '.join(devices)


def _data(wrong):
    from ..data import fashion_mnist
    folder = fashion_mnist.find_folder()
    found = fashion_mnist.find_files(folder)
    if not found:
        return ('Fashion-MNIST is not downloaded yet; the first training run will put it in %s'
                % folder)
    for name, path in found.items():
        try:
            fashion_mnist.check(name, path)
        except fashion_mnist.DataError as error:
            wrong.append('%s\nDelete the file; the next training run downloads it again.' % error)
    return 'Fashion-MNIST, %d of %d files in %s' % (
        len(found), len(fashion_mnist.FILES), folder)


def _unmet():
    """Return messages about requirements that are missing or have an untested version."""
    try:
        requires = metadata.requires('gluonblocks') or []
    except metadata.PackageNotFoundError:
        return []  # running from a checkout is not a problem
    from packaging.requirements import Requirement
    found = []
    for requirement in map(Requirement, requires):
        version = _version(requirement.name)
        if requirement.marker and not any(requirement.marker.evaluate({'extra': extra})
                                          for extra in ('', 'mxnet')):
            continue
        if version is None and requirement.name != 'mxnet':  # a GPU build has another name
            found.append("%s is not installed:  pip install '%s%s'"
                         % (requirement.name, requirement.name, requirement.specifier))
        elif version and not requirement.specifier.contains(version, prereleases=True):
            found.append("%s %s is not a tested version:  pip install --no-deps '%s%s'"
                         % (requirement.name, version, requirement.name, requirement.specifier))
    return found
