"""Where the files of Fashion-MNIST are found or fetched, and whether they are what they should be.

The data set is Xiao, Rasul & Vollgraf 2017 (arXiv:1708.07747), under the MIT licence.
"""
import gzip
import hashlib
import io
import os
import zlib

import numpy as np

from ..files import DamagedFile, read_file
from . import download

DEFAULT_ROOT = os.path.join('~', '.mxnet', 'datasets', 'fashion-mnist')
SYSTEM_ROOT = '/usr/share/datasets/fashion-mnist'  # Debian's package dataset-fashion-mnist

MAX_BYTES = 2 ** 26  # of a file's content; the largest has 47 million


# Of each file the shape of its array, uint8, and the SHA-256 of its content, decompressed: that is
# the same everywhere, and its gzip is not.
FILES = {
    'train-images-idx3-ubyte': (
        (60000, 28, 28), 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888'),
    'train-labels-idx1-ubyte': (
        (60000,), 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9'),
    't10k-images-idx3-ubyte': (
        (10000, 28, 28), '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b'),
    't10k-labels-idx1-ubyte': (
        (10000,), '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34'),
}

LABELS = ('t-shirt', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag',
          'ankle boot')

_WAYS = """
Any of these gets it right:
  - delete the file named above, if it is there: the next run fetches it again
  - Debian, Ubuntu: apt-get install dataset-fashion-mnist
  - if its folder cannot be written to, set the environment variable MXNET_HOME to one that can be
  - get the four .gz files of https://github.com/zalandoresearch/fashion-mnist (data/fashion) and
    name their folder: root=FOLDER for a loader, data_root=FOLDER for a run"""


class DataError(OSError):
    """A file of the data set is missing, unreadable, or not what it should be."""


def read_fashion_mnist(root=DEFAULT_ROOT):
    """(train_images, train_labels, test_images, test_labels): uint8 (n, 28, 28) and int32 (n,).

    The first of these folders that holds any of the four files counts: `root`, if it is given,
    $MXNET_HOME/datasets/fashion-mnist (MXNET_HOME is ~/.mxnet where it is not set), and
    /usr/share/datasets/fashion-mnist. What is missing there is downloaded into it; if no folder
    holds any, all four into the first. Every file is checked by its SHA-256 before it counts.

    Raises DataError with the file, what is wrong with it, and the ways to get it right.
    """
    folder = find_folder(root)
    found = find_files(folder)
    missing = [name for name in FILES if name not in found]
    if missing:
        try:
            download.fetch(missing, folder, check)
        except OSError as error:
            raise DataError('%s: missing %s, and fetching failed:\n%s%s'
                            % (folder, ', '.join(n + '.gz' for n in missing), error, _WAYS))
    train_images, train_labels, test_images, test_labels = [_read(folder, name) for name in FILES]
    return (train_images, train_labels.astype(np.int32),
            test_images, test_labels.astype(np.int32))


def get_fashion_mnist_labels(labels):
    """Return the names of the classes `labels`, an array or a list of integers from 0 to 9.

    Raises ValueError for another number.
    """
    if hasattr(labels, 'asnumpy'):
        labels = labels.asnumpy()  # an NDArray's items are arrays, which are not in a range
    for i in labels:
        if i not in range(len(LABELS)):
            raise ValueError('labels must be integers from 0 to %d, got %s' % (len(LABELS) - 1, i))
    return [LABELS[int(i)] for i in labels]


def find_folder(root=DEFAULT_ROOT):
    """The folder that counts, as `read_fashion_mnist` tells: where the files are, or will be."""
    home = os.environ.get('MXNET_HOME') or os.path.join('~', '.mxnet')
    places = [] if root == DEFAULT_ROOT else [root]
    places = [os.path.expanduser(place)
              for place in places + [os.path.join(home, 'datasets', 'fashion-mnist')]]
    for place in places + [SYSTEM_ROOT]:
        if find_files(place):
            return place
    return places[0]


def find_files(folder):
    """The files of the data set that lie in `folder`: {name: path}, gzip or not, unchecked."""
    paths = {name: _path(folder, name) for name in FILES}
    return {name: path for name, path in paths.items() if path}


def check(name, path):
    """Return the array in the idx file at `path`, gzip or not; DataError if it is not `name`'s."""
    shape, sha256 = FILES[name]
    content = _content(path)
    digest = hashlib.sha256(content).hexdigest()
    if digest == sha256:
        return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)
    raise DataError("%s: wrong content: SHA-256 %s, but Fashion-MNIST's is %s (the digits of MNIST "
                    'have files of the same names)' % (path, digest, sha256))


def _read(folder, name):
    try:
        return check(name, _path(folder, name))
    except DataError as error:
        raise DataError(str(error) + _WAYS)


def _path(folder, name):
    for path in (os.path.join(folder, name + '.gz'), os.path.join(folder, name)):
        if os.path.lexists(path):  # a link to nowhere is not missing but wrong
            return path
    return None


def _content(path):
    """Return the decompressed content of the file at `path`, but not more than MAX_BYTES."""
    try:
        content = read_file(path, MAX_BYTES)
        if content.startswith(b'\x1f\x8b'):
            return gzip.open(io.BytesIO(content)).read(MAX_BYTES)
        return content
    except DamagedFile as error:  # not a regular file, or too large
        raise DataError(str(error))
    except EOFError:
        raise DataError('%s: truncated: its gzip data ends too early' % path)
    except (zlib.error, OSError) as error:
        raise DataError('%s: cannot be read: %s' % (
            path, getattr(error, 'strerror', None) or error))
