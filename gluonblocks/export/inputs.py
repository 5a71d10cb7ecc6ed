"""Create random inputs, or read images from a folder, to verify a net without a data set."""
import os

import numpy as np

from ..data.pictures import read_image
from ..files import readable
from .description import Batch, Images

MAX_IMAGES = 256  # maximum number of images that are read from a folder


def random_inputs(inputs, twice=None, larger=None, values=(0, 1)):
    """Return `Images` that contain uniform random numbers, drawn with a fixed seed.

    `values` is their range (low, high). `inputs`, `twice` and `larger` map input names to shapes
    for a batch of one, a batch of two, and larger images. If `twice` is not None, the result
    includes batches of two and three; if `larger` is not None, also one batch of larger images.
    """
    shapes, (low, high) = [inputs], values
    if twice:  # the shapes for a batch of three are extrapolated
        shapes += [twice, {name: tuple(2 * b - a for a, b in zip(sides, twice[name]))
                           for name, sides in inputs.items()}]
    shapes += [larger] if larger else []

    def made(shapes):
        rng = np.random.RandomState(0)
        return Batch(tuple(rng.uniform(low, high, sides).astype('float32')
                           for sides in shapes.values()))
    return Images(lambda: map(made, shapes), None, 'random numbers from %g to %g' % (low, high))


def folder_images(folder, shape, mean=0, std=255):
    """Load image files from a folder and its subfolders as `Images`, scaled as (x - mean) / std.

    `shape` is (C, H, W). Images are read as greyscale if C is 1 and as RGB if C is 3, resized to
    fit into H x W pixels without distortion, and padded. Pixel values x range from 0 to 255. `mean`
    and `std` are numbers, or sequences with one number per channel. Raises ValueError if the folder
    contains no files.
    """
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise ValueError('image files require a net with input shape (1, H, W) or (3, H, W), found '
                         '%s' % (shape,))
    mean, std = [np.reshape(np.asarray(each, 'float32'), (-1, 1, 1)) for each in (mean, std)]
    for name, each in (('mean', mean), ('std', std)):
        if len(each) not in (1, shape[0]):
            raise ValueError('%s must be one number, or one per channel (%d in total), got %d'
                             % (name, shape[0], len(each)))
    if not np.isfinite([mean.sum(), std.sum()]).all() or not std.all():
        raise ValueError('mean and std must be finite, and std must not be 0')
    if not os.path.isdir(folder):
        raise ValueError('%s: no such folder' % readable(folder))
    paths = sorted(os.path.join(where, name) for where, _, names in os.walk(folder)
                   for name in names if not name.startswith('.'))[:MAX_IMAGES]
    if not paths:
        raise ValueError('%s: expected a folder of images, found no files' % readable(folder))

    def read(path):
        image = read_image(path, shape[1:], color=shape[0] == 3).reshape(shape[1:] + (shape[0],))
        return ((image.transpose(2, 0, 1) - mean) / std).astype('float32')
    # Some nets accept only a batch of one, so put each image in a batch of its own.
    return Images(lambda: (Batch((read(path)[None],)) for path in paths), None,
                  '%d images' % len(paths))
