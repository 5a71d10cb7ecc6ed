"""The registry of data sets: Fashion-MNIST, a synthetic one, folders, and others' functions."""
import functools
import inspect
import os
from typing import Any, Callable, NamedTuple, Tuple

import numpy as np

from ..checks import check_classic_arrays, check_positive
from ..registry import Registry, said_by
from .batches import BatchLoader, make_loaders
from .fashion_mnist import DEFAULT_ROOT, LABELS, read_fashion_mnist
from .folder import load_data_folder


def load_data_fashion_mnist(batch_size, resize=None, root=DEFAULT_ROOT, seed=None, part=None):
    """Fashion-MNIST as (train_iter, test_iter): a `BatchLoader` of 60,000 images, one of 10,000.

    `resize` is the side of the squares that images are resized to, or (height, width). `root` is
    the folder with the four idx files, compressed by gzip or not. If they are not there they are
    looked for elsewhere and at last downloaded, as `read_fashion_mnist` tells. The training images
    are shuffled anew each epoch, by `seed` or, without one, by NumPy's global generator.

    `part`, (k, n), is for worker k of n that share each batch of `batch_size`, as `BatchLoader`
    tells; it needs `seed`, the same for all.

    Raises DataError, an OSError, where a file is missing or not what it should be, and ValueError
    for sizes that are not positive integers and under `npx.set_np()`.
    """
    check_classic_arrays('load_data_fashion_mnist')  # before a download
    check_positive('batch_size', batch_size)
    return make_loaders(read_fashion_mnist(root), batch_size, resize, seed, part)


def load_data_synthetic(batch_size, resize=None, seed=None, num_train=2048, num_test=512,
                        part=None):
    """A small data set made on the spot, in the shapes of Fashion-MNIST: (train_iter, test_iter).

    Ten classes: each a fixed coarse pattern under noise, which a net learns within an epoch or
    two. The images are always the same; `seed` is for their order, `resize` for their size, and
    `part` for workers, as in Fashion-MNIST.
    """
    rng = np.random.RandomState(0)
    patterns = np.kron(rng.uniform(0, 160, (10, 7, 7)), np.ones((4, 4)))  # (10, 28, 28)

    def draw(n):
        labels = rng.randint(0, 10, n)
        images = patterns[labels] + rng.uniform(0, 95, (n, 28, 28))
        return images.astype(np.uint8), labels.astype(np.int32)

    return make_loaders(draw(num_train) + draw(num_test), batch_size, resize, seed, part)


class DataSet(NamedTuple):
    """A data set that runs know by its name.

    `load(batch_size, resize=None, seed=None)` returns (train_iter, test_iter), each a
    `BatchLoader`; if `takes_root`, it also takes `root`, the folder of the files. `class_names` has
    a name for each class, `channels` is 1 for grey images and 3 for colour; of a data set by
    'my_module:load' and of a folder of pictures only the loaders know them, and here they are ()
    and 0. The rest is for model cards: `license` and `source` of the data, an address; `hub`, their
    name on Hugging Face's Hub; `limits`, a sentence on what they show and do not show.
    """

    name: str
    load: Callable[..., Any]
    class_names: Tuple[str, ...]
    channels: int = 1
    takes_root: bool = False
    license: str = ''
    source: str = ''
    hub: str = ''
    limits: str = ''

    def load_from(self, root, batch_size, **how):
        """As `load`, from the folder `root` unless it is None; ValueError if it takes none."""
        if root is not None and not self.takes_root:
            raise ValueError('the data set %r is made on the spot and takes no folder, but got %r'
                             % (self.name, root))
        return self.load(batch_size, **how) if root is None else self.load(
            batch_size, root=root, **how)


_WANTED = """It is one of
  def load(): return train_images, train_labels, test_images, test_labels
  def load(batch_size, resize=None, seed=None): return train_iter, test_iter
images uint8 (n, H, W) or, in colour, (n, H, W, 3), labels whole numbers (n,) from 0, loaders
gluonblocks.data.BatchLoader; load.class_names may name the classes"""
OF_PICTURES = 'folder:'  # how the name of a folder of pictures begins


def register_dataset(name, load, class_names, channels=1, takes_root=False, **known):
    """Register a data set by `name`, as a `DataSet`. A name that is taken is a ValueError.

    `known` is for model cards: license, source, hub, limits.
    """
    DATASETS.add(DataSet(name, load, tuple(class_names), channels, takes_root, **known))


def list_datasets():
    """Return the names of all registered data sets, sorted."""
    return sorted(DATASETS.entries)


def get_dataset(name):
    """Return the `DataSet` named `name`: a registered one, 'folder:PATH', or 'my_module:load', a
    function that Python can import.

    Raises ValueError for an unknown name, with all known ones, and for what cannot be imported.
    """
    return DATASETS.find(name)


def dataset_name(dataset):
    """Return the full name of a data set that is given by its name or its function: a folder's with
    the absolute path. ValueError for a function that cannot be imported by a name."""
    if callable(dataset):
        return DATASETS.name_of(dataset)
    if isinstance(dataset, str) and dataset.startswith(OF_PICTURES) and dataset != OF_PICTURES:
        return OF_PICTURES + os.path.abspath(os.path.expanduser(dataset[len(OF_PICTURES):]))
    return dataset


def _unregistered(name, function):
    if not callable(function):
        raise ValueError('the data set %s is %r, but must be a function. %s'
                         % (name, function, _WANTED))
    return DataSet(name, functools.partial(_load_own, name, function),
                   tuple(getattr(function, 'class_names', ())), 0, _takes(function, 'root'))


def _takes(function, name):
    """Return True if `function` accepts the keyword argument `name`."""
    parameters = inspect.signature(function).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _load_own(spec, function, batch_size, **how):
    """(train_iter, test_iter), two `BatchLoader`s, of the data set that `function` loads.

    It is given `batch_size` and `how`, if it takes a batch_size, and returns two `BatchLoader`s;
    or it takes none and returns four arrays. Raises ValueError, with what is wanted, where it does
    not, and what it raises itself where that is an OSError.
    """
    makes_loaders = _takes(function, 'batch_size')
    given = dict(how, batch_size=batch_size) if makes_loaders else {
        name: value for name, value in how.items() if name == 'root'}
    try:
        made = function(**given)
    except OSError:
        raise
    except Exception as error:  # somebody else's code
        raise ValueError('the data set %s cannot be loaded: %s. %s'
                         % (spec, said_by(error), _WANTED))
    try:
        if not makes_loaders:
            images, labels, test_images, test_labels = map(np.asarray, made)
            made = make_loaders((images, labels, test_images, test_labels), batch_size,
                                how.get('resize'), how.get('seed'))
        train_iter, test_iter = made
        for loader in (train_iter, test_iter):
            if not isinstance(loader, BatchLoader):
                raise ValueError('gives a %s for a BatchLoader' % type(loader).__name__)
            if not len(loader.labels) or loader.labels.min() < 0:
                raise ValueError('has no images, or labels below 0')
        shapes = train_iter.images.shape, test_iter.images.shape
        if {shape[3:] for shape in shapes} not in ({()}, {(3,)}):
            raise ValueError('has training images of shape %s and test images of shape %s, but '
                             'both must be grey or in colour' % shapes)
    except (TypeError, ValueError) as error:
        raise ValueError('the data set %s: %s. %s' % (spec, error, _WANTED))
    return train_iter, test_iter


def _folder(path):
    """The `DataSet` of 'folder:PATH'. A `root` replaces `path`: the pictures may have moved."""
    def load(batch_size, root=None, **how):
        return load_data_folder(path if root is None else root, batch_size, **how)
    return DataSet(OF_PICTURES + path, load, (), 0, True)


DATASETS = Registry('data set', 'load', 'my_module:load', _unregistered)
DATASETS.add_prefix(OF_PICTURES[:-1], _folder, example='folder:PATH')
register_dataset(
    'fashion-mnist', load_data_fashion_mnist, LABELS, takes_root=True, license='MIT',
    source='https://github.com/zalandoresearch/fashion-mnist', hub='zalando-datasets/fashion_mnist',
    limits="It has seen Zalando's pictures of single articles of clothing, grey, 28 x 28 pixels, "
           'on black ground: no colours, no background, no several things at once.')
register_dataset(
    'synthetic', load_data_synthetic, ['class %d' % i for i in range(10)],
    limits='It has seen patterns that a program drew, and knows nothing of real pictures.')
