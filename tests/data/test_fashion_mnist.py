"""Where the files are looked for, and what is said of each kind of bad file."""
import gzip
import os
import shutil

import mxnet as mx
import numpy as np
import pytest

import gluonblocks as gb
from gluonblocks.data import datasets, download, fashion_mnist

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = list(fashion_mnist.FILES)


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


def test_the_given_folder_is_read(tiny):
    assert_all_read(read(tiny.folder), tiny)


def test_files_may_lie_there_decompressed(tiny):
    for name in fashion_mnist.FILES:
        content = gzip.decompress(tiny.path(name).read_bytes())
        tiny.path(name).unlink()
        (tiny.folder / name).write_bytes(content)
    assert_all_read(read(tiny.folder), tiny)


def test_mxnet_home_comes_after_the_given_folder(tiny, tmp_path, monkeypatch):
    home = tmp_path / 'home' / 'datasets' / 'fashion-mnist'
    shutil.copytree(str(tiny.folder), str(home))
    monkeypatch.setenv('MXNET_HOME', str(tmp_path / 'home'))
    assert fashion_mnist.find_folder(str(tiny.folder)) == str(tiny.folder)
    assert fashion_mnist.find_folder(str(tmp_path / 'empty')) == str(home)


def test_mxnet_home_stands_for_the_users_own_folder(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path / 'user'))
    own = tmp_path / 'user' / '.mxnet' / 'datasets' / 'fashion-mnist'
    shutil.copytree(str(tiny.folder), str(own))
    assert fashion_mnist.find_folder() == str(own)
    monkeypatch.setenv('MXNET_HOME', str(tiny.home()))
    assert fashion_mnist.find_folder() == str(tiny.home() / 'datasets' / 'fashion-mnist')


def test_the_system_folder_comes_after_mxnet_home(tiny, tmp_path, monkeypatch):
    system = tmp_path / 'system'
    shutil.copytree(str(tiny.folder), str(system))
    monkeypatch.setattr(fashion_mnist, 'SYSTEM_ROOT', str(system))
    monkeypatch.setenv('MXNET_HOME', str(tmp_path / 'home'))
    assert fashion_mnist.find_folder(str(tmp_path / 'empty')) == str(system)
    assert_all_read(read(tmp_path / 'empty'), tiny)


@pytest.mark.parametrize('given, mxnet_home, expected', [
    ('given', True, 'given'), ('given', False, 'given'),
    (None, True, 'home/datasets/fashion-mnist'),
    (None, False, 'user/.mxnet/datasets/fashion-mnist')])
def test_where_no_folder_has_files_they_will_be_put(tiny, tmp_path, monkeypatch, given, mxnet_home,
                                                    expected):
    monkeypatch.setenv('HOME', str(tmp_path / 'user'))
    if mxnet_home:
        monkeypatch.setenv('MXNET_HOME', str(tmp_path / 'home'))
    root = str(tmp_path / given) if given else fashion_mnist.DEFAULT_ROOT
    assert fashion_mnist.find_folder(root) == str(tmp_path / expected)


def test_what_is_missing_is_fetched_into_the_folder(tiny, tmp_path, monkeypatch):
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    os.replace(str(tiny.path(TEST_LABELS)), str(elsewhere / (TEST_LABELS + '.gz')))
    monkeypatch.setattr(download, '_AUTHORS', elsewhere.as_uri() + '/')
    assert_all_read(read(tiny.folder), tiny)
    assert tiny.path(TEST_LABELS).exists()


LINKS = {'a device': '/dev/zero', 'a link to itself': None, 'a link to nowhere': '/nowhere/at/all'}


def damage(tiny, name, kind):
    path = tiny.path(name)
    data = path.read_bytes()
    content = gzip.decompress(data)
    if kind == 'missing':
        path.unlink()
    elif kind == 'truncated gzip':
        path.write_bytes(data[:len(data) // 2])
    elif kind == 'truncated':
        path.write_bytes(gzip.compress(content[:-1]))
    elif kind == 'too long':
        path.write_bytes(gzip.compress(content + b'x'))
    elif kind == 'flipped bit':
        path.write_bytes(gzip.compress(content[:-1] + bytes([content[-1] ^ 1])))
    elif kind == 'damaged gzip':
        path.write_bytes(data[:12] + bytes([255] * 20) + data[32:])
    elif kind == 'checksum of gzip':
        path.write_bytes(data[:-8] + bytes(4) + data[-4:])
    elif kind == 'web page':
        path.write_bytes(b'<html>404</html>')
    elif kind == 'empty':
        path.write_bytes(b'')
    elif kind == 'swapped':
        other = TEST_IMAGES if name == TRAIN_IMAGES else TRAIN_IMAGES
        path.write_bytes(tiny.path(other).read_bytes())
    elif kind == 'a folder':
        path.unlink()
        path.mkdir()
    elif kind == 'a pipe':
        path.unlink()
        os.mkfifo(str(path))
    elif kind in LINKS:
        path.unlink()
        path.symlink_to(LINKS[kind] or path)
    elif kind == 'endless':
        os.truncate(str(path), 2 ** 40)
    elif kind == 'unfolding':
        path.write_bytes(gzip.compress(content + bytes(2 ** 24)))


@pytest.mark.parametrize('name', [TRAIN_IMAGES, TEST_LABELS])
@pytest.mark.parametrize('kind, wrong', [
    ('missing', 'missing'), ('truncated gzip', 'truncated'), ('truncated', 'truncated'),
    ('too long', 'wrong content'), ('flipped bit', 'wrong content: SHA-256'),
    ('damaged gzip', 'damaged'), ('checksum of gzip', 'cannot be read: CRC'),
    ('web page', 'wrong file'), ('empty', 'wrong file'), ('swapped', 'swapped: it holds'),
    ('a folder', 'this is a folder'), ('a pipe', 'this is a pipe'),
    ('a device', 'this is a device'),
    ('a link to itself', 'Too many levels of symbolic links'),
    ('a link to nowhere', 'cannot be read: No such file'),
    ('endless', 'it has 1099511627776 bytes'), ('unfolding', 'wrong content')])
def test_a_bad_file_is_named_with_what_is_wrong_and_the_ways(tiny, no_download, name, kind, wrong):
    damage(tiny, name, kind)
    with pytest.raises(gb.data.DataError) as caught:
        read(tiny.folder)
    first_line = str(caught.value).splitlines()[0]
    assert name in first_line and wrong in first_line and str(tiny.folder) in first_line
    for way in ('delete the file', 'apt-get install dataset-fashion-mnist', 'root=FOLDER'):
        assert way in str(caught.value)
    assert '--' not in str(caught.value)  # options are the business of who calls the library


def test_a_folder_that_cannot_be_created_is_said_with_the_remedy(tiny, tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('not a folder')
    monkeypatch.setenv('MXNET_HOME', str(tmp_path / 'file'))
    with pytest.raises(fashion_mnist.DataError, match='set the environment variable MXNET_HOME'):
        fashion_mnist.read_fashion_mnist()


def test_the_known_checksums_are_of_sixty_and_ten_thousand_images():
    shapes = [file.shape for file in fashion_mnist.FILES.values()]
    assert shapes == [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)]
    assert len({file.sha256 for file in fashion_mnist.FILES.values()}) == 4


def test_what_a_file_should_hold_is_a_record_with_words_for_its_fields():
    file = fashion_mnist.FILES[TRAIN_LABELS]
    assert file == (file.shape, file.sha256)
    assert fashion_mnist.IdxFile.__doc__.startswith('What a file')
    assert set(fashion_mnist.IdxFile.__annotations__) == {'shape', 'sha256'}


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


def test_a_batch_size_of_0_is_refused_before_any_file_is_read(monkeypatch):
    monkeypatch.setattr(datasets, 'read_fashion_mnist', None)
    with pytest.raises(ValueError, match='batch_size is 0'):
        gb.load_data_fashion_mnist(0)
