"""What decides the numbers of a run besides its options, and whether it is the same again."""
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
from ..data.batches import BatchLoader
from ..graphs.operators import VARIABLE, available
from .config import FREE
from .sources import differences

# The versions that decide the last bits; of the others that are kept, none does.
DECISIVE = ('gluonblocks', 'mxnet', 'numpy', 'gluoncv')


def environment():
    """What of this machine and process decides the last bits of the numbers, as a dict."""
    try:
        with open('/proc/cpuinfo') as f:
            cpu = next(line.split(':', 1)[1].strip() for line in f if line.startswith('model name'))
    except (OSError, StopIteration):
        cpu = platform.processor() or platform.machine()
    versions = {'gluonblocks': __version__, 'mxnet': mx.__version__, 'numpy': np.__version__,
                'python': platform.python_version(), 'safetensors': safetensors.__version__}
    if 'gluoncv' in sys.modules:
        versions['gluoncv'] = sys.modules['gluoncv'].__version__
    with contextlib.suppress(metadata.PackageNotFoundError):
        # Imported or not, which the drawing of a curve changes.
        versions['pillow'] = metadata.version('pillow')
    return {'versions': versions, 'cpu': cpu, 'operators': available(),
            'threads': os.environ.get('MXNET_OMP_MAX_THREADS') or os.environ.get('OMP_NUM_THREADS')}


def deciding(now):
    """What of an `environment` decides the numbers on several machines at once, as a dict."""
    return dict({name: now['versions'].get(name) for name in DECISIVE}, operators=now['operators'])


def data_checksum(*loaders):
    """The SHA-256 over the images and labels of `BatchLoader`s; ValueError for other loaders."""
    digest = hashlib.sha256()
    for loader in loaders:
        if not isinstance(loader, BatchLoader):
            raise ValueError('the data set has loaders of the type %s, but a run that is kept in a '
                             'folder needs gluonblocks.data.BatchLoader, whose images can be '
                             'checked when it goes on' % type(loader).__name__)
        for array in (loader.images, loader.labels):
            digest.update(repr((array.dtype.str, array.shape)).encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def check_same(folder, config, now):
    """ValueError, with each difference, if a run by `now` would not go on exactly as by `config`.

    `now` is a dict of some or all of the config's entries.
    """
    said = []
    for name, value in sorted(now.items()):
        before = config.get(name)
        if name == 'versions':
            said += ['%s %s there, %s here' % (package, before.get(package), version)
                     for package, version in value.items()
                     if package in DECISIVE and before.get(package, version) != version]
        elif name == 'sources':
            said += differences(before, value)
        elif name == 'class_names' and value != before:
            said.append('other classes: %s there, %s here' % tuple(
                ', '.join(sorted(set(a) - set(b))[:10]) or 'the same in another order'
                for a, b in ((before, value), (value, before))))
        elif name not in FREE and value != before:
            said.append('%s %s there, %s here' % (name, before, value))
            if name == 'threads':
                said[-1] += ' (OMP_NUM_THREADS=%s, set before Python starts)' % before
            if name == 'data_sha256':
                said[-1] += ' (the images or their labels have changed)'
            if name == 'operators':
                said[-1] += ' (the environment variable %s)' % VARIABLE
    if said:
        raise ValueError('%s cannot go on exactly as it began:\n  %s\nStart another run, in '
                         'another folder' % (folder, '\n  '.join(said)))
