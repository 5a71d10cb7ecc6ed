"""Images and labels in memory -> batches."""
import numpy as np
from mxnet import nd

from ..checks import check_classic_arrays, check_positive


class BatchLoader:
    """Gives (X, y) by batches, as the book's DataLoader: X (N, 1, H, W) float32 in [0, 1], y (N,).

    Arguments: `images` (n, H, W) uint8, or (n, H, W, C) for X (N, C, H, W), and `labels` (n,)
    int32, NumPy arrays; `resize` is the side of the squares that images are resized to,
    bilinearly, or (height, width) (None: as they are); `seed` orders the images anew for each pass
    over the data (None: always in their own order). The last batch may be shorter. `len()` is the
    number of batches, `num_images` that of images. `dtype`, which may be set, is X's; `augment`,
    which may be set too, an `Augmentation`; `class_names` those of the labels, where they are
    known.

    `part`, (k, n), which may be set too, is for worker k of n, from 0: it gets its share of each
    batch, which are the same n shares wherever they are made, and (None, None) of a batch that has
    no image for it. All n give as many batches, and together each image once.

    Raises ValueError for sizes that are not whole numbers from 1.
    """

    dtype = 'float32'
    augment = None
    class_names = ()
    _part = None

    def __init__(self, images, labels, batch_size, resize=None, seed=None, part=None):
        check_classic_arrays('BatchLoader', images, labels)
        check_positive('batch_size', batch_size)
        self.images, self.labels = images, labels
        self.num_images = len(images)
        self.batch_size, self.resize = batch_size, resize
        self._width_and_height = _width_and_height(resize)
        self._order = None if seed is None else np.random.RandomState(seed)
        self._first = self._pass = 0
        self.part = part

    @property
    def part(self):
        return self._part

    @part.setter
    def part(self, part):
        self._part = part if part is None else check_part(part, self.batch_size)

    def start_at(self, num_passes, num_batches):
        """Let a new loader go on as one that gave `num_passes` whole passes and `num_batches`."""
        for _ in range(num_passes if self._order else 0):
            self._order.permutation(self.num_images)
        self._first, self._pass = num_batches, num_passes

    def __len__(self):
        return -(-self.num_images // self.batch_size)

    def __iter__(self):
        check_classic_arrays('BatchLoader')
        n = self.num_images
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
            if self.resize is None:
                # By NumPy, which takes a quarter of the time of MXNet's three small calls.
                X = images.transpose((0, 3, 1, 2)).astype('float32', order='C')  # (N, C, H, W)
                X /= 255
                X = nd.from_numpy(X)
            else:
                X = nd.image.resize(nd.from_numpy(images), size=self._width_and_height)
                X = nd.image.to_tensor(X)  # (N, C, height, width)
            X = X.astype(self.dtype, copy=False)
            yield X, nd.from_numpy(self.labels[batch[share]].astype('int32', copy=False))


def _width_and_height(resize):
    """`resize` in the order of MXNet's operator, or None."""
    if resize is None:
        return None
    try:
        if isinstance(resize, (list, tuple)):
            height, width = resize
        else:
            height = width = resize
        for side in (height, width):
            check_positive('resize', side)
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
    """The slice of a batch of `num_images` that is worker k's of n, by `part`, (k, n).

    The n slices follow each other, cover the batch, and differ by one image at most. None: all.
    """
    k, n = part or (0, 1)
    return slice(num_images * k // n, num_images * (k + 1) // n)


def check_part(part, batch_size):
    """`part` as a tuple; ValueError unless it is (k, n), 0 <= k < n, n at most `batch_size`."""
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
    return k, n
