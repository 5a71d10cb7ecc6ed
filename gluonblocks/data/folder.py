"""A folder of pictures -> two loaders: decoded by threads, once, and kept."""
import concurrent.futures
import hashlib
import warnings

import numpy as np

from .._runtime import physical_cores
from ..checks import check_classic_arrays, check_positive
from .batches import BatchLoader, seed_of_order
from .fashion_mnist import DataError
from .folder_files import find_pictures, left_out
from .pictures import ImageError, describe_image, read_image

DEFAULT_SIDE = 64
LARGEST_AS_IS = 128  # pixels: the longer side of pictures of one size that stay as they are


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
    pictures = {  # (path, label) of each
        goal: [(path, label) for label, name in enumerate(names) for path in classes[name]]
        for goal, classes in (('train', files.train), ('test', files.test))
        if goal == 'test' or not only_test}
    if size is None or color is None:
        headers = {goal: list(_read(describe_image, each, damaged))
                   for goal, each in pictures.items()}
        pictures = {goal: [picture for picture, _ in each] for goal, each in headers.items()}
        found = [header for each in headers.values() for _, header in each]
        color = any(header[2] for header in found) if color is None else color
        size = _size_for({header[:2] for header in found}) if size is None else size
    images = {}
    for goal in pictures:
        pictures[goal], images[goal] = _decode(pictures[goal], size, color, damaged)
        found_labels = {label for _, label in pictures[goal]}
        lost = [name for label, name in enumerate(names)
                if goal == 'train' and label not in found_labels]
        if lost or not found_labels:
            raise DataError('%s: none of the pictures to %s of %s can be read:\n  %s' % (
                folder, goal, 'the class ' + ', '.join(lost) if lost else 'any class',
                '\n  '.join(damaged[:20])))
    if damaged:
        notes.append(left_out(damaged, 'picture cannot be read and is',
                              'pictures cannot be read and are'))
    if not only_test:
        notes += _shared(pictures, images)
    for note in notes:
        if notify:
            notify(note)
        else:
            warnings.warn(note, DataWarning, stacklevel=2)
    loaders = {}
    for goal in pictures:
        labels = np.array([label for _, label in pictures[goal]], np.int32)
        loaders[goal] = BatchLoader(images[goal], labels, batch_size, part=part,
                                    seed=order if goal == 'train' else None)
        loaders[goal].class_names = names
    return loaders.get('train'), loaders['test']


def _decode(pictures, size, color, damaged):
    """Return those of `pictures` that can be read, and their images, uint8 (n, height, width) or
    (n, height, width, 3)."""
    images, good = np.empty((len(pictures), *size) + (3,) * color, np.uint8), []
    for picture, image in _read(lambda path: read_image(path, size, color=color), pictures,
                                damaged):
        images[len(good)] = image
        good.append(picture)
    return good, images[:len(good)]


def _read(function, pictures, damaged):
    """Yield (picture, `function(path)`) of each of `pictures`, (path, label), in their order.

    One that cannot be read is left out, and its error's text appended to `damaged`.
    """
    from tqdm import tqdm

    def call(path):
        try:
            return function(path)
        except ImageError as error:
            return error
    # Threads: Pillow decodes and scales without Python's lock, and a process that is forked from
    # one with MXNet may hang.
    # The largest image takes 0.8 GB while it is read.
    with concurrent.futures.ThreadPoolExecutor(min(physical_cores(), 4)) as pool:
        results = pool.map(call, [path for path, _ in pictures])
        for picture, result in zip(pictures, tqdm(
                results, total=len(pictures), unit='img', desc='reading pictures', leave=False,
                delay=2, disable=None)):
            if isinstance(result, ImageError):
                damaged.append(str(result))
            else:
                yield picture, result


def _size_for(sizes):
    """The (height, width) that pictures of these sizes are fitted into."""
    if len(sizes) == 1 and max(max(sizes)) <= LARGEST_AS_IS:
        return max(sizes)
    return DEFAULT_SIDE, DEFAULT_SIDE


def _shared(pictures, images):
    """A list with a note if images to test are, to the last pixel, among those to train on."""
    train, test = [[(hashlib.sha256(image).digest(), path)
                    for image, (path, _) in zip(images[goal], pictures[goal])]
                   for goal in ('train', 'test')]
    known = dict(train)
    same = [(path, known[digest]) for digest, path in test if digest in known]
    return ['%d of the %d images to test are to train on, too, so the test accuracy is too good: '
            '%s is %s' % ((len(same), len(test)) + same[0])] if same else []
