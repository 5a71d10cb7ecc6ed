"""Batches against Gluon's own DataLoader and transforms."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, nd, npx
from mxnet.gluon.contrib import estimator
from mxnet.gluon.data.vision import transforms

import gluonblocks as gb

RNG = np.random.RandomState(3)
IMAGES = RNG.randint(0, 256, (10, 28, 28)).astype(np.uint8)
LABELS = np.arange(10, dtype=np.int32)


def labels_of(data_iter):
    return [int(i) for _, y in data_iter for i in y.asnumpy()]


@pytest.mark.parametrize('resize, books', [
    (None, None), (96, 96), (14, 14), ([20, 40], (40, 20))])
def test_batches_equal_those_of_the_books_loader(resize, books):  # whose pair is (width, height)
    transform = transforms.Compose(([transforms.Resize(books)] if books else []) +
                                   [transforms.ToTensor()])
    dataset = gluon.data.ArrayDataset(nd.array(IMAGES[..., None], dtype='uint8'), LABELS)
    book = gluon.data.DataLoader(dataset.transform_first(transform), 4)
    ours = gb.data.BatchLoader(IMAGES, LABELS, 4, resize=resize)
    assert len(ours) == len(book) == 3
    for (X, y), (book_X, book_y) in zip(ours, book):
        assert X.shape == book_X.shape and X.dtype == book_X.dtype == np.float32
        assert y.shape == book_y.shape and y.dtype == book_y.dtype == np.int32
        assert (X.asnumpy() == book_X.asnumpy()).all() and (y.asnumpy() == book_y.asnumpy()).all()


def test_colours_become_channels_in_front():
    images = RNG.randint(0, 256, (4, 28, 30, 3)).astype(np.uint8)
    X, _ = next(iter(gb.data.BatchLoader(images, LABELS[:4], 4)))
    assert (X.asnumpy() == images.transpose(0, 3, 1, 2).astype('float32') / 255).all()


def test_each_epoch_has_every_image_once_in_a_new_order_that_the_seed_decides():
    orders = []
    for seed in (1, 1, 2):
        loader = gb.data.BatchLoader(IMAGES, LABELS, 4, seed=seed)
        orders.append((labels_of(loader), labels_of(loader)))
    (first, second), again, other = orders
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second and first != list(range(10))
    assert (first, second) == again != other


@pytest.mark.parametrize('passes, batches', [(0, 2), (2, 1), (1, 4)])
def test_a_loader_resumes_where_another_one_was(passes, batches):
    one, other = [gb.data.BatchLoader(IMAGES, LABELS, 3, seed=1) for _ in range(2)]
    for _ in range(passes):
        list(one)
    other.start_at(passes, batches)
    assert labels_of(other) == labels_of(one)[3 * batches:]
    assert labels_of(other) == labels_of(one)


@pytest.mark.parametrize('changes, message', [
    ({'batch_size': 2.5}, 'batch_size is 2.5'),
    ({'resize': -1}, 'resize is -1, .* the side of a square, or a pair'),
    ({'resize': (96, 0)}, r'resize is \(96, 0\), .* \(height, width\)'),
    ({'resize': (9, 9, 1)}, r'resize is \(9, 9, 1\)'), ({'resize': '96'}, "resize is '96'"),
    ({'images': IMAGES / 255}, r'must be a NumPy array uint8 .*: scale images in '),
    ({'labels': LABELS[:9]}, r'must be .* integers \(n,\), one for each of the 10 im'),
    ({'labels': LABELS.astype('float32')}, r'must be .* integers \(n,\)')])
def test_what_cannot_be_loaded_is_refused_at_once_and_when_it_is_set_later(changes, message):
    arguments = {'images': IMAGES, 'labels': LABELS, 'batch_size': 4}
    loader = gb.data.BatchLoader(**arguments)
    with pytest.raises(ValueError, match=message):
        gb.data.BatchLoader(**dict(arguments, **changes))
    for name, value in changes.items():
        setattr(loader, name, value)
    with pytest.raises(ValueError, match=message):
        list(loader)


def test_sizes_that_are_set_later_count_from_the_next_pass():
    loader = gb.data.BatchLoader(IMAGES, LABELS, 4)
    loader.resize, loader.batch_size = (8, 12), 5
    assert [X.shape for X, _ in loader] == [(5, 1, 8, 12)] * 2


def test_arrays_of_mx_np_are_refused():
    with pytest.raises(ValueError, match=r'^BatchLoader takes arrays of mx\.nd and not of mx\.np'):
        gb.data.BatchLoader(mx.np.array(IMAGES), LABELS, 4)
    loader = gb.data.BatchLoader(IMAGES, LABELS, 4)
    npx.set_np()
    try:
        with pytest.raises(ValueError, match=r'call npx\.reset_np\(\) if npx\.set_np\(\) is on'):
            next(iter(loader))
    finally:
        npx.reset_np()


def test_gluons_estimator_takes_our_loaders():
    train_iter, test_iter = gb.data.load_data_synthetic(8, num_train=16, num_test=8)
    net = gluon.nn.Dense(10)
    net.initialize(mx.init.Zero())
    judge = estimator.Estimator(net, gluon.loss.SoftmaxCrossEntropyLoss(), context=mx.cpu(),
                                trainer=gluon.Trainer(net.collect_params(), 'sgd'))
    judge.fit(train_iter, test_iter, epochs=1)
    assert net.weight.data().asnumpy().any()
