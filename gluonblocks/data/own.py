"""Data sets of others, by the name of a function that Python can import: 'my_module:load'."""
import inspect

import numpy as np

from ..registry import said_by
from .batches import BatchLoader, make_loaders

HOW = ('resize', 'seed')
_WANTED = """It is one of
  def load(): return train_images, train_labels, test_images, test_labels
  def load(batch_size, resize=None, seed=None): return train_iter, test_iter
images uint8 (n, H, W) or, in colour, (n, H, W, 3), labels whole numbers (n,) from 0, loaders
gluonblocks.data.BatchLoader; load.class_names may name the classes"""


def check_loader(name, function):
    """Raise ValueError unless `function`, known by `name`, can be called."""
    if not callable(function):
        raise ValueError('the data set %s is %r, but must be a function. %s'
                         % (name, function, _WANTED))


def takes(function, name):
    """Whether `function` can be given `name`."""
    parameters = inspect.signature(function).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def load_own(spec, function, batch_size, **how):
    """(train_iter, test_iter), two `BatchLoader`s, of the data set that `function` loads.

    It is given `batch_size` and `how`, if it takes a batch_size, and returns two `BatchLoader`s;
    or it takes none and returns four arrays. Raises ValueError, with what is wanted, where it does
    not, and what it raises itself where that is an OSError.
    """
    makes_loaders = takes(function, 'batch_size')
    given = dict(how, batch_size=batch_size) if makes_loaders else {
        name: value for name, value in how.items() if name == 'root'}
    missing = [name for name in given if not takes(function, name)]
    if missing:
        raise ValueError('the data set %s does not take %s. %s'
                         % (spec, ', '.join(missing), _WANTED))
    try:
        made = function(**given)
    except OSError:
        raise
    except Exception as error:  # somebody else's code
        raise ValueError('the data set %s cannot be loaded: %s' % (spec, said_by(error)))
    if not makes_loaders:
        made = _loaders_of(spec, made, batch_size, **{name: how.get(name) for name in HOW})
    if not isinstance(made, (tuple, list)) or len(made) != 2 or not all(
            isinstance(loader, BatchLoader) for loader in made):
        raise ValueError('the data set %s gives %s. %s' % (spec, _kinds(made), _WANTED))
    channels = {loader.images.shape[3:] for loader in made}
    if len(channels) > 1 or not channels <= {(), (3,)}:
        raise ValueError('the data set %s has training images of shape %s and test images of shape '
                         '%s, but both must be grey or in colour. %s' % (
                             spec, made[0].images.shape, made[1].images.shape, _WANTED))
    for loader in made:
        if not len(loader.labels) or loader.labels.min() < 0:
            raise ValueError('the data set %s has no images, or labels below 0. %s'
                             % (spec, _WANTED))
    return tuple(made)


def _loaders_of(spec, arrays, batch_size, resize, seed):
    if not isinstance(arrays, (tuple, list)) or len(arrays) != 4:
        raise ValueError('the data set %s gives %s. %s' % (spec, _kinds(arrays), _WANTED))
    try:
        return make_loaders([np.asarray(array) for array in arrays], batch_size, resize, seed)
    except ValueError as error:
        raise ValueError('the data set %s: %s. %s' % (spec, error, _WANTED))


def _kinds(made):
    made = made if isinstance(made, (tuple, list)) else [made]
    return '%d result%s: %s' % (len(made), 's' * (len(made) != 1),
                                ', '.join(type(one).__name__ for one in made))
