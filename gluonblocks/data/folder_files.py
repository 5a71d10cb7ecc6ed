"""A folder of pictures: its classes, and which files are theirs. No file is opened."""
import os
import unicodedata
from typing import Dict, List, NamedTuple

import numpy as np

from ..checks import OptionError
from .fashion_mnist import DataError

SUFFIXES = ('.png', '.jpg', '.jpeg', '.jpe', '.bmp', '.gif', '.tif', '.tiff', '.webp', '.ppm',
            '.pgm', '.pbm', '.pnm')
_LAYOUT = """
The pictures of a data set lie in
  %(folder)s/train/CLASS/*.png and %(folder)s/test/CLASS/*.png (or .jpg, .webp, ...), or in
  %(folder)s/CLASS/*.png, of which a share, test_share, is taken for the test"""
_PARTS = ('train', 'test')
_TOLD = 20  # names in a list, at most


class Files(NamedTuple):
    """The files of a data set: the paths of both parts by class, each with the same classes."""

    train: Dict[str, List[str]]
    test: Dict[str, List[str]]
    notes: List[str]


def find_pictures(folder, test_share=None, seed=0):
    """The `Files` of the data set in `folder`.

    It has 'train' and 'test', and in each a folder for each class; or it has the folders of the
    classes, and of each class `test_share` of the pictures, drawn by `seed`, one at least, are for
    the test. Folders within a class are looked through, links to folders are not. What is
    hidden is passed over.

    Raises DataError, an OSError, for a folder that is not so: fewer than two classes, a class
    without training pictures, no test pictures at all.
    """
    if not os.path.isdir(folder):
        raise DataError('%s: there is no such folder%s' % (folder, _LAYOUT % {'folder': folder}))
    has = [part for part in _PARTS if os.path.isdir(os.path.join(folder, part))]
    if has and test_share is not None:
        raise DataError('%s has a folder %r, so no test_share is taken: leave it out, or name the '
                        'folder that holds the classes' % (folder, has[0]))
    if len(has) == 1:
        raise DataError('%s has a folder %r but no %r%s' % (
            folder, has[0], _PARTS[has[0] == 'train'], _LAYOUT % {'folder': folder}))
    if has:
        (train, notes), (test, more) = [list_classes(os.path.join(folder, part)) for part in _PARTS]
        names = sorted(set(train) | set(test))
        files = Files({name: train.get(name, []) for name in names},
                      {name: test.get(name, []) for name in names}, notes + more)
    else:
        classes, notes = list_classes(folder)
        train, test = _split(classes, test_share, seed, folder)
        files = Files(train, test, notes)
    _check(folder, files)
    return files


def list_classes(folder):
    """Return (paths, notes) of a folder that holds a folder for each class.

    `paths` has the sorted paths of the pictures by the name of their class, and `notes` says what
    was left out. Raises DataError for a bad name.
    """
    paths, others = {}, []
    for entry in _entries(folder):
        if not os.path.isdir(entry.path):
            others.append(entry.path)
            continue
        # One name may be written in two ways, and a disk of another system has the other one.
        name = unicodedata.normalize('NFC', entry.name)
        if {unicodedata.category(c) for c in name} & {'Cc', 'Cs', 'Zl', 'Zp'}:
            raise DataError('%s: the folder %r names a class, but its name is not text in UTF-8, '
                            'or has control characters: rename it' % (folder, entry.name))
        found = _pictures_in(entry.path, others)
        paths[name] = sorted(paths.get(name, []) + found)
    notes = [told(others, 'file is no picture by its name, or in no class, and is',
                  'files are no pictures by their names, or in no class, and are')
             ] if others else []
    return {name: paths[name] for name in sorted(paths)}, notes


def told(items, one, many):
    """How many `items` are left out, and which; `one` or `many` is said of them."""
    return '%s %s left out:\n  %s%s' % (
        f'{len(items):,}', one if len(items) == 1 else many, '\n  '.join(items[:_TOLD]),
        '\n  and %d more' % (len(items) - _TOLD) if len(items) > _TOLD else '')


def _pictures_in(folder, others):
    """Return the pictures in `folder` and the folders in it; other files go to `others`."""
    pictures = []
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):  # a link could lead to a folder above
            pictures += _pictures_in(entry.path, others)
        else:
            (pictures if entry.name.lower().endswith(SUFFIXES) else others).append(entry.path)
    return pictures


def _entries(folder):
    """What is in `folder` and not hidden, sorted by name."""
    try:
        with os.scandir(folder) as found:
            return sorted((entry for entry in found if not entry.name.startswith('.')
                           and entry.name not in ('__MACOSX', 'Thumbs.db', 'desktop.ini')),
                          key=lambda entry: entry.name)
    except OSError as error:
        raise DataError('%s: cannot be read: %s' % (folder, error.strerror))


def _split(classes, test_share, seed, folder):
    """Return (train, test), the paths by class: of each class a share is for the test."""
    if test_share is None and sum(map(bool, classes.values())) > 1:
        raise OptionError('test_share', 'is missing, but %s has no folders train and test: give '
                          'the share of the pictures to test on, such as 0.2', folder)
    rng, train, test = np.random.RandomState(seed), {}, {}
    for name, paths in classes.items():
        order = rng.permutation(len(paths))
        num_test = min(max(1, round((test_share or 0) * len(paths))), max(len(paths) - 1, 0))
        test[name] = [paths[i] for i in sorted(order[:num_test])]
        train[name] = [paths[i] for i in sorted(order[num_test:])]
    return train, test


def _check(folder, files):
    """DataError for classes that cannot be learned or tested; a note for one without a test."""
    untrained = [name for name, paths in files.train.items() if not paths]
    if untrained:
        raise DataError('%s: there are no pictures to train on of %s: add some, or take the class '
                        'out' % (folder, ', '.join(untrained)))
    if len(files.train) < 2:
        raise DataError('%s has %s, but a net needs two at least to tell apart%s' % (
            folder, 'one class, %s' % list(files.train)[0] if files.train else 'no class',
            _LAYOUT % {'folder': folder}))
    untested = [name for name, paths in files.test.items() if not paths]
    if len(untested) == len(files.test):
        raise DataError('%s has no pictures to test%s' % (folder, _LAYOUT % {'folder': folder}))
    if untested:
        files.notes.append('there are no pictures to test of %s' % ', '.join(untested))
