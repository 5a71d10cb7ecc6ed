"""The data sets: Fashion-MNIST, the synthetic one, and those of others, as loaders and by name."""
import numpy as np
import pytest
from mxnet import npx

import gluonblocks as gb
from gluonblocks.data import datasets
from gluonblocks.data.datasets import (
    dataset_name,
    get_dataset,
    list_datasets,
    load_data_synthetic,
    register_dataset,
)


def labels_of(data_iter):
    return [int(i) for _, y in data_iter for i in y.asnumpy()]


def test_without_a_seed_numpys_generator_controls_the_order_as_in_the_book():
    orders = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        orders.append(labels_of(load_data_synthetic(64)[0]))
    assert orders[0] == orders[1] != orders[2]


def test_fashion_mnist_comes_as_the_books_two_iterators(tiny):
    train_iter, test_iter = gb.load_data_fashion_mnist(8, root=str(tiny.folder))
    assert (len(train_iter), train_iter.num_images) == (4, 30)
    X, y = next(iter(test_iter))
    assert X.shape == (8, 1, 28, 28) and y.shape == (8,)
    images = tiny.arrays['t10k-images-idx3-ubyte'][:8].astype('float32') / 255
    assert (X.asnumpy()[:, 0] == images).all()
    assert labels_of(test_iter) == list(tiny.arrays['t10k-labels-idx1-ubyte'])


def test_synthetic_data_are_always_the_same_and_of_ten_classes():
    batches = [next(iter(load_data_synthetic(512)[1])) for _ in range(2)]
    assert batches[0][0].shape == (512, 1, 28, 28)
    assert (batches[0][0].asnumpy() == batches[1][0].asnumpy()).all()
    assert sorted(set(batches[0][1].asnumpy())) == list(range(10))


@pytest.mark.parametrize('model', ['lenet_bn', 'lenet_bn_gluon'])
def test_one_epoch_on_synthetic_data_suffices_for_a_lenet(model):
    _, history = gb.train_model(model, dataset='synthetic', epochs=1, seed=5)
    assert history[0].test_acc > 0.95


@pytest.mark.parametrize('load', [gb.load_data_fashion_mnist, load_data_synthetic])
def test_under_set_np_and_for_a_batch_size_of_0_no_data_are_loaded(load, monkeypatch):
    monkeypatch.setattr(datasets, 'read_fashion_mnist', None)
    with pytest.raises(ValueError, match='batch_size must be .* got 0'):
        load(0)
    npx.set_np()
    try:
        with pytest.raises(ValueError, match=r'call npx\.reset_np\(\) if npx\.set_np\(\) was'):
            load(4)
    finally:
        npx.reset_np()


def test_a_registered_data_set_is_found_by_its_name_and_loaded_from_a_folder(registries):
    register_dataset('shapes', lambda *args, **kwargs: (args, kwargs), ['round', 'square', 'long'],
                     channels=3, takes_root=True)
    assert list_datasets() == ['fashion-mnist', 'shapes', 'synthetic']
    shapes = get_dataset('shapes')
    assert shapes.class_names == ('round', 'square', 'long') and shapes.channels == 3
    assert shapes.load_from('/data', 8, seed=1) == ((8,), {'root': '/data', 'seed': 1})
    assert shapes.load_from(None, 8, seed=1) == ((8,), {'seed': 1})
    with pytest.raises(ValueError, match="a data set named 'shapes' is already registered"):
        register_dataset('shapes', load_data_synthetic, ['round'])


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"unknown data set 'cifar'\. Available data sets: fashion-"
                                         'mnist, synthetic. Names such as folder:PATH and '
                                         'my_module:load also work'):
        get_dataset('cifar')


@pytest.mark.parametrize('name, good', [
    ('synthetic', True), ('folder:x', True), ('folder:', False), ('a.b:c', True), ('mnist', False)])
def test_a_name_of_a_data_set_has_one_of_three_forms(name, good):
    assert datasets.DATASETS.has_form(name) == good


def test_a_folder_is_named_by_its_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    assert dataset_name('folder:pets') == 'folder:' + str(tmp_path / 'pets')


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
def rooted(root): raise OSError(root)
'''


def test_a_function_of_four_arrays_is_a_data_set(write_module):
    write_module('data_of_ours', ARRAYS)
    train_iter, test_iter = get_dataset('data_of_ours:load').load_from(None, 4, resize=12, seed=0)
    X, y = next(iter(train_iter))
    assert X.shape == (4, 3, 12, 12) and y.dtype == np.int32
    assert list(test_iter.labels) == [0, 1, 2, 3, 0, 1]


def test_a_function_may_give_arrays_of_mxnet(write_module):
    write_module('data_of_ours', ARRAYS + """
import mxnet as mx
def nd():
    return [mx.nd.array(array, dtype=np.asarray(array).dtype) for array in load()]
""")
    for loaders in zip(*(get_dataset('data_of_ours:' + name).load_from(None, 4)
                         for name in ('nd', 'load'))):
        (images, labels), (same, same_labels) = ((one.images, one.labels) for one in loaders)
        assert (images == same).all() and (labels == same_labels).all()


def test_a_function_of_two_loaders_is_a_data_set_with_its_names(write_module):
    write_module('data_of_ours', LOADERS)
    dataset = get_dataset('data_of_ours:load')
    train_iter, _ = dataset.load_from(None, 8, resize=None, seed=3)
    want, _ = gb.data.load_data_synthetic(8, seed=3, num_train=32, num_test=16)
    assert dataset.class_names == tuple('abcdefghij')
    assert all((X.asnumpy() == X2.asnumpy()).all() for (X, _), (X2, _) in zip(train_iter, want))
    with pytest.raises(ValueError, match='not read from a folder: omit the folder .*/somewhere'):
        dataset.load_from('/somewhere', 4)
    with pytest.raises(OSError, match='/somewhere'):  # a function with `root` takes a folder
        get_dataset('data_of_ours:rooted').load_from('/somewhere', 4)


def test_a_registered_function_is_the_registered_data_set(write_module, registries):
    write_module('data_of_ours', LOADERS)
    import data_of_ours
    register_dataset('ours', data_of_ours.load, ['n%d' % i for i in range(10)])
    assert get_dataset('data_of_ours:load').class_names[1] == 'n1'
    assert dataset_name(data_of_ours.load) == 'ours'


@pytest.mark.parametrize('body, said', [
    ('def load(): return 1', 'not iterable. Expected one of'),
    ('def load(batch_size): return 1', 'unexpected keyword argument .resize'),
    ('def load(batch_size, **how): return [1], [2]', 'expected a BatchLoader, got a list'),
    ('def load(): return {}["x"]', r"cannot be loaded: KeyError: 'x' \(.*line 2\)"),
    ('load = 5', 'to be a function that loads a data set, got 5'),
    ('def load(): return np.zeros((4, 9, 9)), [0] * 4, 1, 2',
     r'expected images .* got float64 \(4, 9, 9\)'),
    ('def load(): return U, [0, 1, 2], U, [0] * 4',
     r'one for each of the 4 images, got int64 \(3,'),
    ('def load(): return U, [0, 1, 2, -1], U, [0] * 4', 'a negative label'),
    ('def load(): return U, [0] * 4, U[..., None].repeat(3, 3), [0] * 4',
     'all greyscale or all colour'),
])
def test_a_function_that_gives_something_else_is_refused_with_what_is_wanted(write_module, body,
                                                                            said):
    write_module('data_of_ours', 'import numpy as np; U = np.zeros((4, 9, 9), np.uint8)\n' + body)
    with pytest.raises(ValueError, match=said):
        get_dataset('data_of_ours:load').load_from(None, 2, resize=None, seed=0)
