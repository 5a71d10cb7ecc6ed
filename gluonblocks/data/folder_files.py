"""Find the classes and their image files in a folder of images, without opening any file."""
import os
import unicodedata
from typing import Dict, List, NamedTuple

import numpy as np

from ..checks import OptionError
from .fashion_mnist import DataError

SUFFIXES = ('.png', '.jpg', '.jpeg', '.jpe', '.bmp', '.gif', '.tif', '.tiff', '.webp', '.ppm',
            '.pgm', '.pbm', '.pnm')
_LAYOUT = """%s: %s
The images of a data set must be in
  %s/train/CLASS/*.png and %s/test/CLASS/*.png (or .jpg, .webp, ...), or in
  %s/CLASS/*.png, with test_share, the fraction to hold out for testing"""
_LISTED = 20  # maximum number of file names in a message


class Files(NamedTuple):
    """The image paths of a data set, grouped by class; `train` and `test` have the same classes.

    `notes` lists warnings for the user.
    """

    train: Dict[str, List[str]]
    test: Dict[str, List[str]]
    notes: List[str]


def find_images(folder, test_share=None, seed=0):
    """Return the `Files` of the data set in `folder`.

    The folder contains either 'train' and 'test', each with one folder per class, or the class
    folders themselves. In the latter case, a fraction `test_share` of each class, at least one
    image, is chosen at random using `seed` and held out for testing. Subfolders of a class are
    searched, but links to folders are not. Hidden files are ignored.

    Raises DataError, an OSError, for any other layout, fewer than two classes, a class without
    training images, or no test images. Raises OptionError if `test_share` is required but missing,
    or is not between 0 and 1.
    """
    def bad_layout(text):
        return DataError(_LAYOUT % (folder, text, *[folder] * 3))
    if not os.path.isdir(folder):
        raise bad_layout('no such folder')
    has = [part for part in ('train', 'test') if os.path.isdir(os.path.join(folder, part))]
    if has and test_share is not None:
        raise DataError('%s has a folder %r, so test_share does not apply: omit it, or pass the '
                        'folder that contains the class folders' % (folder, has[0]))
    if len(has) == 1:
        raise bad_layout('found a folder %r but no folder %r' % (
            has[0], 'test' if has[0] == 'train' else 'train'))
    others: List[str] = []
    if has:
        train, test = [_classes_in(os.path.join(folder, part), others) for part in has]
        names = sorted({*train, *test})
        train, test = [{name: part.get(name, []) for name in names} for part in (train, test)]
    else:
        classes = _classes_in(folder, others)
        if {'train', 'test'} <= {name.lower() for name in classes}:  # such as Train and Test
            raise bad_layout('the names of the folders train and test must be in lower case')
        train, test = _split(classes, test_share, seed, folder)
    untrained, untested = [[name for name, paths in part.items() if not paths]
                           for part in (train, test)]
    if untrained:
        raise DataError('%s: found no training images of %s; add some, or remove the class'
                        % (folder, ', '.join(untrained)))
    if len(train) < 2:
        raise bad_layout('expected at least two classes, found %s'
                         % ('only %s' % list(train)[0] if train else 'none'))
    if len(untested) == len(test):
        raise bad_layout('found no test images')
    where = 'without an image suffix or outside the class folders'
    notes = [skipped(others, 'file ' + where, 'files ' + where)] if others else []
    if untested:
        notes.append('there are no test images of %s' % ', '.join(untested))
    return Files(train, test, notes)


def skipped(items, one, many):
    """Return a message that counts and lists the skipped `items`.

    `one` and `many` are the nouns for one item and for several items, such as 'file' and 'files'.
    """
    return 'skipped %s %s:\n  %s%s' % (
        f'{len(items):,}', one if len(items) == 1 else many, '\n  '.join(items[:_LISTED]),
        '\n  and %d more' % (len(items) - _LISTED) if len(items) > _LISTED else '')


def _classes_in(folder, others):
    """Return {class name: sorted image paths} for the class folders in `folder`; append other files
    to `others`. Raises DataError if a folder name is not printable text."""
    paths: Dict[str, List[str]] = {}
    for entry in _entries(folder):
        if not entry.is_dir():
            others.append(entry.path)
            continue
        # Unicode can encode accented letters in two ways, and file systems differ in which one
        # they use, so normalize the class name.
        name = unicodedata.normalize('NFC', entry.name)
        if {unicodedata.category(c) for c in name} & {'Cc', 'Cs', 'Zl', 'Zp'}:
            raise DataError('%s: expected class names in UTF-8 without control characters, found '
                            'a folder named %r. Rename it' % (folder, entry.name))
        paths[name] = sorted(paths.get(name, []) + _images_in(entry.path, others))
    return dict(sorted(paths.items()))


def _images_in(folder, others):
    """Return the image paths in `folder` and its subfolders; append other files to `others`."""
    images = []
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):  # a link could lead back to a parent
            images += _images_in(entry.path, others)
        else:
            (images if entry.name.lower().endswith(SUFFIXES) else others).append(entry.path)
    return images


def _entries(folder):
    """Return the entries of `folder` that are not hidden, sorted by name."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not entry.name.startswith('.')
                           and entry.name not in ('__MACOSX', 'Thumbs.db', 'desktop.ini')),
                          key=lambda entry: entry.name)
    except OSError as error:
        raise DataError('%s: cannot be read: %s' % (folder, error.strerror))


def _split(classes, test_share, seed, folder):
    """Hold out a random fraction `test_share` of each class for testing; return (train, test), two
    dicts {class name: paths}."""
    if test_share is None and sum(map(bool, classes.values())) > 1:
        raise OptionError('test_share', 'is required, because %s has no train or test folder: pass '
                          'the fraction of images to hold out for testing, such as 0.2', folder)
    if test_share is not None and not 0 < test_share < 1:
        raise OptionError('test_share', 'must be above 0 and below 1, got %r', test_share)
    rng, train, test = np.random.RandomState(seed), {}, {}
    for name, paths in classes.items():
        order = rng.permutation(len(paths))
        num_test = min(max(1, round((test_share or 0) * len(paths))), max(len(paths) - 1, 0))
        test[name] = [paths[i] for i in sorted(order[:num_test])]
        train[name] = [paths[i] for i in sorted(order[num_test:])]
    return train, test
