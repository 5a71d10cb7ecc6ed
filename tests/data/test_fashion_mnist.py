"""Where the files are looked for, and what is said of each kind of bad file."""
import gzip
import os
import shutil

import mxnet as mx
import numpy as np
import pytest

import gluonblocks as gb
from gluonblocks.data import download, fashion_mnist

TEST_LABELS = 't10k-labels-idx1-ubyte'


@pytest.fixture
def no_download(monkeypatch):
    def fetch(names, folder, check):
        raise OSError('no way to %s' % folder)
    monkeypatch.setattr(download, 'fetch', fetch)


def read(folder):
    return fashion_mnist.read_fashion_mnist(str(folder))


def assert_all_read(arrays, tiny):
    for got, want in zip(arrays, tiny.arrays.values()):
        assert (got == want).all()
    assert [a.dtype for a in arrays] == [np.uint8, np.int32, np.uint8, np.int32]


def test_the_given_folder_is_read_with_files_compressed_or_not(tiny):
    assert_all_read(read(tiny.folder), tiny)
    for name in fashion_mnist.FILES:
        content = gzip.decompress(tiny.path(name).read_bytes())
        tiny.path(name).unlink()
        (tiny.folder / name).write_bytes(content)
    assert_all_read(read(tiny.folder), tiny)


def test_folders_are_looked_through_in_the_order_of_the_documentation(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path / 'user'))
    system, home = tmp_path / 'system', tmp_path / 'home' / 'datasets' / 'fashion-mnist'
    own = tmp_path / 'user' / '.mxnet' / 'datasets' / 'fashion-mnist'
    empty = str(tmp_path / 'empty')
    # No folder contains the files: they will be downloaded into the first.
    assert fashion_mnist.find_folder() == str(own)
    monkeypatch.setattr(fashion_mnist, 'SYSTEM_ROOT', str(system))
    shutil.copytree(str(tiny.folder), str(system))
    assert fashion_mnist.find_folder() == str(system)
    assert_all_read(fashion_mnist.read_fashion_mnist(), tiny)
    shutil.copytree(str(tiny.folder), str(own))
    assert fashion_mnist.find_folder() == str(own)
    shutil.copytree(str(tiny.folder), str(home))
    monkeypatch.setenv('MXNET_HOME', str(tmp_path / 'home'))  # instead of ~/.mxnet
    assert fashion_mnist.find_folder() == str(home)
    # If the user names a folder, no other is used, even if that one is empty.
    for folder in (empty, str(tiny.folder)):
        assert fashion_mnist.find_folder(folder) == folder


def test_what_is_missing_is_fetched_into_the_folder(tiny, tmp_path, monkeypatch):
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    os.replace(str(tiny.path(TEST_LABELS)), str(elsewhere / (TEST_LABELS + '.gz')))
    monkeypatch.setattr(download, '_AUTHORS', elsewhere.as_uri() + '/')
    assert_all_read(read(tiny.folder), tiny)
    assert tiny.path(TEST_LABELS).exists()


# What becomes of a file, by (path, its bytes, their content), which gives new bytes or changes the
# path -> what is said of it.
DAMAGE = {
    'missing': (lambda path, data, content: path.unlink(), 'missing'),
    'truncated gzip': (lambda path, data, content: data[:len(data) // 2], 'truncated'),
    'truncated': (lambda path, data, content: gzip.compress(content[:-1]),
                  'expected the Fashion-MNIST file'),
    'flipped bit': (lambda path, data, content: gzip.compress(
        content[:-1] + bytes([content[-1] ^ 1])), 'the Fashion-MNIST file, with SHA-256'),
    'damaged gzip': (lambda path, data, content: data[:12] + bytes([255] * 20) + data[32:],
                     'cannot be read'),
    'web page': (lambda path, data, content: b'<html>404</html>', 'expected the Fashion-MNIST f'),
    'a folder': (lambda path, data, content: (path.unlink(), path.mkdir()), 'found a folder'),
    'a pipe': (lambda path, data, content: (path.unlink(), os.mkfifo(str(path))),
               'found a pipe'),
    'a link to nowhere': (lambda path, data, content: (
        path.unlink(), path.symlink_to('/nowhere/at/all')), 'cannot be read: No such file'),
    'endless': (lambda path, data, content: os.truncate(str(path), 2 ** 40),
                'bytes, found 1099511627776'),
}


@pytest.mark.parametrize('kind', DAMAGE)
def test_a_bad_file_is_named_with_what_is_wrong_and_the_remedies(tiny, no_download, kind):
    (damage, wrong), path = DAMAGE[kind], tiny.path(TEST_LABELS)
    data = path.read_bytes()
    changed = damage(path, data, gzip.decompress(data))
    if isinstance(changed, bytes):
        path.write_bytes(changed)
    with pytest.raises(gb.data.DataError) as caught:
        read(tiny.folder)
    first_line = str(caught.value).splitlines()[0]
    assert TEST_LABELS in first_line and wrong in first_line and str(tiny.folder) in first_line
    for remedy in ('delete the file', 'apt-get install dataset-fashion-mnist', 'data root'):
        assert remedy in str(caught.value)
    assert '--' not in str(caught.value)  # options are the business of who calls the library


def test_a_folder_that_cannot_be_created_is_said_with_the_remedy(tiny, tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('not a folder')
    monkeypatch.setenv('MXNET_HOME', str(tmp_path / 'file'))
    with pytest.raises(fashion_mnist.DataError, match='set the environment variable MXNET_HOME'):
        fashion_mnist.read_fashion_mnist()


def test_labels_are_the_books_names():
    # D2L 3.5 lists the ten classes in this order.
    names = ['t-shirt', 'ankle boot', 'pullover']
    assert gb.get_fashion_mnist_labels(mx.nd.array([0, 9, 2])) == names
    assert len(set(gb.get_fashion_mnist_labels(range(10)))) == 10


@pytest.mark.parametrize('label', [-1, 10, 1.5, float('nan')])
def test_a_label_that_is_not_a_class_has_no_name(label):
    for labels in ([0, label], np.array([0, label])):
        with pytest.raises(ValueError, match='labels must be integers from 0 to 9, got %s' % label):
            gb.get_fashion_mnist_labels(labels)
