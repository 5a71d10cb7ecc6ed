"""Batches against Gluon's own DataLoader and transforms, and the shards of several ranks."""
import threading

import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, nd, npx
from mxnet.gluon.contrib import estimator
from mxnet.gluon.data.vision import transforms

import gluonblocks as gb
from gluonblocks.data.augment import Augmentation
from gluonblocks.data.batches import BatchLoader, make_loaders

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
    X, y = next(iter(gb.data.BatchLoader(images, LABELS[:4].astype('uint8'), 4)))
    assert y.dtype == np.int32
    assert (X.asnumpy() == images.transpose(0, 3, 1, 2).astype('float32') / 255).all()


@pytest.mark.parametrize('resize', [None, 14])
@pytest.mark.parametrize('augment', [None, Augmentation('none', 0)])
def test_images_load_alike_however_they_lie_in_memory(resize, augment):
    planes = RNG.randint(0, 256, (4, 3, 28, 30)).astype(np.uint8)
    loaders = [gb.data.BatchLoader(images, LABELS[:4], 4, resize=resize) for images in (
        planes.transpose(0, 2, 3, 1), planes.transpose(0, 2, 3, 1).copy(order='C'))]
    for loader in loaders:
        loader.augment = augment
    (X, _), (same, _) = (next(iter(loader)) for loader in loaders)
    assert (X.asnumpy() == same.asnumpy()).all()


def test_each_epoch_has_every_image_once_in_a_new_order_that_the_seed_decides():
    orders = []
    for seed in (1, 1, 2):
        loader = gb.data.BatchLoader(IMAGES, LABELS, 4, seed=seed)
        orders.append((labels_of(loader), labels_of(loader)))
    (first, second), again, other = orders
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second and first != list(range(10))
    assert (first, second) == again != other


@pytest.mark.parametrize('part', [None, (2, 3)])
@pytest.mark.parametrize('passes, batches', [(0, 2), (2, 1), (1, 4)])
def test_a_loader_resumes_where_another_one_was(passes, batches, part):
    one, other = [gb.data.BatchLoader(IMAGES, LABELS, 3, seed=1, part=part) for _ in range(2)]
    for each in (one, other):
        each.augment = Augmentation('crop-flip', 5)
    for _ in range(passes):
        list(one)
    other.start_at(passes, batches)
    for skipped in (batches, 0):
        want, got = list(one)[skipped:], list(other)
        assert len(want) == len(got)
        for (X, y), (other_X, other_y) in zip(want, got):
            assert (y == other_y).asnumpy().all() and (X == other_X).asnumpy().all()


@pytest.mark.parametrize('changes, message', [
    ({'batch_size': 2.5}, 'batch_size must be .*, got 2.5'),
    ({'resize': -1}, 'resize must be .* .the side of a square. or a pair .* got -1$'),
    ({'resize': (96, 0)}, r'resize must be .* \(height, width\), got \(96, 0\)$'),
    ({'resize': (9, 9, 1)}, r'resize must be .* got \(9, 9, 1\)$'),
    ({'resize': '96'}, "resize must be .* got '96'$"),
    ({'images': IMAGES / 255}, r'expected images as a uint8 NumPy array .*; convert images in '),
    ({'images': IMAGES[:, :0]}, r'expected images as a uint8 NumPy array of shape \(n, H, W\) '),
    ({'labels': LABELS[:9]}, r'expected labels .* integers, one for each of the 10 im'),
    ({'labels': LABELS.astype('float32')}, r'expected labels .* integers, .* got float32')])
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


def test_settings_that_change_during_a_pass_leave_that_pass_as_it_was():
    loader, found = gb.data.BatchLoader(IMAGES, LABELS, 2), []
    for X, y in loader:
        found += y.asnumpy().tolist()
        assert X.dtype == np.float32
        loader.batch_size, loader.dtype, loader.part = 1, 'float64', (0, 1)
    assert found == list(range(10)) and [X.dtype for X, _ in loader] == [np.float64] * 10


def test_arrays_of_mx_np_are_refused():
    with pytest.raises(ValueError, match=r'^BatchLoader expects mx\.nd arrays, not mx\.np arrays'):
        gb.data.BatchLoader(mx.np.array(IMAGES), LABELS, 4)
    loader = gb.data.BatchLoader(IMAGES, LABELS, 4)
    npx.set_np()
    try:
        with pytest.raises(ValueError, match=r'call npx\.reset_np\(\) if npx\.set_np\(\) was'):
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


def loader(num_images, batch_size, part=None):
    images = np.arange(num_images, dtype=np.uint8).repeat(4).reshape(num_images, 2, 2)
    arrays = [images, np.arange(num_images, dtype=np.int32)] * 2
    return make_loaders(arrays, batch_size, seed=3, part=part)[0]


def steps(data_iter):
    """Return the labels of each step, which number the images here."""
    return [[] if y is None else y.asnumpy().tolist() for _, y in data_iter]


# The last steps have 8, 1, 2, 5 and 6 images.
@pytest.mark.parametrize('num_images, batch_size', [(40, 8), (41, 8), (42, 8), (35, 10), (46, 20)])
@pytest.mark.parametrize('world_size', [2, 3, 7])
def test_together_the_shards_are_each_step_of_one_process_and_about_equal(num_images, batch_size,
                                                                          world_size):
    alone = loader(num_images, batch_size)
    ranks = [loader(num_images, batch_size, (k, world_size)) for k in range(world_size)]
    for _ in range(2):  # epochs, of which the second has another order
        expected, shards = steps(alone), [steps(rank) for rank in ranks]
        assert all(len(shard) == len(expected) == len(alone) for shard in shards)
        assert [sum(step, []) for step in zip(*shards)] == expected
        assert sorted(sum(expected, [])) == list(range(num_images))
        for step in zip(*shards):
            assert max(map(len, step)) - min(map(len, step)) <= 1


def test_ranks_augment_each_image_as_one_process_does():
    def images(part=None):
        made = loader(40, 10, part)
        made.augment = Augmentation('crop-flip', 4)
        made.images = np.random.RandomState(0).randint(0, 256, (40, 16, 16)).astype(np.uint8)
        return [X.asnumpy() for X, _ in made]
    for alone, *shards in zip(images(), *(images((k, 3)) for k in range(3))):
        assert (np.concatenate(shards) == alone).all()


@pytest.mark.parametrize('part, said', [
    ((3, 3), 'must be .k, n.'), ((-1, 3), 'must be'), (2, 'must be'), ((0.0, 2), 'must be'),
    ((0, 9), 'got 9 workers and a batch of 8: use fewer workers or')])
def test_a_part_that_cannot_be_is_refused(part, said):
    with pytest.raises(ValueError, match=said):
        loader(40, 8, part)


def test_shards_need_one_seed_and_one_size_of_a_step(tiny):
    with pytest.raises(ValueError, match='needs a seed, got None: pass the same seed to all'):
        gb.load_data_fashion_mnist(8, root=str(tiny.folder), part=(0, 2))
    with pytest.raises(ValueError, match='use train_ch5'):
        gb.train(loader(40, 8, (0, 2)), None, None, None, None, None, 1)


def test_a_pass_that_is_left_early_ends_its_thread():
    before = threading.active_count()
    batches = iter(BatchLoader(np.zeros((9, 2, 2), np.uint8), np.zeros(9, int), 2))
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_an_error_in_a_batch_is_raised_where_the_batch_is_used():
    loader = BatchLoader(np.zeros((9, 2, 2), np.uint8), np.zeros(9, int), 2)

    def fail(images, *_):
        raise ZeroDivisionError('from the augmentation')
    loader.augment = fail
    with pytest.raises(ZeroDivisionError, match='from the augmentation'):
        next(iter(loader))


@pytest.mark.parametrize('change', [lambda images: images[:1], lambda images: images[:, :1],
                                    lambda images: images / 255])
def test_an_augmentation_that_changes_the_shape_or_type_is_refused(change):
    loader = BatchLoader(np.zeros((4, 3, 3), np.uint8), np.zeros(4, int), 2)
    loader.augment = lambda images, *which: change(images)
    with pytest.raises(ValueError, match=r'augment must return uint8 images of shape \(2, 3, 3\)'):
        next(iter(loader))
