"""Images and labels in memory -> batches."""
import numpy as np
from mxnet import gluon, nd

from ..checks import check_classic_arrays, check_positive


class BatchLoader(gluon.data.DataLoader):
    """Batches (X, y) of images in memory: X (N, 1, H, W) float32 in [0, 1], y (N,) int32.

    Arguments: `images`, NumPy uint8 (n, H, W), or (n, H, W, C) for X (N, C, H, W); `labels`, NumPy
    integers (n,); `resize`, the side of the squares that images are resized to, bilinearly, or
    (height, width) (None: images keep their size); `seed`, from which the order of each pass over
    the images is drawn (None: always their own order). The last batch may be shorter. `len()` is
    the number of batches and `num_images` that of images. `class_names` names the classes, if they
    are known. `resize`, `batch_size`, `dtype`, which is X's, and `augment`, an `Augmentation`, may
    be set later; a new value counts from the next pass.

    `part`, (k, n), may be set too. It is for worker k of n, counted from 0. The loader then gives
    the k-th of n slices of each batch, which differ in length by at most one image, and
    (None, None) for an empty slice. All n workers give equally many batches, and together every
    image once. They need the same `seed`.

    It is a Gluon DataLoader so that Gluon's Estimator takes it, but shares none of its code.

    Raises ValueError for other arrays, for another number of labels than of images, and for sizes
    that are not positive integers; for those that were set later when the next pass begins.
    """

    dtype = 'float32'
    augment = None
    class_names = ()
    _worker_pool = None  # Gluon ends the processes of a pool, if there is one

    def __init__(self, images, labels, batch_size, resize=None, seed=None, part=None):
        self.images, self.labels = images, labels
        self.batch_size, self.resize, self.part = batch_size, resize, part
        self._check()
        self.num_images = len(images)
        self._order = None if seed is None else np.random.RandomState(seed)
        self._first = self._pass = 0

    def _check(self):
        """Raise ValueError for what cannot be loaded; return (width, height), or None."""
        images, labels = self.images, self.labels
        check_classic_arrays('BatchLoader', images, labels)
        check_positive('batch_size', self.batch_size)
        if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or (
                images.ndim not in (3, 4)):
            raise ValueError('images must be a NumPy array uint8 (n, H, W) or (n, H, W, C), got '
                             '%s: scale images in [0, 1] by (images * 255).round().astype("uint8")'
                             % _described(images))
        if not isinstance(labels, np.ndarray) or labels.dtype.kind not in 'iu' or (
                labels.shape != images.shape[:1]):
            raise ValueError('labels must be a NumPy array of integers (n,), one for each of the '
                             '%d images, got %s' % (len(images), _described(labels)))
        if self.part is not None:
            check_part(self.part, self.batch_size)
        return _width_and_height(self.resize)

    def start_at(self, num_passes, num_batches):
        """Make a new loader continue after `num_passes` complete passes and `num_batches` more."""
        for _ in range(num_passes if self._order else 0):
            self._order.permutation(self.num_images)
        self._first, self._pass = num_batches, num_passes

    def __len__(self):
        check_positive('batch_size', self.batch_size)  # it may have been set
        return -(-self.num_images // self.batch_size)

    def __iter__(self):
        size, n = self._check(), self.num_images
        order = np.arange(n) if self._order is None else self._order.permutation(n)
        first, self._first = self._first, 0
        number, self._pass = self._pass, self._pass + 1
        for start in range(first * self.batch_size, n, self.batch_size):
            batch = order[start:start + self.batch_size]
            share = share_of(len(batch), self.part)
            if share.start == share.stop:
                yield None, None  # MXNet has no array of no images
                continue
            images = self.images[batch[share]]
            if self.augment:
                images = self.augment(images, number, start // self.batch_size, len(batch), share)
            images = images.reshape(images.shape[:3] + (-1,))  # (N, H, W, C)
            if size is None:
                # By NumPy, which takes a quarter of the time of MXNet's three small calls.
                X = images.transpose((0, 3, 1, 2)).astype('float32', order='C')  # (N, C, H, W)
                X /= 255
                X = nd.from_numpy(X)
            else:
                X = nd.image.resize(nd.from_numpy(images), size=size)
                X = nd.image.to_tensor(X)  # (N, C, height, width)
            X = X.astype(self.dtype, copy=False)
            yield X, nd.from_numpy(self.labels[batch[share]].astype('int32', copy=False))


def _described(array):
    """The type and shape of what should have been an array, in words."""
    return '%s %s' % (array.dtype, array.shape) if isinstance(array, np.ndarray) else (
        'a %s' % type(array).__name__)


def _width_and_height(resize):
    """`resize` in the order of MXNet's operator, or None."""
    if resize is None:
        return None
    try:
        height, width = resize if isinstance(resize, (list, tuple)) else (resize, resize)
        check_positive('resize', height)
        check_positive('resize', width)
    except ValueError:
        raise ValueError('resize is %r, but must be a positive whole number, the side of a square, '
                         'or a pair of them, (height, width)' % (resize,)) from None
    return int(width), int(height)


def make_loaders(arrays, batch_size, resize=None, seed=None, part=None):
    """(train_iter, test_iter) of training images, their labels, test images and their labels."""
    train_images, train_labels, test_images, test_labels = arrays
    seed = seed_of_order(seed, part)
    return (BatchLoader(train_images, train_labels, batch_size, resize, seed, part),
            BatchLoader(test_images, test_labels, batch_size, resize, part=part))


def seed_of_order(seed, part=None):
    """The seed that orders training images: `seed`, or one that is drawn.

    Raises ValueError where a `part` is asked without it: each worker would draw another.
    """
    if seed is not None:
        return seed
    if part is not None:
        raise ValueError('part is %r, but seed is None: all workers must name the same seed, for '
                         'their shares are of one order' % (part,))
    return np.random.randint(2 ** 31 - 1)  # Book: np.random.seed decides the order


def share_of(num_images, part):
    """The slice of a batch of `num_images` that is worker k's of n, by `part`, (k, n). None: all.

    The n slices follow each other, cover the batch, and differ by one image at most.
    """
    k, n = part or (0, 1)
    return slice(num_images * k // n, num_images * (k + 1) // n)


def check_part(part, batch_size):
    """Raise ValueError unless `part` is (k, n), 0 <= k < n, n at most `batch_size`."""
    try:
        k, n = part
        good = all(isinstance(number, int) for number in (k, n)) and 0 <= k < n
    except (TypeError, ValueError):
        good = False
    if not good:
        raise ValueError('part is %r, but must be (k, n): worker number k, from 0, of n'
                         % (part,))
    if n > batch_size:
        raise ValueError('there are %d workers, but only %d images a step: with fewer workers, or '
                         'a larger batch, each has an image' % (n, batch_size))
