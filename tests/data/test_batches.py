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
    (None, None), (96, 96), (14, 14), ((96, 96), 96), ([20, 40], (40, 20))])
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
    assert X.shape == (4, 3, 28, 30)
    assert (X.asnumpy() == images.transpose(0, 3, 1, 2).astype('float32') / 255).all()


def test_each_epoch_has_every_image_once_in_a_new_order():
    loader = gb.data.BatchLoader(IMAGES, LABELS, 4, seed=0)
    first, second = labels_of(loader), labels_of(loader)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second and first != list(range(10))


def test_the_seed_controls_the_order():
    orders = [labels_of(gb.data.BatchLoader(IMAGES, LABELS, 4, seed=s)) for s in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_a_pair_is_height_and_width():
    # Halving the height bilinearly is the mean of each two rows; of even numbers it is whole.
    even = IMAGES // 2 * 2
    X, _ = next(iter(gb.data.BatchLoader(even, LABELS, 10, resize=(14, 28))))
    assert X.shape == (10, 1, 14, 28)
    means = even.reshape(10, 14, 2, 28).mean(axis=2)
    assert (X.asnumpy()[:, 0] == means.astype('float32') / 255).all()


@pytest.mark.parametrize('arguments, message', [
    ({'batch_size': 0}, 'batch_size is 0'), ({'batch_size': 2.5}, 'batch_size is 2.5'),
    ({'batch_size': 4, 'resize': -1}, 'resize is -1, .* the side of a square, or a pair'),
    ({'batch_size': 4, 'resize': 0}, 'resize is 0'),
    ({'batch_size': 4, 'resize': (96, 0)}, r'resize is \(96, 0\), .* \(height, width\)'),
    ({'batch_size': 4, 'resize': (96,)}, r'resize is \(96,\)'),
    ({'batch_size': 4, 'resize': (9, 9, 1)}, r'resize is \(9, 9, 1\)'),
    ({'batch_size': 4, 'resize': '96'}, "resize is '96'")])
def test_sizes_that_are_none_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        gb.data.BatchLoader(IMAGES, LABELS, **arguments)


@pytest.mark.parametrize('passes, batches', [(0, 0), (0, 2), (2, 1), (1, 4)])
def test_a_loader_goes_on_where_another_one_was(passes, batches):
    def labels(loader, first=0):
        return [[list(y.asnumpy()) for _, y in loader][first:]] + [
            [list(y.asnumpy()) for _, y in loader]]
    images, numbers = np.zeros((10, 4, 4), 'uint8'), np.arange(10, dtype='int32')
    one, other = [gb.data.BatchLoader(images, numbers, 3, seed=1) for _ in range(2)]
    for _ in range(passes):
        list(one)
    other.start_at(passes, batches)
    other_labels = [[list(y.asnumpy()) for _, y in other] for _ in range(2)]
    assert other_labels == labels(one, batches)


def test_arrays_of_mx_np_are_refused():
    with pytest.raises(ValueError, match=r'^BatchLoader takes arrays of mx\.nd and not of mx\.np'):
        gb.data.BatchLoader(mx.np.array(IMAGES), LABELS, 4)


def test_a_loader_made_before_gives_no_batch_under_set_np():
    loader = gb.data.BatchLoader(IMAGES, LABELS, 4)
    npx.set_np()
    try:
        with pytest.raises(ValueError, match=r'call npx\.reset_np\(\) if npx\.set_np\(\) is on'):
            next(iter(loader))
    finally:
        npx.reset_np()


@pytest.mark.parametrize('images', [IMAGES / 255, IMAGES.astype('int32'), IMAGES.reshape(10, -1),
                                    IMAGES.tolist(), nd.array(IMAGES, dtype='uint8')])
def test_images_that_are_not_bytes_are_refused_with_the_conversion(images):
    with pytest.raises(ValueError, match=r'must be a NumPy array uint8 .*: scale images in '):
        gb.data.BatchLoader(images, LABELS, 4)


@pytest.mark.parametrize('labels', [
    LABELS[:9], LABELS.astype('float32'), LABELS[:, None], list(LABELS), nd.array(LABELS)])
def test_labels_must_be_integers_one_for_each_image(labels):
    with pytest.raises(ValueError, match=r'must be .* integers \(n,\), one for each of the 10 im'):
        gb.data.BatchLoader(IMAGES, labels, 4)


def test_what_is_set_later_counts_from_the_next_pass():
    loader = gb.data.BatchLoader(IMAGES, LABELS, 4)
    loader.resize, loader.batch_size = (8, 12), 5
    assert [X.shape for X, _ in loader] == [(5, 1, 8, 12)] * 2
    loader.resize = None
    assert [X.shape for X, _ in loader] == [(5, 1, 28, 28)] * 2


@pytest.mark.parametrize('name, value', [
    ('resize', -1), ('batch_size', 0), ('images', IMAGES / 255), ('labels', LABELS[:9])])
def test_what_is_set_later_is_checked(name, value):
    loader = gb.data.BatchLoader(IMAGES, LABELS, 4)
    setattr(loader, name, value)
    with pytest.raises(ValueError, match=name):
        list(loader)


def test_gluons_estimator_takes_our_loaders():
    train_iter, test_iter = gb.data.load_data_synthetic(8, num_train=16, num_test=8)
    net = gluon.nn.Dense(10)
    net.initialize(mx.init.Zero())
    judge = estimator.Estimator(net, gluon.loss.SoftmaxCrossEntropyLoss(), context=mx.cpu(),
                                trainer=gluon.Trainer(net.collect_params(), 'sgd'))
    judge.fit(train_iter, test_iter, epochs=1)
    assert net.weight.data().asnumpy().any()
