"""The data of a run: its loaders, and what follows from them."""
from typing import Any, Dict, NamedTuple

import numpy as np

from ..data.augment import Augmentation
from ..data.batches import BatchLoader
from ..data.datasets import OF_PICTURES, get_dataset
from ..training.progress import tell


class RunData(NamedTuple):
    """The loaders of a run, and of its data what its config.json has.

    `facts` is a dict: class_names, a list; num_classes; channels, 1 or 3; picture_size, the
    [height, width] that a picture is read in before `resize`.
    """

    train_iter: Any
    test_iter: Any
    facts: Dict[str, Any]


def load_run_data(options, part=None):
    """The `RunData` of a run by `options`, to train on: the share `part` of each batch.

    Raises ValueError where there is a part and loaders that know of none, or fewer images.
    """
    train_iter, test_iter = _load(options, options['data_root'])
    if part:
        _share(options['dataset'], train_iter, test_iter, part)
    facts = _facts(options['dataset'], train_iter, test_iter)
    if options['augment'] != 'none':
        train_iter.augment = Augmentation(options['augment'], options['seed'])
    if options['dataset'].startswith(OF_PICTURES):
        tell('%s pictures to train on and %s to test, of %d classes, %s, %d x %d pixels' % (
            f'{train_iter.num_images:,}', f'{test_iter.num_images:,}', facts['num_classes'],
            'in colour' if facts['channels'] == 3 else 'grey', *facts['picture_size']))
    return RunData(train_iter, test_iter, facts)


def _share(dataset, train_iter, test_iter, part):
    for loader in (train_iter, test_iter):
        if not isinstance(loader, BatchLoader):
            raise ValueError('the data set %s has loaders of the type %s, which workers cannot '
                             'share: it needs gluonblocks.data.BatchLoader'
                             % (dataset, type(loader).__name__))
        loader.part = part
    if train_iter.num_images < part[1]:
        raise ValueError('the data set %s has %d images to train on, too few for %d workers'
                         % (dataset, train_iter.num_images, part[1]))


def load_test_data(config, data_root=None):
    """As `load_both`, the loader of the test images alone."""
    return load_both(config, data_root, only_test=True)[1]


def load_both(config, data_root=None, only_test=False):
    """(train_iter, test_iter) of the run with this config, from `data_root` if it is given.

    `train_iter` is None where the pictures of a folder are read with `only_test`. Raises
    ValueError if the classes, or the channels, are not those that the run was trained on.
    """
    how: Dict[str, Any] = {}
    if config['dataset'].startswith(OF_PICTURES):
        how = {'only_test': only_test, 'size': config['picture_size'],
               'color': config['channels'] == 3}
    train_iter, test_iter = _load(config, config['data_root'] if data_root is None else data_root,
                                  **how)
    facts = _facts(config['dataset'], train_iter, test_iter)
    for name in ('class_names', 'channels'):
        if facts[name] != config[name]:
            raise ValueError('the data set %s has the %s %s now, and the run was trained on %s' % (
                config['dataset'], name.replace('_', ' '), facts[name], config[name]))
    return train_iter, test_iter


def _load(options, data_root, **how):
    """(train_iter, test_iter) by the options; what a folder leaves out is reported on stderr."""
    dataset = get_dataset(options['dataset'])
    if options['test_share'] is not None:
        how['test_share'] = options['test_share']
    if options['dataset'].startswith(OF_PICTURES):
        how['notify'] = _note
    return dataset.load_from(data_root, options['batch_size'], resize=options['resize'],
                             seed=options['seed'], **how)


def _note(text):
    tell('note: ' + text)


def _facts(dataset, train_iter, test_iter):
    # A data set that is registered may have loaders of another kind, which have not all of this.
    highest = max(int(np.max(getattr(loader, 'labels', 0))) for loader in (train_iter, test_iter)
                  if loader is not None)
    names = list(get_dataset(dataset).class_names or getattr(test_iter, 'class_names', ()) or
                 ['class %d' % i for i in range(highest + 1)])
    if highest >= len(names):
        raise ValueError('the data set %s has %d class names, but labels up to %d'
                         % (dataset, len(names), highest))
    images = getattr(test_iter, 'images', np.empty((0, 28, 28)))
    return {'class_names': [str(name) for name in names], 'num_classes': len(names),
            'channels': 3 if images.ndim == 4 else 1, 'picture_size': list(images.shape[1:3])}
