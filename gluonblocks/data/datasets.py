"""The data sets by name: Fashion-MNIST, and a synthetic one that needs no files."""
import functools
import os
from typing import Any, Callable, Dict, NamedTuple, Tuple

import numpy as np

from ..checks import check_classic_arrays, check_positive
from ..imported import is_spec, spec_of
from .batches import make_loaders
from .fashion_mnist import DEFAULT_ROOT, LABELS, read_fashion_mnist
from .folder import load_data_folder
from .own import find_loader, load_own, takes


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

    `load(batch_size, resize=None, seed=None)` gives (train_iter, test_iter), each a `BatchLoader`;
    it takes `root`, the folder of the files, too, where `takes_root`. `class_names` has a name for
    each class, `channels` is 1 for grey images and 3 for colour; of a data set by 'my_module:load'
    and of a folder of pictures only the loaders know them, and here they are () and 0. The rest is
    for model cards, where it is known: `license` and `source` of the data, an address; `hub`, their
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
        """As `load`, from the folder `root` if it is not None; ValueError where it takes none."""
        if root is not None and not self.takes_root:
            raise ValueError('the data set %r is made on the spot and takes no folder, but got %r'
                             % (self.name, root))
        return self.load(batch_size, **how) if root is None else self.load(
            batch_size, root=root, **how)


OF_PICTURES = 'folder:'  # how the name of a folder of pictures begins
_datasets: Dict[str, DataSet] = {}


def register_dataset(name, load, class_names, channels=1, takes_root=False, **known):
    """Have runs find a data set by `name`, as a `DataSet`. A name taken twice is a ValueError.

    `known` is what a model card says of it: license, source, hub, limits.
    """
    if name in _datasets:
        raise ValueError('a data set named %r is registered already' % name)
    _datasets[name] = DataSet(name, load, tuple(class_names), channels, takes_root,
                              **known)


def list_datasets():
    """The names of all data sets, sorted."""
    return sorted(_datasets)


def get_dataset(name):
    """The `DataSet` named `name`: a registered one, 'folder:PATH', or 'my_module:load', a function
    that Python can import, as `load_own` calls it.

    Raises ValueError for an unknown name, where the message lists all, and for what cannot be
    imported.
    """
    if name.startswith(OF_PICTURES):
        # The folder that is named stands where no other is: the pictures may have moved.
        return DataSet(name, functools.partial(_load_folder, name[len(OF_PICTURES):]), (), 0, True)
    if is_spec(name):
        function = find_loader(name)
        own = [known for known in _datasets.values() if known.load is function]
        return own[0]._replace(name=name) if own else DataSet(
            name, functools.partial(load_own, name, function),
            tuple(getattr(function, 'class_names', ())), 0, takes(function, 'root'))
    if name not in _datasets:
        raise ValueError('there is no data set %r; the data sets are: %s, and names such as '
                         'folder:PATH and my_module:load' % (name, ', '.join(list_datasets())))
    return _datasets[name]


def dataset_name(dataset):
    """The full name of a data set that is given by its name, or by a function as `load_own` takes:
    with a folder's absolute path. ValueError for a function that cannot be imported by a name."""
    if callable(dataset):
        own = [name for name, known in _datasets.items() if known.load is dataset]
        return own[0] if own else spec_of(dataset, 'the data set')
    if isinstance(dataset, str) and dataset.startswith(OF_PICTURES) and dataset != OF_PICTURES:
        return OF_PICTURES + os.path.abspath(os.path.expanduser(dataset[len(OF_PICTURES):]))
    return dataset


def is_registered(name):
    """Whether a data set is registered by this name."""
    return name in _datasets


def is_dataset_name(name):
    """Whether `name` is that of a registered data set, or has one of the other forms."""
    return is_registered(name) or is_spec(name) or (
        name.startswith(OF_PICTURES) and name != OF_PICTURES)


def _load_folder(folder, batch_size, root=None, **how):
    return load_data_folder(folder if root is None else root, batch_size, **how)


register_dataset(
    'fashion-mnist', load_data_fashion_mnist, LABELS, takes_root=True, license='MIT',
    source='https://github.com/zalandoresearch/fashion-mnist', hub='zalando-datasets/fashion_mnist',
    limits="It has seen Zalando's pictures of single articles of clothing, grey, 28 x 28 pixels, "
           'on black ground: no colours, no background, no several things at once.')
register_dataset(
    'synthetic', load_data_synthetic, ['class %d' % i for i in range(10)],
    limits='It has seen patterns that a program drew, and knows nothing of real pictures.')
