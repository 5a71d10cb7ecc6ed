"""Record the code, versions, machine and data that affect a run's results."""
import contextlib
import hashlib
import os
import platform
import sys
from importlib import metadata

import mxnet as mx
import numpy as np
import safetensors

from .. import __version__
from ..checks import Name, OptionError
from ..data.datasets import FOLDER_PREFIX, get_dataset, list_datasets
from ..graphs.operators import VARIABLE, available
from ..models.registry import get_factory, list_models
from ..mxnet_private import openmp_threads
from ..registry import import_folder, load_object, source_of
from ..training.progress import tell
from .config import FREE
from .options import OPTIONS

# These packages can change the last bits of a result, so a resumed run needs the same versions.
# The versions of other packages are only recorded.
DECISIVE = ('gluonblocks', 'mxnet', 'numpy', 'gluoncv')
KINDS = {'model': 'model', 'dataset': 'data set'}  # option that may name user code -> word for it
_HINTS = {'threads': ' (set OMP_NUM_THREADS=%s before Python starts)',
          'source of the model': ' (restore the file with which the run started)',
          'source of the data set': ' (restore the file with which the run started)',
          'data_sha256': ' (the images or their labels have changed)',
          'operators': ' (set the environment variable %s as before)' % VARIABLE}


def environment(own_model):
    """Return a dict with the package versions, CPU, operators and thread count of this process.

    They can affect the last bits of the results. The GluonCV version is included unless
    `own_model` is True, because this package's models do not use GluonCV.
    """
    try:
        with open('/proc/cpuinfo') as f:
            cpu = next(line.split(':', 1)[1].strip() for line in f if line.startswith('model name'))
    except (OSError, StopIteration):
        cpu = platform.processor() or platform.machine()
    versions = {'gluonblocks': __version__, 'mxnet': mx.__version__, 'numpy': np.__version__,
                'python': platform.python_version(), 'safetensors': safetensors.__version__}
    if not own_model and 'gluoncv' in sys.modules:
        versions['gluoncv'] = sys.modules['gluoncv'].__version__
    with contextlib.suppress(metadata.PackageNotFoundError):
        # Pillow may not have been imported yet, so read its version from the package metadata.
        versions['pillow'] = metadata.version('pillow')
    # OMP_NUM_THREADS may have been set after MXNet read it, so ask MXNet.
    threads = os.environ.get('MXNET_OMP_MAX_THREADS') or None
    with contextlib.suppress(AttributeError):  # MXNet was built without OpenMP
        threads = threads or str(openmp_threads())
    return {'versions': versions, 'cpu': cpu, 'operators': available(), 'threads': threads}


def decisive(now):
    """Return a dict of the versions and settings that must match on all machines of a run.

    They are taken from `now`, the result of `environment`.
    """
    return dict({name: now['versions'].get(name) for name in DECISIVE}, operators=now['operators'])


def data_checksum(*loaders):
    """Return the SHA-256 of all images and labels in `loaders`."""
    digest = hashlib.sha256()
    for loader in loaders:
        for array in (loader.images, loader.labels):
            digest.update(repr((array.dtype.str, array.shape)).encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def check_same(folder, config, now):
    """Raise OptionError with a list of the differences if the run cannot be resumed exactly.

    `config` is the config of the run in `folder`. `now` maps some or all keys of `config` to their
    current values.
    """
    lines, args = [], []
    for name, value in sorted(now.items()):
        before = config.get(name)
        if name == 'versions':
            found = [(package, before.get(package, version), version)
                     for package, version in value.items() if package in DECISIVE]
        elif name == 'sources':
            found = [('source of the ' + word, _describe_source(before[kind]),
                      _describe_source(value[kind])) for kind, word in KINDS.items()]
        elif name not in FREE:
            found = [(Name(name) if name in OPTIONS or name == 'model' else name, before, value)]
        else:
            continue
        for difference in found:
            if difference[1] != difference[2]:
                hint = _HINTS.get(difference[0], '')
                lines.append('%s was %s, is now %s' + (
                    hint if '%s' not in hint else hint % difference[1]))
                args += difference
    if lines:
        raise OptionError('', '%s cannot be resumed exactly:\n  ' + '\n  '.join(lines)
                          + '\nUndo the changes above, or start a new run in another folder',
                          folder, *args)


def sources_of(model, dataset):
    """Return a dict for config.json that says where a model and a data set are defined.

    Each value is a dict from `source_of`, or {} for code from this package or GluonCV. The
    functions that the user registered are included, so that other processes can import them. For
    code in the main script, the SHA-256 is empty, so that you can edit the script and still resume.
    """
    return {'model': _source(model, get_factory(model)),
            'dataset': {} if dataset.startswith(FOLDER_PREFIX) else _source(
                dataset, get_dataset(dataset).load)}


def recall(folder, config, kinds=tuple(KINDS)):
    """Import the user's modules that the run in `folder` needs for its model and its data.

    A module that has changed is reported on stderr. Raises ValueError if a module cannot be
    imported; the message says where the module was, and what to do.
    """
    for kind in kinds:
        source = config['sources'][kind]
        if not source:
            continue
        name = config[kind]
        if name in (list_models() if kind == 'model' else list_datasets()):
            continue
        if source['module'] == '__main__':
            raise ValueError('%s: the %s %s was registered by the script %s; load or resume the '
                             'run from that script, or move the registered function to a module' % (
                                 folder, KINDS[kind], name, source['file'] or 'that trained it'))
        spec = '%(module)s:%(name)s' % source
        try:
            load_object(spec, 'the ' + KINDS[kind])
        except ValueError as error:
            where = '. The run imported it from %s: add %s to PYTHONPATH' % (
                source['file'], import_folder(source)) if source['file'] else ''
            raise ValueError('%s: %s%s' % (folder, error, where))
        now = source_of(spec)
        if now['sha256'] != source['sha256']:
            tell('note: %s has changed since %s was trained, so the %s may be different'
                 % (now['file'] or source['module'], folder, KINDS[kind]))


def _describe_source(source):
    """Return, as text, the parts of `source` (from `source_of`) that must match to resume a run."""
    if not source:
        return 'gluonblocks'
    return '%(module)s:%(name)s' % source + (
        ' with SHA-256 %.12s' % source['sha256'] if source['sha256'] else '')


def _source(name, function):
    if function is None:
        return {}
    spec = name
    if ':' not in name:
        if not getattr(function, '__qualname__', ''):  # a partial, for example
            return {}
        spec = '%s:%s' % (function.__module__, function.__qualname__)
    if spec.startswith(('gluonblocks.', 'gluonblocks:')):
        return {}
    source = source_of(spec)
    return dict(source, sha256='') if source['module'] == '__main__' else source
