"""Load a folder of images into memory, using several threads to decode them."""
import concurrent.futures
import functools
import hashlib
import warnings

import numpy as np

from ..checks import check_classic_arrays, check_positive
from ..machine.cpus import physical_cores
from .batches import BatchLoader, seed_of_order
from .fashion_mnist import DataError
from .folder_files import find_images, skipped
from .pictures import ImageError, describe_image, read_image

DEFAULT_SIDE = 64
LARGEST_AS_IS = 128  # pixels; if all images have the same size and no side is longer, they keep it


class DataWarning(UserWarning):
    """A warning about a problem in a data set, such as unreadable or duplicate images."""


def load_data_folder(folder, batch_size, resize=None, seed=None, test_share=None, size=None,
                     color=None, only_test=False, part=None, notify=None):
    """Return (train_iter, test_iter), two `BatchLoader` objects for the images in `folder`.

    The images are either in folder/train/CLASS and folder/test/CLASS, or in folder/CLASS. In the
    latter case, a fraction of them, `test_share`, is chosen at random using `seed` and held out for
    testing: see `find_images`. The loaders' `class_names` are sorted; labels are indices into them.

    Each batch X has shape (N, 1, H, W) if all images are greyscale, otherwise (N, 3, H, W). As in
    `read_image`, each image is scaled, without distortion, to fit into a square of side `resize`.
    If `resize` is None and all images have the same size, at most 128 x 128, they keep it;
    otherwise, the square is 64 x 64. `color`, a bool, and `size`, a (height, width) pair, override
    these defaults. All images stay in memory.

    `part` is for workers, as in `load_data_fashion_mnist`; every worker reads all images.

    Unreadable files are skipped; a DataWarning counts them and lists the first twenty. If `notify`
    is a function, it is called with each message instead. If `only_test` is set, the first loader
    is None, and no training image is read.

    Raises DataError if the folder has another layout, or too few classes or readable images;
    ValueError for a size that is not a positive integer; and ImportError if Pillow is missing.
    """
    check_classic_arrays('load_data_folder')
    check_positive('batch_size', batch_size)  # before reading images, which is slow
    if resize is not None and size is None:
        check_positive('resize', resize)
        size = resize, resize
    order = seed_of_order(seed, part)
    found_files = find_images(folder, test_share, 0 if seed is None else seed)
    names, notes, damaged = tuple(found_files.train), list(found_files.notes), []
    files = {  # {'train' or 'test': [(path, label), ...]}
        goal: [(path, label) for label, name in enumerate(names) for path in classes[name]]
        for goal, classes in (('train', found_files.train), ('test', found_files.test))
        if goal == 'test' or not only_test}
    if size is None or color is None:
        describe = functools.partial(describe_image, largest=LARGEST_AS_IS)
        headers = {goal: list(_read(describe, each, damaged)) for goal, each in files.items()}
        files = {goal: [file for file, _ in each] for goal, each in headers.items()}
        found = [header for each in headers.values() for _, header in each]
        color = any(header[2] for header in found) if color is None else color
        size = _size_for({header[:2] for header in found}) if size is None else size
    images = {}
    for goal in files:
        files[goal], images[goal] = _decode(files[goal], size, color, damaged)
        found_labels = {label for _, label in files[goal]}
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
        notes += _duplicates(files, images)
    for note in notes:
        if notify:
            notify(note)
        else:
            warnings.warn(note, DataWarning, stacklevel=2)
    loaders = {}
    for goal in files:
        labels = np.array([label for _, label in files[goal]], np.int32)
        loaders[goal] = BatchLoader(images[goal], labels, batch_size, part=part,
                                    seed=order if goal == 'train' else None)
        loaders[goal].class_names = names
    return loaders.get('train'), loaders['test']


def _decode(files, size, color, damaged):
    """Return the readable `files` and their images, a uint8 array of shape (n, *size[, 3])."""
    images, readable = np.empty((len(files), *size) + (3,) * color, np.uint8), []
    for file, image in _read(lambda path: read_image(path, size, color=color), files,
                                damaged):
        images[len(readable)] = image
        readable.append(file)
    return readable, images[:len(readable)]


def _read(function, files, damaged):
    """Yield ((path, label), `function(path)`) for each (path, label) in `files`, in order.

    Unreadable images are skipped, and their error messages are appended to `damaged`.
    """
    from tqdm import tqdm

    def call(path):
        try:
            return function(path)
        except ImageError as error:
            return error
    # Use threads instead of processes, because Pillow releases the GIL, and a process forked after
    # MXNet has started may hang. Use at most four, because a large image may need 0.8 GB of memory.
    with concurrent.futures.ThreadPoolExecutor(min(physical_cores(), 4)) as pool:
        results = pool.map(call, [path for path, _ in files])
        for file, result in zip(files, tqdm(
                results, total=len(files), unit='img', desc='reading images', leave=False,
                delay=2, disable=None)):
            if isinstance(result, ImageError):
                damaged.append(str(result))
            else:
                yield file, result


def _size_for(sizes):
    """Return the (height, width) to which images with these `sizes` are scaled and padded."""
    if len(sizes) == 1 and max(max(sizes)) <= LARGEST_AS_IS:
        return max(sizes)
    return DEFAULT_SIDE, DEFAULT_SIDE


def _duplicates(files, images):
    """Return a list with a warning if a test image equals a training image, else an empty list."""
    train, test = [[(hashlib.sha256(image).digest(), path)
                    for image, (path, _) in zip(images[goal], files[goal])]
                   for goal in ('train', 'test')]
    known = dict(train)
    same = [(path, known[digest]) for digest, path in test if digest in known]
    return ['%d of the %d test images are also training images, so the test accuracy will be too '
            'high; for example, %s equals %s' % ((len(same), len(test)) + same[0])] if same else []
