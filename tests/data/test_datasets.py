"""The data sets: Fashion-MNIST and the synthetic one as loaders, and the records by name."""
import numpy as np
import pytest
from mxnet import npx

import gluonblocks as gb
from gluonblocks.data import datasets
from gluonblocks.data.datasets import (
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


@pytest.mark.parametrize('load', [gb.load_data_fashion_mnist, load_data_synthetic])
def test_under_set_np_no_data_are_loaded_or_downloaded(load, tiny, monkeypatch):
    monkeypatch.setattr(datasets, 'read_fashion_mnist', None)
    npx.set_np()
    try:
        with pytest.raises(ValueError, match=r'call npx\.reset_np\(\) if npx\.set_np\(\) is on'):
            load(4)
    finally:
        npx.reset_np()


@pytest.fixture
def registered(registries):
    """A data set of three classes with files, whose loader returns its arguments."""
    register_dataset('shapes', lambda *args, **kwargs: (args, kwargs), ['round', 'square', 'long'],
                     channels=3, takes_root=True)


def test_a_registered_data_set_is_found_by_its_name(registered):
    assert list_datasets() == ['fashion-mnist', 'shapes', 'synthetic']
    found = get_dataset('shapes')
    assert found.class_names == ('round', 'square', 'long') and found.channels == 3


def test_a_name_taken_twice_is_refused(registered):
    with pytest.raises(ValueError, match="a data set named 'shapes' is registered already"):
        register_dataset('shapes', load_data_synthetic, ['round'])


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="no data set 'cifar'; .* are fashion-mnist, syn"):
        get_dataset('cifar')


def test_a_data_set_with_files_is_loaded_from_the_folder_that_is_named(registered):
    shapes = get_dataset('shapes')
    assert shapes.load_from('/data', 8, seed=1) == ((8,), {'root': '/data', 'seed': 1})
    assert shapes.load_from(None, 8, seed=1) == ((8,), {'seed': 1})


def test_a_data_set_without_files_refuses_a_folder():
    with pytest.raises(ValueError, match="'synthetic' is made on the spot .* but got '/data'"):
        get_dataset('synthetic').load_from('/data', 8)


def test_the_classes_of_both_data_sets_are_ten():
    for name in list_datasets():
        assert len(set(get_dataset(name).class_names)) == 10
