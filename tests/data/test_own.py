"""Data sets of others by 'module:function': what the function may be, and what it must give."""
import numpy as np
import pytest

import gluonblocks as gb
from gluonblocks.data.datasets import dataset_name, get_dataset, is_dataset_name, register_dataset

ARRAYS = '''
import numpy as np
def load():
    rng = np.random.RandomState(0)
    return (rng.randint(0, 256, (12, 9, 9, 3)).astype(np.uint8), np.arange(12) % 4,
            rng.randint(0, 256, (6, 9, 9, 3)).astype(np.uint8), [0, 1, 2, 3, 0, 1])
'''
LOADERS = '''
import gluonblocks as gb
def load(batch_size, resize=None, seed=None):
    return gb.data.load_data_synthetic(batch_size, resize, seed, num_train=32, num_test=16)
load.class_names = list('abcdefghij')
'''


def test_a_function_of_four_arrays_is_a_data_set(write_module):
    write_module('data_of_ours', ARRAYS)
    train_iter, test_iter = get_dataset('data_of_ours:load').load_from(None, 4, resize=12, seed=0)
    X, y = next(iter(train_iter))
    assert X.shape == (4, 3, 12, 12) and y.dtype == np.int32
    assert list(test_iter.labels) == [0, 1, 2, 3, 0, 1]


def test_a_function_of_two_loaders_is_a_data_set_with_its_names(write_module):
    write_module('data_of_ours', LOADERS)
    dataset = get_dataset('data_of_ours:load')
    train_iter, _ = dataset.load_from(None, 8, resize=None, seed=3)
    want, _ = gb.data.load_data_synthetic(8, seed=3, num_train=32, num_test=16)
    assert dataset.class_names == tuple('abcdefghij')
    assert all((X.asnumpy() == X2.asnumpy()).all() for (X, _), (X2, _) in zip(train_iter, want))


def test_a_root_goes_to_a_function_that_takes_one(write_module):
    write_module('data_of_ours', 'def load(root): raise OSError(root)\n' + LOADERS.replace(
        'def load(', 'def other('). replace('load.class', 'other.class'))
    with pytest.raises(OSError, match='/somewhere'):
        get_dataset('data_of_ours:load').load_from('/somewhere', 4)
    with pytest.raises(ValueError, match='takes no folder'):
        get_dataset('data_of_ours:other').load_from('/somewhere', 4)


def test_a_registered_function_is_the_registered_data_set(write_module, registries):
    write_module('data_of_ours', LOADERS)
    import data_of_ours
    register_dataset('ours', data_of_ours.load, ['n%d' % i for i in range(10)])
    assert get_dataset('data_of_ours:load').class_names[1] == 'n1'
    assert dataset_name(data_of_ours.load) == 'ours'


@pytest.mark.parametrize('body, said', [
    ('def load(): return 1', 'gives one thing: int. It is one of'),
    ('def load(): return 1, 2, 3', 'gives 3 things: int, int, int'),
    ('def load(batch_size): return 1', 'does not take resize, seed'),
    ('def load(batch_size, **how): return [1], [2]', 'gives 2 things: list, list'),
    ('def load(): return {}["x"]', r"cannot be loaded: KeyError: 'x' \(.*line 2\)"),
    ('load = 5', 'is 5, but must be a function'),
    ('def load(): return np.zeros((4, 9, 9)), [0] * 4, 1, 2', r'shape \(4, 9, 9\), float64'),
    ('def load(): return U, [0, 1, 2], U, [0] * 4', r'4 training images and labels of shape \(3,'),
    ('def load(): return U, [0, 1, 2, -1], U, [0] * 4', 'from -1'),
    ('def load(): return U, [0.5] * 4, U, [0] * 4', r'labels of shape \(4,\), float64'),
    ('def load(): return U, [0] * 4, U[..., None].repeat(3, 3), [0] * 4', 'one is grey and one in'),
])
def test_a_function_that_gives_something_else_is_refused_with_what_is_wanted(write_module, body,
                                                                            said):
    write_module('data_of_ours', 'import numpy as np; U = np.zeros((4, 9, 9), np.uint8)\n' + body)
    with pytest.raises(ValueError, match=said):
        get_dataset('data_of_ours:load').load_from(None, 2, resize=None, seed=0)


@pytest.mark.parametrize('name, good', [
    ('synthetic', True), ('folder:x', True), ('folder:', False), ('a.b:c', True), ('mnist', False)])
def test_a_name_of_a_data_set_has_one_of_three_forms(name, good):
    assert is_dataset_name(name) == good


def test_a_folder_is_named_by_its_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    assert dataset_name('folder:pets') == 'folder:' + str(tmp_path / 'pets')
