"""Load a folder of images into memory, each decoded once, by threads."""
import concurrent.futures
import hashlib
import warnings

import numpy as np

from ..checks import check_classic_arrays, check_positive
from ..machine.cpus import physical_cores
from .batches import BatchLoader, seed_of_order
from .fashion_mnist import DataError
from .folder_files import find_pictures, skipped
from .pictures import ImageError, describe_image, read_image

DEFAULT_SIDE = 64
LARGEST_AS_IS = 128  # pixels: images of one size keep it if no side is longer


class DataWarning(UserWarning):
    """Files of a data set were skipped, or its test accuracy will be too high."""


def load_data_folder(folder, batch_size, resize=None, seed=None, test_share=None, size=None,
                     color=None, only_test=False, part=None, notify=None):
    """Return (train_iter, test_iter), two `BatchLoader` objects of the images in `folder`.

    The images are in folder/train/CLASS and folder/test/CLASS; or they are in folder/CLASS, and
    `test_share`, a fraction between 0 and 1, drawn by `seed`, is held out for the test: see
    `find_pictures`. Classes are numbered in the order of their names, the loaders' `class_names`.

    X is (N, 1, H, W) if all images are grey, otherwise (N, 3, H, W). Each image is fitted without
    distortion, as by `read_image`, into a square with sides of `resize` pixels. If `resize` is
    None, images that all have one size of at most 128 pixels keep it, and others are fitted into
    64 x 64. `size`, (height, width), and `color` override this. Images stay in memory.

    `part` is for workers, as in `load_data_fashion_mnist`; every worker reads all images.

    Unreadable files are skipped; a DataWarning counts them and lists the first twenty. If `notify`
    is given, it is called with each such text instead. If `only_test` is set, the first loader is
    None, and no training image is read.

    Raises DataError if the folder is not such a data set, ValueError for a size that is not a
    positive integer, and ImportError if Pillow is missing.
    """
    check_classic_arrays('load_data_folder')
    check_positive('batch_size', batch_size)  # before reading images, which is slow
    if resize is not None and size is None:
        check_positive('resize', resize)
        size = resize, resize
    order = seed_of_order(seed, part)
    files = find_pictures(folder, test_share, 0 if seed is None else seed)
    names, notes, damaged = tuple(files.train), list(files.notes), []
    pictures = {  # {'train' or 'test': [(path, label), ...]}
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
            raise DataError('%s: no %s image of %s can be read:\n  %s' % (
                folder, 'training' if goal == 'train' else goal,
                'the class ' + ', '.join(lost) if lost else 'any class',
                '\n  '.join(damaged[:20])))
    if damaged:
        notes.append(skipped(damaged, 'image that cannot be read', 'images that cannot be read'))
    if not only_test:
        notes += _duplicates(pictures, images)
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
    """Return the readable ones of `pictures`, and their images: uint8 (n, height, width) or
    (n, height, width, 3)."""
    images, readable = np.empty((len(pictures), *size) + (3,) * color, np.uint8), []
    for picture, image in _read(lambda path: read_image(path, size, color=color), pictures,
                                damaged):
        images[len(readable)] = image
        readable.append(picture)
    return readable, images[:len(readable)]


def _read(function, pictures, damaged):
    """Yield (picture, `function(path)`) for each (path, label) of `pictures`, in order.

    An unreadable image is skipped, and its error message appended to `damaged`.
    """
    from tqdm import tqdm

    def call(path):
        try:
            return function(path)
        except ImageError as error:
            return error
    # Threads, because Pillow releases Python's lock while it works, and a process that is forked
    # after MXNet has started may hang. Four, because the largest image needs 0.8 GB to be read.
    with concurrent.futures.ThreadPoolExecutor(min(physical_cores(), 4)) as pool:
        results = pool.map(call, [path for path, _ in pictures])
        for picture, result in zip(pictures, tqdm(
                results, total=len(pictures), unit='img', desc='reading images', leave=False,
                delay=2, disable=None)):
            if isinstance(result, ImageError):
                damaged.append(str(result))
            else:
                yield picture, result


def _size_for(sizes):
    """Return the (height, width) into which images of these sizes are fitted."""
    if len(sizes) == 1 and max(max(sizes)) <= LARGEST_AS_IS:
        return max(sizes)
    return DEFAULT_SIDE, DEFAULT_SIDE


def _duplicates(pictures, images):
    """Return a list with a note if test images equal training images in every pixel."""
    train, test = [[(hashlib.sha256(image).digest(), path)
                    for image, (path, _) in zip(images[goal], pictures[goal])]
                   for goal in ('train', 'test')]
    known = dict(train)
    same = [(path, known[digest]) for digest, path in test if digest in known]
    return ['%d of the %d test images are also training images, so the test accuracy will be too '
            'high: %s equals %s' % ((len(same), len(test)) + same[0])] if same else []
