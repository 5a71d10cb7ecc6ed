"""A folder of pictures: its classes, and which files are theirs. No file is opened."""
import os
import unicodedata
from typing import Dict, List, NamedTuple

import numpy as np

from ..checks import OptionError
from .fashion_mnist import DataError

SUFFIXES = ('.png', '.jpg', '.jpeg', '.jpe', '.bmp', '.gif', '.tif', '.tiff', '.webp', '.ppm',
            '.pgm', '.pbm', '.pnm')
_LAYOUT = """%s: %s
The pictures of a data set lie in
  %s/train/CLASS/*.png and %s/test/CLASS/*.png (or .jpg, .webp, ...), or in
  %s/CLASS/*.png, of which a share, test_share, is taken for the test"""
_LISTED = 20  # names in a list, at most


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
    def refused(text):
        return DataError(_LAYOUT % (folder, text, *[folder] * 3))
    if not os.path.isdir(folder):
        raise refused('there is no such folder')
    has = [part for part in ('train', 'test') if os.path.isdir(os.path.join(folder, part))]
    if has and test_share is not None:
        raise DataError('%s has a folder %r, so no test_share is taken: leave it out, or name the '
                        'folder that holds the classes' % (folder, has[0]))
    if len(has) == 1:
        raise refused('it has a folder %r but no %r' % (
            has[0], 'test' if has[0] == 'train' else 'train'))
    others: List[str] = []
    if has:
        train, test = [_classes_in(os.path.join(folder, part), others) for part in has]
        names = sorted({*train, *test})
        train, test = [{name: part.get(name, []) for name in names} for part in (train, test)]
    else:
        train, test = _split(_classes_in(folder, others), test_share, seed, folder)
    untrained, untested = [[name for name, paths in part.items() if not paths]
                           for part in (train, test)]
    if untrained:
        raise DataError('%s: there are no pictures to train on of %s: add some, or take the class '
                        'out' % (folder, ', '.join(untrained)))
    if len(train) < 2:
        raise refused('it has %s, but a net needs two at least to tell apart'
                      % ('one class, %s' % list(train)[0] if train else 'no class'))
    if len(untested) == len(test):
        raise refused('it has no pictures to test')
    notes = [left_out(others, 'file is no picture by its name, or in no class, and is',
                      'files are no pictures by their names, or in no class, and are')
             ] if others else []
    if untested:
        notes.append('there are no pictures to test of %s' % ', '.join(untested))
    return Files(train, test, notes)


def left_out(items, one, many):
    """How many `items` are left out, and which; `one` or `many` is said of them."""
    return '%s %s left out:\n  %s%s' % (
        f'{len(items):,}', one if len(items) == 1 else many, '\n  '.join(items[:_LISTED]),
        '\n  and %d more' % (len(items) - _LISTED) if len(items) > _LISTED else '')


def _classes_in(folder, others):
    """Return the sorted paths of the pictures in `folder` by the name of their class, the folder
    that they are in; files that are left out go to `others`. Raises DataError for a bad name."""
    paths: Dict[str, List[str]] = {}
    for entry in _entries(folder):
        if not entry.is_dir():
            others.append(entry.path)
            continue
        # One name may be written in two ways, and a disk of another system has the other one.
        name = unicodedata.normalize('NFC', entry.name)
        if {unicodedata.category(c) for c in name} & {'Cc', 'Cs', 'Zl', 'Zp'}:
            raise DataError('%s: the folder %r names a class, but its name is not text in UTF-8, '
                            'or has control characters: rename it' % (folder, entry.name))
        paths[name] = sorted(paths.get(name, []) + _pictures_in(entry.path, others))
    return dict(sorted(paths.items()))


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
