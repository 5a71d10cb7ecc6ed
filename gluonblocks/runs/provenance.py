"""What decides the values of a run besides its options: code, versions, machine and data."""
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
from ..data.batches import BatchLoader
from ..data.datasets import OF_PICTURES, get_dataset, list_datasets
from ..graphs.operators import VARIABLE, available
from ..models.registry import get_factory, list_models
from ..registry import import_folder, load_object, source_of
from ..training.progress import tell
from .config import FREE
from .options import OPTIONS

# The versions that decide the last bits. The others are only recorded.
DECISIVE = ('gluonblocks', 'mxnet', 'numpy', 'gluoncv')
KINDS = {'model': 'model', 'dataset': 'data set'}  # what may be others' code, and its word
_HINTS = {'threads': ' (OMP_NUM_THREADS=%s, set before Python starts)',
          'source of the model': ' (put back the file that the run began with)',
          'source of the data set': ' (put back the file that the run began with)',
          'data_sha256': ' (the images or their labels have changed)',
          'operators': ' (the environment variable %s)' % VARIABLE}


def environment(own_model):
    """Return what of this machine and process decides the last bits of the values, a dict.

    GluonCV counts only if the model may use it, which is not this package's own then.
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
        # Whether it is imported yet depends on whether a curve was drawn.
        versions['pillow'] = metadata.version('pillow')
    return {'versions': versions, 'cpu': cpu, 'operators': available(),
            'threads': os.environ.get('MXNET_OMP_MAX_THREADS') or os.environ.get('OMP_NUM_THREADS')}


def deciding(now):
    """Return what of an `environment` must be the same on several machines, a dict."""
    return dict({name: now['versions'].get(name) for name in DECISIVE}, operators=now['operators'])


def data_checksum(*loaders):
    """Return the SHA-256 over the images and labels of `BatchLoader`s; ValueError for others."""
    digest = hashlib.sha256()
    for loader in loaders:
        if not isinstance(loader, BatchLoader):
            raise ValueError('the data set has loaders of the type %s, but a run that is kept in a '
                             'folder needs gluonblocks.data.BatchLoader, whose images can be '
                             'checked when it is resumed' % type(loader).__name__)
        for array in (loader.images, loader.labels):
            digest.update(repr((array.dtype.str, array.shape)).encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def check_same(folder, config, now):
    """Raise ValueError, with each difference, if a resume would not continue the run exactly.

    `config` is that of the run in `folder`; `now`, a dict, has some or all of its entries.
    """
    lines, args = [], []
    for name, value in sorted(now.items()):
        before = config.get(name)
        if name == 'versions':
            found = [(package, before.get(package, version), version)
                     for package, version in value.items() if package in DECISIVE]
        elif name == 'sources':
            found = [('source of the ' + word, _source_in_words(before[kind]),
                      _source_in_words(value[kind])) for kind, word in KINDS.items()]
        elif name not in FREE:
            found = [(Name(name) if name in OPTIONS or name == 'model' else name, before, value)]
        else:
            continue
        for one in found:
            if one[1] != one[2]:
                hint = _HINTS.get(one[0], '')
                lines.append('%s %s there, %s here' + (hint if '%s' not in hint else hint % one[1]))
                args += one
    if lines:
        raise OptionError('', '%s cannot go on exactly as it began:\n  ' + '\n  '.join(lines)
                          + '\nStart another run, in another folder', folder, *args)


def sources_of(model, dataset):
    """Return where the model and the data set of these names came from, for config.json.

    Each is a `source_of`, or {} if it belongs to this package or to GluonCV. A registered one is
    recorded too, so that it is found where nobody has registered it yet. There is no sha256 of
    what a script itself registers: the same script may resume its run.
    """
    return {'model': _source(model, get_factory(model)),
            'dataset': {} if dataset.startswith(OF_PICTURES) else _source(
                dataset, get_dataset(dataset).load)}


def recall(folder, config, kinds=tuple(KINDS)):
    """Import what the run in `folder` needs of others' code, so that its names are known.

    A file that has changed is reported on stderr. Raises ValueError if it cannot be imported:
    which module, where it was, and what to do.
    """
    for kind in kinds:
        source = config['sources'][kind]
        if not source:
            continue
        name = config[kind]
        if name in (list_models() if kind == 'model' else list_datasets()):
            continue
        if source['module'] == '__main__':
            raise ValueError('%s: its %s %s was registered by the program %s itself: resume it by '
                             'that program, or put it into a module' % (
                                 folder, KINDS[kind], name, source['file'] or 'that trained it'))
        spec = '%(module)s:%(name)s' % source
        try:
            load_object(spec, 'its ' + KINDS[kind])
        except ValueError as error:
            where = '. The run was made with %s: its folder for Python is %s' % (
                source['file'], import_folder(source)) if source['file'] else ''
            raise ValueError('%s: %s%s' % (folder, error, where))
        now = source_of(spec)
        if now['sha256'] != source['sha256']:
            tell('note: %s is not as it was when %s was trained; its %s may be another now'
                 % (now['file'] or source['module'], folder, KINDS[kind]))


def _source_in_words(source):
    """Return in words what of a `source_of` must be the same when a run is resumed."""
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
