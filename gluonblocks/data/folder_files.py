"""A folder of pictures: its classes, and which files are theirs. No file is opened."""
import os
import sys
import unicodedata
from typing import Any, Dict, List, NamedTuple, Tuple

import numpy as np

from ..files import readable
from .fashion_mnist import DataError

SUFFIXES = ('.png', '.jpg', '.jpeg', '.jpe', '.bmp', '.gif', '.tif', '.tiff', '.webp', '.ppm',
            '.pgm', '.pbm', '.pnm')
_LAYOUT = """
The pictures of a data set lie in
  %(folder)s/train/CLASS/*.png and %(folder)s/test/CLASS/*.png (or .jpg, .webp, ...), or in
  %(folder)s/CLASS/*.png, of which a share, test_share, is taken for the test"""
_PARTS = ('train', 'test')
_TOLD = 20  # names in a list, at most


class Listing(NamedTuple):
    """The files of a folder: `paths` of the pictures by the name of their class, sorted, and
    `notes`, what was left out, in words."""

    paths: Dict[str, List[str]]
    notes: List[str]


class Files(NamedTuple):
    """The files of a data set: the paths of both parts by class, each with the same classes."""

    train: Dict[str, List[str]]
    test: Dict[str, List[str]]
    notes: List[str]


def find_pictures(folder, test_share=None, seed=0):
    """The `Files` of the data set in `folder`.

    It has 'train' and 'test', and in each a folder for each class; or it has the folders of the
    classes, and of each class `test_share` of the pictures, drawn by `seed`, one at least, are for
    the test. Folders within a class are looked through. What is hidden is passed over.

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
        train, test = [list_classes(os.path.join(folder, part)) for part in _PARTS]
        notes = train.notes + test.notes
        names = sorted(set(train.paths) | set(test.paths))
        files = Files({name: train.paths.get(name, []) for name in names},
                      {name: test.paths.get(name, []) for name in names}, notes)
    else:
        files = _split(list_classes(folder), test_share, seed, folder)
    _check(folder, files)
    return files


def list_classes(folder):
    """The `Listing` of a folder that holds a folder for each class; DataError for a bad name."""
    paths, notes, beside = {}, [], []
    for entry in _entries(folder):
        if not _is_folder(entry):
            beside.append(entry.path)
            continue
        # One name may be written in two ways, and a disk of another system has the other one.
        name = unicodedata.normalize('NFC', entry.name)
        kinds = {unicodedata.category(c) for c in name}
        if 'Cs' in kinds and '\ufffd' not in readable(name):
            raise DataError('%s: the folder %s names a class, but the encoding of this locale, %s, '
                            'lacks its letters: set the environment variable PYTHONUTF8=1'
                            % (folder, readable(name), sys.getfilesystemencoding()))
        if kinds & {'Cc', 'Cs', 'Zl', 'Zp'}:
            raise DataError('%s: the folder %r names a class, but its name is not text in UTF-8, '
                            'or has control characters: rename it' % (folder, entry.name))
        found, others, loops = _pictures_in(entry.path)
        paths[name] = sorted(paths.get(name, []) + found)
        beside += others
        notes += ['%s leads back to a folder that holds it, and is left out' % loop
                  for loop in loops]
    if beside:
        notes.append(told(beside, 'file is no picture by its name, or in no class, and is',
                          'files are no pictures by their names, or in no class, and are'))
    return Listing({name: paths[name] for name in sorted(paths)}, notes)


def told(items, one, many):
    """How many `items` are left out, and which; `one` or `many` is said of them."""
    return '%s %s left out:\n  %s%s' % (
        f'{len(items):,}', one if len(items) == 1 else many, '\n  '.join(items[:_TOLD]),
        '\n  and %d more' % (len(items) - _TOLD) if len(items) > _TOLD else '')


def _pictures_in(folder):
    """(pictures, other files, links that lead back) in `folder` and the folders in it."""
    pictures, others, loops = [], [], []
    # A link to a folder above would bring in the other classes.
    waiting: List[Tuple[str, Tuple[Any, ...]]] = [(folder, _folders_above(folder))]
    while waiting:
        here, above = waiting.pop()
        try:
            state = os.stat(here)
        except OSError as error:
            raise DataError('%s: cannot be read: %s' % (here, error.strerror))
        key = (state.st_dev, state.st_ino)
        if key in above:
            loops.append(here)
            continue
        for entry in _entries(here):
            if _is_folder(entry):
                waiting.append((entry.path, above + (key,)))
            elif entry.name.lower().endswith(SUFFIXES):
                pictures.append(entry.path)
            else:
                others.append(entry.path)
    return pictures, others, loops


def _folders_above(folder):
    """The device and number of each folder that holds `folder`, by its own path or a link's."""
    keys = []
    for path in {os.path.realpath(folder), os.path.abspath(folder)}:
        while path != os.path.dirname(path):
            path = os.path.dirname(path)
            state = os.stat(path)
            keys.append((state.st_dev, state.st_ino))
    return tuple(keys)


def _entries(folder):
    """What is in `folder` and not hidden, sorted by name."""
    try:
        with os.scandir(folder) as found:
            return sorted((entry for entry in found if not entry.name.startswith('.')
                           and entry.name not in ('__MACOSX', 'Thumbs.db', 'desktop.ini')),
                          key=lambda entry: entry.name)
    except OSError as error:
        raise DataError('%s: cannot be read: %s' % (folder, error.strerror))


def _is_folder(entry):
    try:
        return entry.is_dir()
    except OSError:  # a loop of links: as a file it is told why it cannot be read
        return False


def _split(listing, test_share, seed, folder):
    """The `Files` of a folder of classes, a share of each for the test."""
    if test_share is None and sum(map(bool, listing.paths.values())) > 1:
        raise DataError('%s has the classes themselves, and no train and test: give test_share, '
                        'as 0.2, the share of the pictures that is kept for the test' % folder)
    rng, train, test = np.random.RandomState(seed), {}, {}
    for name, paths in listing.paths.items():
        order = rng.permutation(len(paths))
        num_test = min(max(1, round((test_share or 0) * len(paths))), max(len(paths) - 1, 0))
        test[name] = [paths[i] for i in sorted(order[:num_test])]
        train[name] = [paths[i] for i in sorted(order[num_test:])]
    return Files(train, test, listing.notes)


def _check(folder, files):
    """DataError for classes that cannot be learned or tested; a note for one without a test."""
    untrained = [name for name, paths in files.train.items() if not paths]
    tested = [name for name in untrained if files.test[name]]
    if tested:
        raise DataError('%s: there are pictures to test, but none to train on, of %s: a net cannot '
                        'learn that class. Add some, or take it out' % (folder, _listed(tested)))
    if untrained:
        raise DataError('%s: there are no pictures of %s: add some, or take the folder out'
                        % (folder, _listed(untrained)))
    if len(files.train) < 2:
        raise DataError('%s has %s, but a net needs two at least to tell apart%s' % (
            folder, 'one class, %s' % list(files.train)[0] if files.train else 'no class',
            _LAYOUT % {'folder': folder}))
    untested = [name for name, paths in files.test.items() if not paths]
    if len(untested) == len(files.test):
        raise DataError('%s has no pictures to test%s' % (folder, _LAYOUT % {'folder': folder}))
    if untested:
        files.notes.append('there are no pictures to test of %s' % _listed(untested))


def _listed(names):
    return ', '.join(names[:_TOLD]) + (' and %d more' % (len(names) - _TOLD)
                                       if len(names) > _TOLD else '')
