"""Folders of pictures as data sets: which files are whose, how they are read, what is refused."""
import os
import shutil
import unicodedata

import numpy as np
import pytest
from PIL import Image

import gluonblocks as gb
from gluonblocks.checks import OptionError
from gluonblocks.data.fashion_mnist import DataError
from gluonblocks.data.folder import DataWarning, load_data_folder
from gluonblocks.data.folder_files import find_images

RNG = np.random.RandomState(7)


def draw(path, size=(20, 20), color=False, value=None):
    """A picture file of noise, or of one value."""
    shape = size + (3,) * color
    image = RNG.randint(0, 256, shape) if value is None else np.full(shape, value)
    os.makedirs(os.path.dirname(str(path)), exist_ok=True)
    Image.fromarray(image.astype(np.uint8)).save(str(path))
    return image.astype(np.uint8)


@pytest.fixture
def pets(tmp_path):
    """train and test, two classes, grey pictures of 20 x 20; returns the folder."""
    for part, n in [('train', 5), ('test', 3)]:
        for name in ('cat', 'dog'):
            for i in range(n):
                draw(tmp_path / 'pets' / part / name / ('%d.png' % i))
    return tmp_path / 'pets'


def shapes(loaders):
    return [loader.images.shape for loader in loaders]


def test_pictures_of_one_size_come_pixel_by_pixel_with_the_number_of_their_class(pets):
    images = [draw(pets / part / name / '0.png') for part in ('train', 'test')
              for name in ('cat', 'dog')]
    train_iter, test_iter = load_data_folder(str(pets), 4, seed=0)
    assert train_iter.class_names == test_iter.class_names == ('cat', 'dog')
    assert (train_iter.images[[0, 5]] == images[:2]).all()
    assert (test_iter.images[[0, 3]] == images[2:]).all()
    assert list(train_iter.labels) == [0] * 5 + [1] * 5 and list(test_iter.labels) == [0] * 3 + [
        1] * 3
    X, y = next(iter(test_iter))
    assert X.shape == (4, 1, 20, 20) and y.shape == (4,)
    assert (X.asnumpy()[0, 0] == images[2].astype('float32') / 255).all()


def test_one_picture_in_colour_makes_all_of_them_red_green_blue(pets):
    image = draw(pets / 'test' / 'dog' / '0.png', color=True)
    grey = draw(pets / 'test' / 'dog' / '1.png')
    _, test_iter = load_data_folder(str(pets), 8)
    X, _ = next(iter(test_iter))
    assert X.shape == (6, 3, 20, 20)
    assert (X.asnumpy()[3] == image.transpose(2, 0, 1).astype('float32') / 255).all()
    assert (X.asnumpy()[4] == grey.astype('float32') / 255).all()  # thrice


def test_pictures_of_several_sizes_are_fitted_as_one_picture_is(pets):
    path = str(pets / 'test' / 'cat' / '0.png')
    draw(path, size=(30, 90))
    for how, side in [({}, 64), ({'resize': 32}, 32)]:
        train_iter, test_iter = load_data_folder(str(pets), 4, **how)
        assert shapes([train_iter, test_iter]) == [(10, side, side), (6, side, side)]
        assert (test_iter.images[0] == gb.read_image(path, side=side)).all()
    for part in ('train', 'test'):
        for name in ('cat', 'dog'):
            for path in (pets / part / name).iterdir():
                draw(path, size=(200, 200))
    assert shapes(load_data_folder(str(pets), 4)) == [(10, 64, 64), (6, 64, 64)]  # of one size


@pytest.mark.parametrize('name', ['0.jpg', '0.png', '0.tiff'])
def test_small_photos_that_a_camera_turned_keep_their_upright_size(tmp_path, name):
    turned = Image.Exif()
    turned[0x0112] = 6  # Orientation: turn by 90 degrees to see it upright
    for part in ('train', 'test'):
        for kind in 'ab':
            draw(tmp_path / part / kind / name, (30, 50))
            Image.open(str(tmp_path / part / kind / name)).save(
                str(tmp_path / part / kind / name), exif=turned)
    loaders = load_data_folder(str(tmp_path), 4)
    assert shapes(loaders) == [(2, 50, 30)] * 2
    draw(tmp_path / 'train' / 'a' / name, (30, 50))  # this one is not turned
    assert shapes(load_data_folder(str(tmp_path), 4)) == [(2, 64, 64)] * 2


def test_names_in_any_script_and_with_blanks_are_one_class_in_both_ways_of_writing(tmp_path):
    names = ['rote Rosen', '\u732b', '\u05db\u05dc\u05d1', unicodedata.normalize('NFC', 'e\u0301')]
    for name in names:
        draw(tmp_path / 'train' / name / '0.png')
        draw(tmp_path / 'test' / unicodedata.normalize('NFD', name) / '0.png')
    _, test_iter = load_data_folder(str(tmp_path), 4)
    assert test_iter.class_names == tuple(sorted(names))


def test_a_share_of_each_class_is_split_off_by_the_seed(tmp_path):
    for name in ('a', 'b'):
        for i in range(10):
            draw(tmp_path / name / ('%d.png' % i))
    draw(tmp_path / 'c' / '0.png')
    draw(tmp_path / 'c' / '1.png')
    one, again, other = [find_images(str(tmp_path), 0.3, seed) for seed in (1, 1, 2)]
    assert one == again != other
    assert {name: len(paths) for name, paths in one.test.items()} == {'a': 3, 'b': 3, 'c': 1}
    for name in 'abc':
        both = one.train[name] + one.test[name]
        assert len(set(both)) == len(both) == len(os.listdir(str(tmp_path / name)))


def test_damaged_files_are_left_out_named_and_counted(pets):
    for name, size in [('1.png', 100), ('2.png', 0)]:
        path = str(pets / 'train' / 'cat' / name)
        with open(path, 'r+b') as f:
            f.truncate(size)
    with pytest.warns(DataWarning, match='skipped 2 images that cannot be read:') as caught:
        train_iter, _ = load_data_folder(str(pets), 4)
    text = str(caught[0].message)
    assert str(pets / 'train' / 'cat' / '1.png') in text and '2.png: ' in text
    assert list(train_iter.labels) == [0] * 3 + [1] * 5
    assert (train_iter.images[2] == gb.read_image(str(pets / 'train' / 'cat' / '4.png'), 20)).all()


def test_hidden_files_are_passed_over_and_others_named(pets):
    for name in ('.DS_Store', '._0.png', 'Thumbs.db', '.hidden/0.png', 'notes.txt'):
        path = pets / 'train' / 'cat' / name
        path.parent.mkdir(exist_ok=True)
        path.write_text('x')
    (pets / '.git').mkdir()
    with pytest.warns(DataWarning) as caught:
        assert shapes(load_data_folder(str(pets), 4))[0] == (10, 20, 20)
    (text,) = [str(warning.message) for warning in caught]
    assert text == ('skipped 1 file without an image suffix or outside the class folders:\n  %s'
                    % (pets / 'train' / 'cat' / 'notes.txt'))


def test_links_to_pictures_are_followed_and_those_to_folders_are_named(pets, tmp_path):
    draw(tmp_path / 'x.png')
    os.symlink(str(tmp_path / 'x.png'), str(pets / 'train' / 'cat' / 'x.png'))
    os.symlink('../..', str(pets / 'train' / 'cat' / 'up'))
    draw(pets / 'train' / 'cat' / 'more' / 'y.png')
    with pytest.warns(DataWarning, match='1 file without an image suffix.*:\n.*cat/up$'):
        assert shapes(load_data_folder(str(pets), 4))[0] == (12, 20, 20)


def empty(folder):
    for name in os.listdir(str(folder)):
        os.unlink(str(folder / name))


@pytest.mark.parametrize('change, said', [
    (lambda pets: shutil.rmtree(str(pets)), 'no such folder'),
    (lambda pets: shutil.rmtree(str(pets / 'test')), "found a folder 'train' but no folder 'test'"),
    (lambda pets: shutil.rmtree(str(pets / 'train' / 'cat')),
     'no training images of cat'),
    (lambda pets: [shutil.rmtree(str(pets / part / 'cat')) for part in ('train', 'test')],
     'expected at least two classes, found only dog'),
    (lambda pets: [empty(pets / 'test' / name) for name in ('cat', 'dog')],
     'found no test images'),
    (lambda pets: [(pets / 'train' / 'cat' / ('%d.png' % i)).write_text('x') for i in range(5)],
     'no training image of the class cat can be read'),
    (lambda pets: (pets / 'train' / 'a\nb').mkdir(),
     'class names in UTF-8 without control characters, found a folder .*Rename it'),
])
def test_a_folder_that_is_no_data_set_is_refused_with_the_reason(pets, change, said):
    change(pets)
    with pytest.raises(DataError, match=said):
        load_data_folder(str(pets), 4)


def test_classes_without_train_and_test_need_a_share(pets):
    with pytest.raises(OptionError, match='test_share is required, because .* such as 0.2'):
        load_data_folder(str(pets / 'train'), 4)
    for share in (0, 1, 20, float('nan')):
        with pytest.raises(OptionError, match='must be above 0 and below 1, got %s' % share):
            load_data_folder(str(pets / 'train'), 4, test_share=share)
    with pytest.raises(DataError, match="has a folder 'train', so test_share does not apply"):
        load_data_folder(str(pets), 4, test_share=0.2)


def test_folders_train_and_test_in_capitals_are_not_taken_for_two_classes(pets):
    for part in ('train', 'test'):
        (pets / part).rename(pets / part.capitalize())
    for share in (None, 0.2):
        with pytest.raises(DataError, match='pets: .* train and test must be in lower case'):
            find_images(str(pets), share)


def test_a_class_without_a_test_picture_and_test_pictures_that_are_trained_on_are_reported(pets):
    empty(pets / 'test' / 'cat')
    shutil.copy(str(pets / 'train' / 'dog' / '2.png'), str(pets / 'test' / 'dog' / 'same.png'))
    with pytest.warns(DataWarning) as caught:
        assert shapes(load_data_folder(str(pets), 4))[1] == (4, 20, 20)
    said = ' '.join(str(warning.message) for warning in caught)
    assert 'no test images of cat' in said
    assert '1 of the 4 test images are also training images' in said


def test_what_is_left_out_goes_to_a_function_and_only_the_test_is_read_if_asked_for(pets, recwarn):
    for part in ('train', 'test'):
        (pets / part / 'cat' / '0.png').write_text('x')
    notes = []
    train_iter, test_iter = load_data_folder(str(pets), 4, size=(10, 12), color=True,
                                             only_test=True, notify=notes.append)
    assert train_iter is None and test_iter.images.shape == (5, 10, 12, 3)
    assert len(notes) == 1 and 'skipped 1 image that cannot be read' in notes[0]
    assert not recwarn.list
