"""A folder of pictures -> two loaders: decoded by threads, once, and kept."""
import concurrent.futures
import hashlib
import warnings

import numpy as np

from .._runtime import physical_cores
from ..checks import check_classic_arrays, check_positive
from .batches import BatchLoader, seed_of_order
from .fashion_mnist import DataError
from .folder_files import find_pictures, told
from .pictures import ImageError, describe_image, read_image

DEFAULT_SIDE = 64
LARGEST_AS_IS = 128  # pixels: the longer side of pictures of one size that stay as they are
_WINDOW = 256  # pictures that wait for a thread, at most


class DataWarning(UserWarning):
    """Something in a data set that was left out, or that makes its test accuracy too good."""


def load_data_folder(folder, batch_size, resize=None, seed=None, test_share=None, size=None,
                     color=None, only_test=False, part=None, notify=None):
    """The pictures in `folder` as (train_iter, test_iter), each a `BatchLoader`.

    They lie in folder/train/CLASS and folder/test/CLASS, or in folder/CLASS, of which
    `test_share`, between 0 and 1, drawn by `seed`, is for the test: see `find_pictures`. Classes
    are numbered in the order of their names, which the loaders have as `class_names`.

    X is (N, 1, H, W) if all pictures are grey, and (N, 3, H, W) if one can have colours. Each
    picture is fitted, without distortion, as `read_image` does, into a square of `resize` pixels;
    without it, pictures that all have one size, of 128 pixels at most, stay as they are, and
    others are fitted into 64 x 64. `size`, (height, width), and `color` decide otherwise. Every
    picture is decoded once, and the images stay in memory.

    `part` is for workers, as in `load_data_fashion_mnist`; each reads all pictures.

    Files that cannot be read are left out; a DataWarning counts them and names the first twenty.
    With `notify` each such text goes to that function, and there is no warning. With `only_test`
    the first loader is None, and no training picture is read.

    Raises DataError for a folder that is not such a data set, ValueError for a size that is not a
    positive integer, and ImportError if Pillow is missing.
    """
    check_classic_arrays('load_data_folder')
    check_positive('batch_size', batch_size)  # before all is read
    if resize is not None and size is None:
        check_positive('resize', resize)
        size = resize, resize
    order = seed_of_order(seed, part)
    files = find_pictures(folder, test_share, 0 if seed is None else seed)
    names, notes, damaged = tuple(files.train), list(files.notes), []
    test, train = _Part(files.test), None if only_test else _Part(files.train)
    parts = [test] if only_test else [train, test]
    if size is None or color is None:
        headers = [header for one in parts for header in one.read(describe_image, damaged)]
        color = any(header[2] for header in headers) if color is None else color
        size = _size_for({header[:2] for header in headers}) if size is None else size
    for one in parts:
        one.decode(damaged, size, color)
        lost = [name for i, name in enumerate(names)
                if one is train and not (one.labels == i).any()]
        if lost or not len(one.images):
            raise DataError('%s: none of the pictures to %s of %s can be read:\n  %s' % (
                folder, 'train' if one is train else 'test',
                'the class ' + ', '.join(lost) if lost else 'any class', '\n  '.join(damaged[:20])))
    if damaged:
        notes.append(told(damaged, 'picture cannot be read and is',
                          'pictures cannot be read and are'))
    if train:
        notes += _shared(train, test)
    for note in notes:
        if notify:
            notify(note)
        else:
            warnings.warn(note, DataWarning, stacklevel=2)
    return train and train.loader(batch_size, order, part, names), test.loader(
        batch_size, None, part, names)


class _Part:
    """The pictures to train on, or those to test: `paths` and `labels`, and `images` once they are
    decoded. A picture that cannot be read is dropped, and what its error says goes to `damaged`."""

    def __init__(self, classes):
        self.paths = [path for paths in classes.values() for path in paths]
        self.labels = np.repeat(np.arange(len(classes), dtype=np.int32),
                                [len(paths) for paths in classes.values()])

    def read(self, function, damaged):
        """Give `function(path)` of each picture that can be read, in their order."""
        good = np.ones(len(self.paths), bool)
        for i, result in enumerate(_each(function, self.paths)):
            if isinstance(result, ImageError):
                damaged.append(str(result))
                good[i] = False
            else:
                yield result
        self.paths = [path for path, is_good in zip(self.paths, good) if is_good]
        self.labels = self.labels[good]

    def decode(self, damaged, size, color):
        """Set `images`, uint8 (n, height, width) or (n, height, width, 3)."""
        images = np.empty((len(self.paths),) + tuple(size) + (3,) * color, np.uint8)
        for i, image in enumerate(self.read(
                lambda path: read_image(path, size, color=color), damaged)):
            images[i] = image
        self.images = images[:len(self.paths)]

    def loader(self, batch_size, seed, part, class_names):
        loader = BatchLoader(self.images, self.labels, batch_size, seed=seed, part=part)
        loader.class_names = class_names
        return loader


def _each(function, paths):
    """Give `function` of each path, or the ImageError that it raises, in order, by threads."""
    from tqdm import tqdm

    def call(path):
        try:
            return function(path)
        except ImageError as error:
            return error
    # Threads: Pillow decodes and scales without Python's lock, and a process that is forked from
    # one with MXNet may hang.
    # The largest image takes 0.8 GB while it is read.
    with concurrent.futures.ThreadPoolExecutor(min(physical_cores(), 4)) as pool, tqdm(
            total=len(paths), unit='img', desc='reading pictures', leave=False, delay=2,
            disable=None) as bar:
        for start in range(0, len(paths), _WINDOW):
            for result in pool.map(call, paths[start:start + _WINDOW]):
                yield result
                bar.update()


def _size_for(sizes):
    """The (height, width) that pictures of these sizes are fitted into."""
    if len(sizes) == 1 and max(max(sizes)) <= LARGEST_AS_IS:
        return max(sizes)
    return DEFAULT_SIDE, DEFAULT_SIDE


def _shared(train, test):
    """A list with a note if images to test are, to the last pixel, among those to train on."""
    known = {hashlib.sha256(image).digest(): path for image, path in zip(train.images, train.paths)}
    same = [(path, known[digest]) for digest, path in (
        (hashlib.sha256(image).digest(), path)
        for image, path in zip(test.images, test.paths)) if digest in known]
    return ['%d of the %d images to test are to train on, too, so the test accuracy is too good: '
            '%s is %s' % ((len(same), len(test.paths)) + same[0])] if same else []
