"""Inputs for verifying a net that has no data set: random numbers, or a folder of images."""
import os

import numpy as np

from ..data.pictures import read_image
from ..files import readable
from .description import Batch, Images

MAX_PICTURES = 256
_BATCH = 4


class RandomInputs(Images):
    """Random inputs of any shapes, always the same, uniform in `values`, (low, high).

    `inputs` are the shapes by name for a batch of one, and `variants` the same for a batch of two
    and for other sizes, if the net takes them.
    """

    timed = (1,)

    def __init__(self, inputs, variants, values=(0, 1)):
        self._inputs, self._values = inputs, values
        self.words = 'random numbers from %g to %g' % tuple(values)
        self._twice = next((shapes for shapes in variants if _is_batch(shapes, inputs)), inputs)
        self._others = [shapes for shapes in variants if shapes is not self._twice]
        self.num_probes = len(self._others) + (3 if self._twice is not inputs else 1)

    def __iter__(self):
        yield self.first(_BATCH if self._twice is not self._inputs else 1)

    def first(self, n):
        """A `Batch` of `n` images, or of one if the net takes no other."""
        def sides(name):
            return tuple(n if one != two else one for one, two in zip(
                self._inputs[name], self._twice[name]))
        return self._made({name: sides(name) for name in self._inputs})

    def all_batches(self):
        """Batches of one and three, one of each other size, and a batch of four."""
        for size in (1, 2, 3) if self._twice is not self._inputs else (1,):
            yield self.first(size)
        for shapes in self._others:
            yield self._made(shapes)
        yield from self

    def _made(self, shapes):
        rng = np.random.RandomState(0)
        low, high = self._values
        return Batch(tuple(rng.uniform(low, high, sides).astype('float32')
                           for sides in shapes.values()))


def _is_batch(shapes, inputs):
    """Return True if `shapes` differ from `inputs` in the batch, which is of two."""
    return any(sides[i] == 2 and one == 1 for name, sides in shapes.items()
               for i, one in enumerate(inputs[name]))


class FolderImages(Images):
    """The pictures in a folder and its subfolders as a net's input: (x - mean) / std.

    `shape` is (C, H, W); a picture is fitted into H x W without distortion, grey for one channel
    and red, green, blue for three. Pixels are from 0 to 255 before `mean` is subtracted and `std`
    divides, each a number or one for each channel. Raises ValueError if there are no pictures.
    """

    timed = (1,)
    num_probes = 0

    def __init__(self, folder, shape, mean=0, std=255, limit=MAX_PICTURES):
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise ValueError('pictures are (1, H, W) or (3, H, W), but the net takes %s' % (shape,))
        self._paths = sorted(os.path.join(where, name) for where, _, names in os.walk(folder)
                             for name in names if not name.startswith('.'))[:limit]
        if not self._paths:
            raise ValueError('%s: expected a folder of pictures, found none' % readable(folder))
        self._shape = shape
        self.words = '%d pictures' % len(self._paths)
        self._mean, self._std = [np.reshape(np.asarray(each, 'float32'), (-1, 1, 1))
                                 for each in (mean, std)]
        for name, each in (('mean', self._mean), ('std', self._std)):
            if len(each) not in (1, shape[0]):
                raise ValueError('%s has %d numbers, but the net takes %d channels'
                                 % (name, len(each), shape[0]))

    def __iter__(self):
        for i in range(0, len(self._paths), _BATCH):
            images = [self._image(path) for path in self._paths[i:i + _BATCH]]
            yield Batch((np.stack(images),))

    def all_batches(self):
        """The batches of all pictures."""
        return iter(self)

    def _image(self, path):
        image = read_image(path, self._shape[1:], color=self._shape[0] == 3)
        image = image[None] if self._shape[0] == 1 else image.transpose(2, 0, 1)
        return ((image - self._mean) / self._std).astype('float32')


class Several(Images):
    """One after the other: the images of two `Images`."""

    timed = (1,)

    def __init__(self, first, second):
        self._parts = first, second
        self.num_probes = first.num_probes
        self.words = '%s and %s' % (first.words, second.words)

    def __iter__(self):
        for part in self._parts:
            yield from part

    def first(self, n):
        """As the first part's."""
        return self._parts[0].first(n)

    def all_batches(self):
        """The batches of both."""
        for part in self._parts:
            yield from part.all_batches()
