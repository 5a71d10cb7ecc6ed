"""What a bug report needs, and what is wrong here.

It works where MXNet, NumPy or anything else is missing: then it says what to do about that.
"""
import os
import platform
import sys
from importlib import metadata

from .. import _runtime
from .._runtime import physical_cores
from .parser import Parser

EXAMPLE = """\
example:
  PROG

Downloads and changes nothing. Exit code: 0 all is well, 1 something is wrong, and the last lines
say what to do about it."""

# Titles of what matters of an MXNet build -> their names in mxnet.runtime.Features.
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
    print('all is well' if not wrong else 'What is wrong:')
    for text in wrong:
        print('- ' + text.replace('\n', '\n  '))
    return 1 if wrong else 0


def collect(error=None):
    """The report as ([(title, text)], [what is wrong and what to do about it])."""
    wrong = [str(error)] if error else []
    lines = [('gluonblocks', _version('gluonblocks') or 'not installed; run from its folder'),
             ('Python', '%s, %s' % (platform.python_version(), sys.executable)),
             ('system', '%s, %s' % (platform.platform(), platform.machine())),
             ('NumPy', _version('numpy') or 'not installed'),
             ('MXNet', _mxnet_version(error)),
             ('GluonCV', _version('gluoncv') or 'not installed')]
    if not error:
        lines += [('operators', _operators(wrong)), ('threads', _threads(wrong)),
                  ('MXNet build', _features()), ('devices', _devices(wrong))]
    variables = ['%s=%s' % (name, value) for name, value in sorted(os.environ.items())
                 if name.startswith(_VARIABLES)]
    lines += [('variables', ' '.join(variables) or 'none'),
              ('data', 'unknown' if error else _data(wrong)),
              ('mended', ' '.join(_runtime.mended) or 'nothing')]
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
    return '%s, cannot be imported' % version if version else 'not installed'


def _threads(wrong):
    from ..mxnet_private import openmp_threads
    cores = physical_cores()
    try:
        used = openmp_threads()
    except AttributeError:
        return 'unknown, %d cores' % cores
    own = os.environ.get('MXNET_OMP_MAX_THREADS', '')
    used = int(own) if own.isdigit() else used  # what MXNet's own loops take, and go by
    if used != cores:
        wrong.append('MXNet is told to use %d threads, and there are %d cores (see variables '
                     'above). Unset\nOMP_NUM_THREADS and MXNET_OMP_MAX_THREADS: gluonblocks then '
                     'takes every core once.' % (used, cores))
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
        return 'not compiled yet; the first training run compiles them'
    state = status()
    if state.ready:
        return 'ready'
    if os.environ.get(VARIABLE) or state.faulty:
        wrong.append('The C++ operators cannot be used: %s.%s' % (
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
        wrong.append('This MXNet is built with CUDA, but no GPU works. See what nvidia-smi lists, '
                     'and whether\nits CUDA version is that of the build (mxnet-cu112: 11.2).')
    return ', '.join(devices)


def _data(wrong):
    from ..data import fashion_mnist
    folder = fashion_mnist.find_folder()
    found = fashion_mnist.find_files(folder)
    if not found:
        return 'Fashion-MNIST is not here yet; the first training fetches it into %s' % folder
    for name, path in found.items():
        try:
            fashion_mnist.check(name, path)
        except fashion_mnist.DataError as error:
            wrong.append('%s\nDelete it: the next training fetches it again.' % error)
    return 'Fashion-MNIST, %d of %d files in %s' % (
        len(found), len(fashion_mnist.FILES), folder)


def _unmet():
    """Return in words which requirements are missing, or of a version that was not tested."""
    try:
        requires = metadata.requires('gluonblocks') or []
    except metadata.PackageNotFoundError:
        return []  # run from its folder, which is not a fault
    from packaging.requirements import Requirement
    found = []
    for requirement in map(Requirement, requires):
        version = _version(requirement.name)
        if requirement.marker and not any(requirement.marker.evaluate({'extra': extra})
                                          for extra in ('', 'mxnet')):
            continue
        if version is None and requirement.name != 'mxnet':  # or one of its builds for GPUs
            found.append("%s is not installed:  pip install '%s%s'"
                         % (requirement.name, requirement.name, requirement.specifier))
        elif version and not requirement.specifier.contains(version, prereleases=True):
            found.append("%s %s is outside of what was tested:  pip install --no-deps '%s%s'"
                         % (requirement.name, version, requirement.name, requirement.specifier))
    return found
