"""Find or download the Fashion-MNIST files, and verify them.

The data set (Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747) is under the MIT licence.
"""
import hashlib
import os
import zlib

import numpy as np

from ..files import DamagedFile, read_file
from . import download

DEFAULT_ROOT = os.path.join('~', '.mxnet', 'datasets', 'fashion-mnist')
SYSTEM_ROOT = '/usr/share/datasets/fashion-mnist'  # Debian's package dataset-fashion-mnist

MAX_BYTES = 2 ** 26  # limit on a file's content; the largest file has 47 million bytes

# {file name: (shape of its uint8 array, SHA-256 of its decompressed content)}. The compressed files
# differ between download sites, but their content does not.
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

_REMEDIES = """
To fix this, do one of the following:
  - delete the file named above, if it exists: the next run downloads it again
  - on Debian or Ubuntu, run: apt-get install dataset-fashion-mnist
  - if its folder is not writable, set the environment variable MXNET_HOME to a folder that is
  - download the four .gz files in data/fashion of https://github.com/zalandoresearch/fashion-mnist
    and pass their folder as the root of the loader, or as the data root of the run"""


class DataError(OSError):
    """Raised if a file or folder of a data set is missing, unreadable, or not as expected."""


def read_fashion_mnist(root=DEFAULT_ROOT):
    """Return train_images, train_labels, test_images, test_labels. Images are uint8
    (n, 28, 28), labels int32 (n,).

    The files are read from `root`, by default $MXNET_HOME/datasets/fashion-mnist. MXNET_HOME
    defaults to ~/.mxnet. If the default folder contains none of the files, but
    /usr/share/datasets/fashion-mnist contains some, the latter is used. Missing files are
    downloaded. The SHA-256 of every file is checked.

    Raises DataError; the message names the file, the problem, and ways to fix it.
    """
    folder = find_folder(root)
    found = find_files(folder)
    missing = [name for name in FILES if name not in found]
    if missing:
        try:
            download.fetch(missing, folder, check)
        except OSError as error:
            raise DataError('%s: missing %s, and the download failed:\n%s%s'
                            % (folder, ', '.join(n + '.gz' for n in missing), error,
                               _REMEDIES))
    train_images, train_labels, test_images, test_labels = [_read(folder, name) for name in FILES]
    return (train_images, train_labels.astype(np.int32),
            test_images, test_labels.astype(np.int32))


def get_fashion_mnist_labels(labels):
    """Return the class name of each label in `labels`, an array or list of integers from 0 to 9.

    Raises ValueError for any other label.
    """
    if hasattr(labels, 'asnumpy'):
        labels = labels.asnumpy()  # items of an NDArray are arrays, which no range contains
    for i in labels:
        if i not in range(len(LABELS)):
            raise ValueError('labels must be integers from 0 to %d, got %s' % (len(LABELS) - 1, i))
    return [LABELS[int(i)] for i in labels]


def find_folder(root=DEFAULT_ROOT):
    """Return the folder from which `read_fashion_mnist` reads, or into which it downloads."""
    if root != DEFAULT_ROOT:
        return os.path.expanduser(root)
    home = os.environ.get('MXNET_HOME') or os.path.join('~', '.mxnet')
    folder = os.path.expanduser(os.path.join(home, 'datasets', 'fashion-mnist'))
    return SYSTEM_ROOT if find_files(SYSTEM_ROOT) and not find_files(folder) else folder


def find_files(folder):
    """Return {name: path} for the data set's files in `folder`, without reading them."""
    paths = {name: _path(folder, name) for name in FILES}
    return {name: path for name, path in paths.items() if path}


def check(name, path):
    """Return the array from the file at `path`, which may be gzip-compressed.

    Raises DataError unless the SHA-256 of its content is that of the Fashion-MNIST file `name`.
    """
    shape, sha256 = FILES[name]
    content = _content(path)
    digest = hashlib.sha256(content).hexdigest()
    if digest == sha256:
        return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)
    raise DataError('%s: expected the Fashion-MNIST file, with SHA-256 %s, found SHA-256 %s '
                    '(MNIST uses the same file names)' % (path, sha256, digest))


def _read(folder, name):
    try:
        return check(name, _path(folder, name))
    except DataError as error:
        raise DataError(str(error) + _REMEDIES)


def _path(folder, name):
    for path in (os.path.join(folder, name + '.gz'), os.path.join(folder, name)):
        if os.path.lexists(path):  # a dangling link is an error, not a missing file
            return path
    return None


def _content(path):
    """Return up to MAX_BYTES of decompressed content from the file at `path`."""
    try:
        content = read_file(path, MAX_BYTES)
        if content.startswith(b'\x1f\x8b'):
            stream = zlib.decompressobj(zlib.MAX_WBITS + 16)  # gzip
            content = stream.decompress(content, MAX_BYTES)
            if not stream.eof and len(content) < MAX_BYTES:
                raise EOFError
        return content
    except DamagedFile as error:  # not a regular file, or too large
        raise DataError(str(error))
    except EOFError:
        raise DataError('%s: the gzip data is truncated' % path)
    except (zlib.error, OSError) as error:
        raise DataError('%s: cannot be read: %s' % (
            path, getattr(error, 'strerror', None) or error))
