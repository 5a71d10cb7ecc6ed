"""Load the data set of a run, and check that its images match the net."""
import contextlib
import os
import random
import re
from typing import Any, Dict

import mxnet as mx
import numpy as np

from ..checks import OptionError
from ..data.augment import Augmentation
from ..data.batches import BatchLoader
from ..data.datasets import FOLDER_PREFIX, get_dataset
from ..files import readable
from ..training.progress import tell


def seed_generators(seed):
    """Seed the global random generators of MXNet, NumPy and Python."""
    for generator in (mx.random, np.random, random):
        generator.seed(seed)


@contextlib.contextmanager
def _seeded(seed):
    """Seed the global random generators as at the start of a run, and restore them afterwards."""
    numpy, python = np.random.get_state(), random.getstate()
    # MXNet cannot restore its generator, so continue with a seed drawn from it.
    mxnet = int(mx.nd.random.randint(0, 2 ** 31 - 1).asscalar())
    seed_generators(seed)
    try:
        yield
    finally:
        mx.random.seed(mxnet)
        np.random.set_state(numpy)
        random.setstate(python)


def load_run_data(options, part=None):
    """Load the data for `options`, a `RunOptions`; return (train_iter, test_iter, facts).

    `part`, a (rank, world size) pair, selects a worker's shard. `facts` is a dict for config.json
    with the keys class_names (a list), num_classes, channels (1 or 3) and picture_size, which is
    the [height, width] of the images before `resize`.

    Raises OptionError if the folder `data_root` does not exist, and ValueError if a loader is not a
    `BatchLoader` or there are fewer images than workers.
    """
    train_iter, test_iter = _load(vars(options), options.data_root)
    train_iter.part = test_iter.part = part
    if part and train_iter.num_images < part[1]:
        raise ValueError('the data set %s has only %d training images, too few for %d workers'
                         % (options.dataset, train_iter.num_images, part[1]))
    facts = _facts(options.dataset, train_iter, test_iter)
    if options.augment != 'none':
        train_iter.augment = Augmentation(options.augment, options.seed)
    if options.dataset.startswith(FOLDER_PREFIX):
        tell('%s training images and %s test images, %d classes, %s, %d x %d pixels' % (
            f'{train_iter.num_images:,}', f'{test_iter.num_images:,}', facts['num_classes'],
            'in colour' if facts['channels'] == 3 else 'grey', *facts['picture_size']))
    return train_iter, test_iter, facts


def load_both(config, data_root=None, only_test=False):
    """Load the data of the run that `config` describes; return (train_iter, test_iter).

    `data_root`, unless it is None, overrides the folder in `config`. If `only_test` is True and the
    data set is an image folder, its training images are not loaded, and `train_iter` is None.
    Raises OptionError if `data_root` does not exist, and ValueError if the class names or the
    number of channels differ from those in `config`.
    """
    extra: Dict[str, Any] = {}
    if config['dataset'].startswith(FOLDER_PREFIX):
        extra = {'only_test': only_test, 'size': config['picture_size'],
                 'color': config['channels'] == 3}
    if data_root is None:
        data_root = config['data_root']
    with _seeded(config['seed']):  # a user's function may split its images at random
        train_iter, test_iter = _load(config, data_root, **extra)
    facts = _facts(config['dataset'], train_iter, test_iter)
    for name in ('class_names', 'channels'):
        if facts[name] != config[name]:
            raise ValueError('the %s of the data set %s must be %s, as during training, got %s' % (
                name.replace('_', ' '), config['dataset'], config[name], facts[name]))
    return train_iter, test_iter


def _load(options, data_root, **extra):
    """Load the data that `options`, a dict, specifies; return (train_iter, test_iter).

    Notes about the files in an image folder are printed to stderr.
    """
    dataset = get_dataset(options['dataset'])
    if data_root is not None and dataset.takes_root and not os.path.isdir(data_root):
        raise OptionError('data_root', 'must be an existing folder, got %s: correct the path, or '
                          'create the folder to download the data set into it',
                          readable(data_root))
    if options['dataset'].startswith(FOLDER_PREFIX):
        extra['notify'] = lambda text: tell('note: ' + text)
    if options['test_share'] is not None:
        extra['test_share'] = options['test_share']
    loaders = dataset.load_from(
        data_root, options['batch_size'], resize=options['resize'], seed=options['seed'], **extra)
    for loader in loaders:
        if not isinstance(loader, (BatchLoader, type(None))):  # None: see `load_both`
            raise ValueError('the loaders of the data set %s must be of type '
                             'gluonblocks.data.BatchLoader, got %s'
                             % (dataset.name, type(loader).__name__))
    return loaders


def _facts(dataset, train_iter, test_iter):
    highest = max(int(np.max(loader.labels)) for loader in (train_iter, test_iter)
                  if loader is not None)
    names = list(get_dataset(dataset).class_names or test_iter.class_names or
                 ['class %d' % i for i in range(highest + 1)])
    if highest >= len(names):
        raise ValueError('the data set %s has %d class names, so labels must be below %d, got %d'
                         % (dataset, len(names), len(names), highest))
    images = test_iter.images
    return {'class_names': [str(name) for name in names], 'num_classes': len(names),
            'channels': 3 if images.ndim == 4 else 1, 'picture_size': list(images.shape[1:3])}


def image_size(loader):
    """Return the (height, width) of the images in the batches of a `BatchLoader`."""
    size = loader.resize or loader.images.shape[1:3]
    return (size, size) if np.ndim(size) == 0 else tuple(size)


def check_net(net, loader, options, facts):
    """Raise ValueError if `net` needs larger images, or its output shape is not (N, num_classes).

    Raises OptionError, a ValueError, if `resize` made the images too small. The check infers shapes
    without running the net. It is skipped if MXNet cannot trace the net.
    """
    height, width = image_size(loader)
    try:
        output = net(mx.sym.var('data'))
        outputs = mx.sym.Group(list(output) if isinstance(output, (list, tuple)) else [output])
    except Exception:
        return  # the net cannot be traced with symbols
    try:
        _, shapes, _ = outputs.infer_shape_partial(data=(1, facts['channels'], height, width))
    except mx.MXNetError as error:
        found = re.search(
            r'Error in operator (?:[a-z]+\d+_)?(\w+?)(?:_fwd)?:.*kernel size .*exceed', str(error))
        if not found:
            return
        problem = 'images of %d x %d pixels are too small for the model %s: the input of its %s ' \
                  'layer is smaller than the kernel' % (
                      height, width, options.model, found.group(1))
        if options.resize:
            raise OptionError('resize', 'must be larger than %d, because %s',
                              options.resize, problem)
        raise ValueError(problem + '. Set resize to a larger value')
    known = all(shape and min(shape) > 0 for shape in shapes)
    if known and shapes != [(1, facts['num_classes'])]:
        raise ValueError('the model %s must return logits of shape (1, %d) for one image, got %s: '
                         'its last layer must have num_classes outputs'
                         % (options.model, facts['num_classes'], ' and '.join(map(str, shapes))))
