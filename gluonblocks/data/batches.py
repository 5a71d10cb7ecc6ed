"""Load batches of images and labels from arrays in memory."""
import copy
import functools
from concurrent import futures

import mxnet as mx
import numpy as np
from mxnet import gluon, nd

from ..checks import check_classic_arrays, check_positive
from ..mxnet_private import memory_of


class BatchLoader(gluon.data.DataLoader):
    """Yield batches (X, y) of images in memory: X (N, C, H, W) float32 in [0, 1], y (N,) int32.

    `images` is a uint8 NumPy array of shape (n, H, W, C), or (n, H, W) if C is 1. `labels` is an
    integer NumPy array of shape (n,). Images are resized bilinearly to `resize`, the side length of
    a square or a pair (height, width); None keeps their size. With a `seed`, the images are
    shuffled again for each pass; None keeps their order. The last batch may be shorter.

    `len()` is the number of batches, `num_images` the number of images, and `class_names` lists the
    class names, if known. `resize`, `batch_size`, `dtype` (of X) and `augment`, an `Augmentation`,
    may be set later; a new value applies from the next pass.

    `part`, (k, n), makes this the loader for worker k of n, counted from 0; it may be set later.
    The loader then yields slice k of the n slices of each batch, or (None, None) if that slice is
    empty. The sizes of the slices differ by at most one image. If all workers use the same `seed`,
    they yield the same number of batches and, together, each image once.

    The class is derived from Gluon's DataLoader only so that Gluon's Estimator accepts it.

    Raises ValueError if an array has a wrong type or shape, if there is not one label per image, or
    if a size is not a positive integer. Values set later are checked when the next pass begins. If
    `augment` changes the shape or type of images, the batch raises ValueError.
    """

    dtype = 'float32'
    augment = None
    class_names = ()
    _worker_pool = None  # Gluon's __del__ terminates the processes in this pool

    def __init__(self, images, labels, batch_size, resize=None, seed=None, part=None):
        self.images, self.labels = images, labels
        self.batch_size, self.resize, self.part = batch_size, resize, part
        self._check()
        self.num_images = len(images)
        self._order = None if seed is None else np.random.RandomState(seed)
        self._first = self._pass = 0

    def _check(self):
        """Raise ValueError if an array or a setting of the loader is invalid. Return `resize` as
        (width, height), or None if images are not resized."""
        images, labels = self.images, self.labels
        check_classic_arrays('BatchLoader', images, labels)
        check_positive('batch_size', self.batch_size)
        if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or (
                images.ndim not in (3, 4)) or not all(images.shape[1:]):
            raise ValueError('expected images as a uint8 NumPy array of shape (n, H, W) or '
                             '(n, H, W, C), got %s; convert images in [0, 1] with '
                             '(images * 255).round().astype("uint8")' % _describe(images))
        if not isinstance(labels, np.ndarray) or labels.dtype.kind not in 'iu' or (
                labels.shape != images.shape[:1]):
            raise ValueError('expected labels as a NumPy array of integers, one for each of the '
                             '%d images, got %s' % (len(images), _describe(labels)))
        if self.part is not None:
            check_part(self.part, self.batch_size)
        return _width_and_height(self.resize)

    def start_at(self, num_passes, num_batches):
        """Make a new loader skip `num_passes` complete passes and `num_batches` more batches."""
        for _ in range(num_passes if self._order else 0):
            self._order.permutation(self.num_images)
        self._first, self._pass = num_batches, num_passes

    def __len__(self):
        check_positive('batch_size', self.batch_size)  # which may have been set later
        return -(-self.num_images // self.batch_size)

    def __iter__(self):
        size, n = self._check(), self.num_images
        order = np.arange(n) if self._order is None else self._order.permutation(n)
        first, self._first = self._first, 0
        number, self._pass = self._pass, self._pass + 1
        now = copy.copy(self)  # changed settings take effect in the next pass
        fill = functools.partial(now._fill, number)
        for X, y in _prefetch(fill, now._empty_batches(order, first, size is None)):
            if X is not None and size is not None:
                X = nd.image.resize(X, size=size)
                X = nd.image.to_tensor(X)  # (N, C, height, width)
            yield X if X is None else X.astype(now.dtype, copy=False), y

    def _empty_batches(self, order, first, as_floats):
        """Yield the arguments of `_fill` for each batch: (batch number, indices, shard's slice,
        (X, y), [memory of X, memory of y]).

        MXNet must not be called from two threads, so the arrays are created here. `nd.from_numpy`
        would create them from filled NumPy arrays, but MXNet's engine would call a Python function
        to free these, which makes a training step of `lenet_bn` 4 % slower.
        """
        height, width, channels = (self.images.shape[1:] + (1,))[:3]
        shape = (channels, height, width) if as_floats else (height, width, channels)
        for i in range(first, len(self)):
            batch = order[i * self.batch_size:(i + 1) * self.batch_size]
            shard = shard_slice(len(batch), self.part)
            n = shard.stop - shard.start
            if not n:  # an NDArray cannot be empty
                yield i, batch, shard, (None, None), []
                continue
            arrays = (nd.empty((n,) + shape, mx.cpu(), 'float32' if as_floats else 'uint8'),
                      nd.empty((n,), mx.cpu(), 'int32'))
            yield i, batch, shard, arrays, [memory_of(array) for array in arrays]

    def _fill(self, number, item):
        """Fill the arrays (X, y) of an item of `_empty_batches` in pass `number`; return them.

        Images are scaled to [0, 1] if X is float32. The method runs in a thread, so it calls only
        NumPy.
        """
        i, batch, shard, arrays, memory = item
        if memory:
            images = self.images[batch[shard]]
            if self.augment:
                shape = images.shape
                images = self.augment(images, number, i, len(batch), shard)
                if images.shape != shape or images.dtype != np.uint8:
                    raise ValueError('augment must return uint8 images of shape %s, like those it '
                                     'gets, got %s' % (shape, _describe(images)))
            images = images.reshape(images.shape[:3] + (-1,))  # (N, H, W, C)
            if memory[0].dtype == np.uint8:
                memory[0][:] = images
            else:
                # A single NumPy operation scales, transposes and converts the images. It is six
                # times as fast as three calls to MXNet.
                np.divide(images.transpose((0, 3, 1, 2)), np.float32(255), out=memory[0],
                          dtype='float32')
            memory[1][:] = self.labels[batch[shard]]
        return arrays


def _prefetch(function, items):
    """Yield function(item) for each of `items`, while a thread computes the next result."""
    with futures.ThreadPoolExecutor(max_workers=1) as thread:
        waiting = None
        for item in items:
            ready, waiting = waiting, thread.submit(function, item)
            if ready is not None:
                yield ready.result()
        if waiting is not None:
            yield waiting.result()


def _describe(array):
    """Describe an array by its dtype and shape, and any other value by its type."""
    return '%s %s' % (array.dtype, array.shape) if isinstance(array, np.ndarray) else (
        'a %s' % type(array).__name__)


def _width_and_height(resize):
    """Return `resize` as (width, height), the order that MXNet expects; None stays None."""
    if resize is None:
        return None
    try:
        height, width = resize if isinstance(resize, (list, tuple)) else (resize, resize)
        check_positive('resize', height)
        check_positive('resize', width)
    except ValueError:
        raise ValueError('resize must be a positive integer (the side of a square) or a pair '
                         '(height, width), got %r' % (resize,)) from None
    return int(width), int(height)


def make_loaders(arrays, batch_size, resize=None, seed=None, part=None):
    """Return (train_iter, test_iter), `BatchLoader` objects for training and test arrays."""
    train_images, train_labels, test_images, test_labels = arrays
    seed = seed_of_order(seed, part)
    return (BatchLoader(train_images, train_labels, batch_size, resize, seed, part),
            BatchLoader(test_images, test_labels, batch_size, resize, part=part))


def as_numpy(array):
    """Convert a list, a NumPy array or an MXNet array to a NumPy array.

    NumPy alone would take hours for a large NDArray, because it reads the elements one at a time.
    """
    return array.asnumpy() if hasattr(array, 'asnumpy') else np.asarray(array)


def seed_of_order(seed, part=None):
    """Return the seed for shuffling training images: `seed`, or a random one if it is None.

    Raises ValueError if `part` is set but `seed` is None: each worker's order would be different.
    """
    if seed is not None:
        return seed
    if part is not None:
        raise ValueError('part=%r needs a seed, got None: pass the same seed to all workers, so '
                         'that they shuffle in the same order' % (part,))
    return np.random.randint(2 ** 31 - 1)  # as in the book, np.random.seed sets the order


def shard_slice(num_images, part):
    """Return the slice of a batch for worker k if `part` is (k, n); None selects the full batch.

    The n slices are consecutive and cover the batch; their sizes differ by at most one image.
    """
    k, n = part or (0, 1)
    return slice(num_images * k // n, num_images * (k + 1) // n)


def check_part(part, batch_size):
    """Raise ValueError unless `part` is (k, n) with 0 <= k < n <= `batch_size`."""
    try:
        k, n = part
        good = all(isinstance(number, int) for number in (k, n)) and 0 <= k < n
    except (TypeError, ValueError):
        good = False
    if not good:
        raise ValueError('part must be (k, n) with 0 <= k < n, for worker k of n workers, got %r'
                         % (part,))
    if n > batch_size:
        raise ValueError('expected at least one image per worker in a batch, got %d workers and '
                         'a batch of %d: use fewer workers or a larger batch' % (n, batch_size))
