"""Images and labels in memory -> batches: Fashion-MNIST, and a synthetic data set."""
from typing import Any, Callable, Dict

import numpy as np
from mxnet import nd

from ..checks import check_positive
from .fashion_mnist import DEFAULT_ROOT, LABELS, read_fashion_mnist


class BatchLoader:
    """Gives (X, y) by batches, as the book's DataLoader: X (N, 1, H, W) float32 in [0, 1], y (N,).

    Arguments: `images` (n, H, W) uint8 and `labels` (n,) int32, NumPy arrays; `resize` is the
    side of the squares that images are resized to, bilinearly (None: as they are); `seed` orders
    the images anew for each pass over the data (None: always in their own order). The last batch
    may be shorter. `len()` is the number of batches, `num_images` that of images. `dtype`, which
    may be set, is X's.
    """

    dtype = 'float32'

    def __init__(self, images, labels, batch_size, resize=None, seed=None):
        check_positive('batch_size', batch_size)
        if resize is not None:
            check_positive('resize', resize)
        self.images, self.labels = images, labels
        self.num_images = len(images)
        self.batch_size, self.resize = batch_size, resize
        self._order = None if seed is None else np.random.RandomState(seed)
        self._first = 0

    def start_at(self, num_passes, num_batches):
        """Let a new loader go on as one that gave `num_passes` whole passes and `num_batches`."""
        for _ in range(num_passes if self._order else 0):
            self._order.permutation(self.num_images)
        self._first = num_batches

    def __len__(self):
        return -(-self.num_images // self.batch_size)

    def __iter__(self):
        n = self.num_images
        order = np.arange(n) if self._order is None else self._order.permutation(n)
        first, self._first = self._first, 0
        for start in range(first * self.batch_size, n, self.batch_size):
            batch = order[start:start + self.batch_size]
            X = nd.from_numpy(self.images[batch][..., None])  # (N, H, W, 1)
            if self.resize:
                X = nd.image.resize(X, size=self.resize)  # (N, resize, resize, 1)
            X = (X.astype('float32') / 255).astype(self.dtype, copy=False)
            yield (X.reshape((X.shape[0], 1) + X.shape[1:3]),  # (N, 1, H, W)
                   nd.from_numpy(self.labels[batch].astype('int32', copy=False)))


def load_data_fashion_mnist(batch_size, resize=None, root=DEFAULT_ROOT, seed=None):
    """Fashion-MNIST as (train_iter, test_iter), two `BatchLoader`s of 60,000 and 10,000 images.

    `root` is the folder with the four idx files, compressed by gzip or not. If it has none they
    are looked for, and at last downloaded, as `read_fashion_mnist` tells. The training images are
    shuffled anew each epoch, by `seed` or, without one, by NumPy's global generator.

    Raises DataError, an OSError, where a file is missing or not what it should be.
    """
    return _loaders(read_fashion_mnist(root), batch_size, resize, seed)


def load_data_synthetic(batch_size, resize=None, seed=None, num_train=2048, num_test=512):
    """A small data set made on the spot, in the shapes of Fashion-MNIST: (train_iter, test_iter).

    Ten classes: each a fixed coarse pattern under noise, which a net learns within an epoch or
    two. The images are always the same; `seed` is for their order, as in Fashion-MNIST.
    """
    rng = np.random.RandomState(0)
    patterns = np.kron(rng.uniform(0, 160, (10, 7, 7)), np.ones((4, 4)))  # (10, 28, 28)

    def draw(n):
        labels = rng.randint(0, 10, n)
        images = patterns[labels] + rng.uniform(0, 95, (n, 28, 28))
        return images.astype(np.uint8), labels.astype(np.int32)

    return _loaders(draw(num_train) + draw(num_test), batch_size, resize, seed)


DATASETS: Dict[str, Callable[..., Any]] = {
    'fashion-mnist': load_data_fashion_mnist, 'synthetic': load_data_synthetic}
_CLASS_NAMES = {'fashion-mnist': LABELS}


def get_class_names(dataset, num_classes=10):
    """The names of the classes of `dataset`, a key of `DATASETS`: a list of strings.

    Where it gives them none, or not `num_classes`, they are 'class 0', 'class 1', ...
    """
    names = _CLASS_NAMES.get(dataset, ())
    return list(names) if len(names) == num_classes else ['class %d' % i
                                                          for i in range(num_classes)]


def _loaders(arrays, batch_size, resize, seed):
    train_images, train_labels, test_images, test_labels = arrays
    if seed is None:
        seed = np.random.randint(2 ** 31 - 1)  # Book: np.random.seed decides the order
    return (BatchLoader(train_images, train_labels, batch_size, resize, seed),
            BatchLoader(test_images, test_labels, batch_size, resize))
