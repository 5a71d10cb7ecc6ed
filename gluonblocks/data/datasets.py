"""The data set registry: Fashion-MNIST, synthetic images, image folders, and user functions."""
import functools
import inspect
import os
from typing import Any, Callable, NamedTuple, Tuple

import numpy as np

from ..checks import check_classic_arrays, check_positive
from ..registry import Registry, message_of
from .batches import BatchLoader, as_numpy, make_loaders
from .fashion_mnist import DEFAULT_ROOT, LABELS, read_fashion_mnist
from .folder import load_data_folder


def load_data_fashion_mnist(batch_size, resize=None, root=DEFAULT_ROOT, seed=None, part=None):
    """Return (train_iter, test_iter) for Fashion-MNIST, with 60,000 and 10,000 images.

    `resize` is the side length of a square or a pair (height, width); None keeps 28 x 28. `root` is
    the folder with the four idx files, gzip-compressed or not; missing files are downloaded. For
    the default of `root`, see `read_fashion_mnist`. The training images are shuffled again for each
    epoch, using `seed`, or NumPy's global generator if `seed` is None.

    With `part`, (k, n), the loaders are for worker k of n, and yield only its shard of each batch
    of `batch_size` images: see `BatchLoader`. All workers need the same `seed`.

    Raises DataError, an OSError, if a file is missing or damaged; ValueError if a size is not a
    positive integer, or under `npx.set_np()`.
    """
    check_classic_arrays('load_data_fashion_mnist')  # before a download
    check_positive('batch_size', batch_size)
    return make_loaders(read_fashion_mnist(root), batch_size, resize, seed, part)


def load_data_synthetic(batch_size, resize=None, seed=None, num_train=6144, num_test=512,
                        part=None):
    """Return (train_iter, test_iter) for a small generated data set, shaped like Fashion-MNIST.

    Each of the ten classes has a fixed, coarse pattern, to which noise is added. One epoch, 24
    batches of 256, is enough for a LeNet to learn the classes, and for the running averages of its
    batch normalization to forget their initial values. Every call returns the same images. For
    `seed`, `resize` and `part`, see `load_data_fashion_mnist`.
    """
    rng = np.random.RandomState(0)
    patterns = np.kron(rng.uniform(0, 160, (10, 7, 7)), np.ones((4, 4)))  # (10, 28, 28)

    def draw(n):
        labels = rng.randint(0, 10, n)
        images = patterns[labels] + rng.uniform(0, 95, (n, 28, 28))
        return images.astype(np.uint8), labels.astype(np.int32)

    return make_loaders(draw(num_train) + draw(num_test), batch_size, resize, seed, part)


class DataSet(NamedTuple):
    """A data set that a run can load by name.

    `load(batch_size, resize=None, seed=None)` returns (train_iter, test_iter), two loaders; if
    `takes_root`, it also accepts `root`, the folder that contains the files. `class_names` lists
    the class names; `channels` is 1 for greyscale images and 3 for colour. For 'my_module:load' and
    'folder:PATH', both are known only after loading: `class_names` may be (), and `channels` is 0.

    The other fields are for model cards: `license`; `source`, the URL of the data; `hub`, its name
    on the Hugging Face Hub; `limits`, the limitations of a net that was trained on it.
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

    def load_from(self, root, batch_size, **options):
        """Return (train_iter, test_iter), reading the data set from the folder `root` if given.

        Raises ValueError if `root` is given for a data set that is generated.
        """
        if root is not None and not self.takes_root:
            raise ValueError('the data set %r is generated, not read from a folder: omit the '
                             'folder %r' % (self.name, root))
        return self.load(batch_size, **options) if root is None else self.load(
            batch_size, root=root, **options)


_EXPECTED = """Expected one of
  def load(): return train_images, train_labels, test_images, test_labels
  def load(batch_size, resize=None, seed=None): return train_iter, test_iter
where images are uint8 arrays of shape (n, H, W), or (n, H, W, 3) in colour, labels are
non-negative integer arrays of shape (n,), and train_iter and test_iter are
gluonblocks.data.BatchLoader objects; load.class_names may list the class names"""
FOLDER_PREFIX = 'folder:'  # 'folder:PATH' is the data set in an image folder


def register_dataset(name, load, class_names, channels=1, takes_root=False, **card):
    """Register a `DataSet` under `name`.

    `card` contains the fields for model cards: license, source, hub, limits. Raises ValueError if
    the name is registered for another function.
    """
    DATASETS.add(DataSet(name, load, tuple(class_names), channels, takes_root, **card))


def list_datasets():
    """Return the names of all registered data sets, sorted."""
    return sorted(DATASETS.entries)


def get_dataset(name):
    """Return the `DataSet` called `name`: a registered name, 'folder:PATH' for an image folder, or
    'my_module:load' for a function that Python can import.

    Raises ValueError if the import fails or the name is unknown; the message lists known names.
    """
    return DATASETS.find(name)


def dataset_name(dataset):
    """Return a name from which any process can load `dataset`, which is a name or a function.

    In 'folder:PATH', the path is made absolute. Raises ValueError if `dataset` is a function that
    cannot be imported by name.
    """
    if callable(dataset):
        return DATASETS.name_of(dataset)
    if isinstance(dataset, str) and dataset.startswith(FOLDER_PREFIX) and dataset != FOLDER_PREFIX:
        return FOLDER_PREFIX + os.path.abspath(os.path.expanduser(dataset[len(FOLDER_PREFIX):]))
    return dataset


def _unregistered(name, function):
    if not callable(function):
        raise ValueError('expected %s to be a function that loads a data set, got %r. %s'
                         % (name, function, _EXPECTED))
    return DataSet(name, functools.partial(_load_own, name, function),
                   tuple(getattr(function, 'class_names', ())), 0, _takes(function, 'root'))


def _takes(function, name):
    """Return True if `function` accepts the keyword argument `name`."""
    parameters = inspect.signature(function).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _load_own(spec, function, batch_size, **options):
    """Load data with a user's `function`; return `BatchLoader` objects for training and testing.

    A function that accepts batch_size is called with it and with `options`, and must return two
    `BatchLoader` objects. Any other function must return four arrays. Raises ValueError if
    the function fails or returns anything else. OSErrors propagate.
    """
    makes_loaders = _takes(function, 'batch_size')
    arguments = dict(options, batch_size=batch_size) if makes_loaders else {
        name: value for name, value in options.items() if name == 'root'}
    try:
        loaded = function(**arguments)
    except OSError:
        raise
    except Exception as error:  # the user's code may raise anything
        raise ValueError('the data set %s cannot be loaded: %s. %s'
                         % (spec, message_of(error), _EXPECTED))
    try:
        if not makes_loaders:
            images, labels, test_images, test_labels = map(as_numpy, loaded)
            loaded = make_loaders((images, labels, test_images, test_labels), batch_size,
                                  options.get('resize'), options.get('seed'))
        train_iter, test_iter = loaded
        for loader in (train_iter, test_iter):
            if not isinstance(loader, BatchLoader):
                raise ValueError('expected a BatchLoader, got a %s' % type(loader).__name__)
            if not len(loader.labels) or loader.labels.min() < 0:
                raise ValueError('expected at least one image and non-negative labels, found no '
                                 'images or a negative label')
        shapes = train_iter.images.shape, test_iter.images.shape
        if {shape[3:] for shape in shapes} not in ({()}, {(3,)}):
            raise ValueError('expected training and test images to be all greyscale or all colour, '
                             'got shapes %s and %s' % shapes)
    except (TypeError, ValueError) as error:
        raise ValueError('the data set %s is invalid: %s. %s' % (spec, error, _EXPECTED))
    return train_iter, test_iter


def _folder(path):
    """Return the `DataSet` for 'folder:PATH', where PATH is `path`.

    If the folder is moved later, pass its new path to `load` as `root`.
    """
    def load(batch_size, root=None, **options):
        return load_data_folder(path if root is None else root, batch_size, **options)
    return DataSet(FOLDER_PREFIX + path, load, (), 0, True)


DATASETS = Registry('data set', 'load', 'my_module:load', _unregistered)
DATASETS.add_prefix(FOLDER_PREFIX[:-1], _folder, example='folder:PATH')
register_dataset(
    'fashion-mnist', load_data_fashion_mnist, LABELS, takes_root=True, license='MIT',
    source='https://github.com/zalandoresearch/fashion-mnist', hub='zalando-datasets/fashion_mnist',
    limits="The net was trained on Zalando's images of single articles of clothing: grey, 28 x 28 "
           'pixels, on a black background. It has never seen colours or several objects at once.')
register_dataset(
    'synthetic', load_data_synthetic, ['class %d' % i for i in range(10)],
    limits='The net was trained on generated patterns and knows nothing about real images.')
