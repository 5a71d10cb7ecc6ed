"""What reaches a net: batches of every kind of iterator, their shards, and what is refused."""
import io

import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, init, nd, npx
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.training.feed import batches_of, split

X = np.arange(40, dtype='float32').reshape(10, 1, 2, 2)
Y = np.arange(10) % 3
TWO = [mx.cpu(0), mx.cpu(1)]


def labels_of(data_iter):
    return [y.asnumpy().astype(int).tolist() for _, y in batches_of(data_iter)]


def numbered(**how):
    return mx.io.NDArrayIter(X, np.arange(10), 4, **how)


def resized(data_iter):
    return mx.io.ResizeIter(data_iter, 3)


def test_ndarrayiter_gives_each_image_once_in_every_pass():
    data_iter = numbered()
    next(data_iter)
    for _ in range(2):
        assert labels_of(data_iter) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    images = nd.concat(*[X for X, _ in batches_of(data_iter)], dim=0)
    assert (images.asnumpy() == X).all()


@pytest.fixture
def records(tmp_path):
    """The paths of image records, ten grey pictures that are labelled 0 to 9, as arguments."""
    Image = pytest.importorskip('PIL.Image')
    paths = {'path_imgrec': str(tmp_path / 'x.rec'), 'path_imgidx': str(tmp_path / 'x.idx')}
    file = mx.recordio.MXIndexedRecordIO(paths['path_imgidx'], paths['path_imgrec'], 'w')
    for i in range(10):
        png = io.BytesIO()
        Image.fromarray(np.full((4, 4, 3), i, np.uint8)).save(png, 'PNG')
        file.write_idx(i, mx.recordio.pack(mx.recordio.IRHeader(0, i, i, 0), png.getvalue()))
    file.close()
    return paths


@pytest.mark.parametrize('wrap', [mx.io.PrefetchingIter, resized])
def test_imageiter_gives_each_image_once_in_every_pass_also_wrapped(records, wrap):
    data_iter = wrap(mx.image.ImageIter(4, (3, 4, 4), **records))
    for _ in range(3):
        assert labels_of(data_iter) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_an_iterator_of_mxnets_cpp_is_refused_with_those_that_work(records):
    data_iter = resized(mx.io.ImageRecordIter(data_shape=(3, 4, 4), batch_size=4, **records))
    with pytest.raises(ValueError, match=r'or repeat images: read image records with mx\.image\.I'):
        labels_of(data_iter)


@pytest.mark.parametrize('make, said', [
    (lambda: mx.io.PrefetchingIter(numbered(last_batch_handle='roll_over')),
     "last_batch_handle='roll_over' .* with last_batch_handle='pad'"),
    (lambda: gluon.data.DataLoader(gluon.data.ArrayDataset(X, Y), 4, last_batch='rollover'),
     "last_batch='rollover' .* with last_batch='keep'"),
    (lambda: mx.contrib.io.DataLoaderIter(gluon.data.DataLoader(
        gluon.data.ArrayDataset(X, Y), 4, last_batch='rollover')), "with last_batch='keep'"),
    (lambda: mx.io.NDArrayIter(X, None, 4), 'one label array per batch, got 1 and 0'),
    (lambda: mx.io.NDArrayIter({'a': X, 'b': X}, Y, 4), 'one label array per batch, got 2 and 1'),
    (lambda: mx.io.NDArrayIter(X, {'a': Y, 'b': Y}, 4), 'one label array per batch, got 1 and 2'),
    (lambda: [(X, Y[:9])], r'shape \(10, 1, 2, 2\) and labels of shape \(9,')])
def test_batches_that_differ_in_their_images_or_have_not_a_label_for_each_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        list(batches_of(make()))


def test_pairs_of_numpy_arrays_become_ndarrays():
    ((images, labels),) = batches_of([(X, Y)])
    assert isinstance(images, nd.NDArray) and images.dtype == np.float32
    assert (images.asnumpy() == X).all() and (labels.asnumpy() == Y).all()


@pytest.mark.parametrize('n, sizes', [(1, [1]), (2, [1, 1]), (3, [1, 1, 1]), (7, [3, 2, 2])])
def test_devices_share_a_batch_evenly_and_get_none_when_there_are_too_few(n, sizes):
    devices = [mx.cpu(i) for i in range(3)]
    shards = split((nd.array(X[:n]), nd.array(Y[:n])), devices)
    assert [len(y) for _, y in shards] == sizes
    assert [z.context for pair in shards for z in pair] == [
        ctx for ctx in devices[:len(sizes)] for _ in range(2)]
    assert (np.concatenate([X.asnumpy() for X, _ in shards]) == X[:n]).all()


def linear(ctx=None, in_units=0):
    net = nn.HybridSequential()
    net.add(nn.Dense(3, in_units=in_units))
    if ctx is not None:
        net.initialize(init.Zero(), ctx=ctx)
    return net


def batches(labels=Y):
    return [(nd.array(X[i:i + 2]), nd.array(labels[i:i + 2], dtype='int32'))
            for i in range(0, len(labels), 2)]


def by_training(net, data, ctx=mx.cpu(), trained=None):
    trainer = gluon.Trainer((trained or net).collect_params(), 'sgd', {'learning_rate': 0.1})
    gb.train_ch5(net, data, batches(), 2, trainer, ctx, 1)


def by_training_anothers_weights(net, data):  # Gluon makes no Trainer of a net without values
    by_training(net, data, trained=linear(mx.cpu()))


def by_evaluation(net, data, ctx=mx.cpu()):
    gb.evaluate_accuracy(data, net, ctx)


both = pytest.mark.parametrize('use', [by_training, by_evaluation])


@pytest.mark.parametrize('use', [by_training_anothers_weights, by_evaluation])
@pytest.mark.parametrize('in_units', [0, 4])
def test_a_net_without_values_is_refused_with_what_to_call(use, in_units):
    with pytest.raises(ValueError, match=r'net is not initialized .*weight\): call net\.initia'):
        use(linear(in_units=in_units), batches())


@both
def test_a_net_on_another_device_is_refused_with_both_named(use):
    with pytest.raises(ValueError, match=r'weight of the net is on cpu\(1\), but ctx is cpu\(0\)'):
        use(linear(mx.cpu(1)), batches())


def test_a_net_on_more_devices_is_not_trained():
    with pytest.raises(ValueError, match=r'is on cpu\(0\), cpu\(1\), but ctx is cpu\(1\)'):
        by_training(linear(TWO), batches(), mx.cpu(1))


@both
@pytest.mark.parametrize('ctx', [mx.cpu(), TWO[::-1]])
def test_a_net_that_has_not_seen_its_input_is_taken(use, ctx):
    net = linear(ctx)
    net.hybridize(static_alloc=True)
    use(net, batches(), ctx)
    assert net[0].weight.shape == (3, 4)


@pytest.mark.parametrize('place, bad', [(1, -1), (1, 3), (6, -1), (9, 3)])  # batches 1, 4, the last
def test_a_wrong_label_is_refused_that_of_the_first_batch_before_a_step(place, bad):
    labels, net = Y.copy(), linear(TWO, in_units=4)
    labels[place] = bad
    with pytest.raises(ValueError, match='labels must be from 0 to 2, .* got .*%d' % bad):
        by_training(net, batches(labels), TWO)
    assert net[0].weight.data(mx.cpu(0)).asnumpy().any() == (place > 1)


SUM = 'must be non-negative class probabilities that sum to 1'


@both
@pytest.mark.parametrize('images, labels, said', [
    (nd.array(X), nd.array([0, 1.5] + [0] * 8), 'labels must be integer class indices, got 1.5'),
    (nd.array(X), nd.array(Y.reshape(10, 1)),
     r'labels must be integers of shape \(N,.*, got shape \(10, 1\)'),
    (mx.np.array(X), nd.array(Y), r'the net expects mx\.nd arrays, not mx\.np arrays'),
    (nd.array(X), mx.np.array(Y), r'the net expects mx\.nd arrays, not mx\.np arrays'),
    *[(nd.array(X[:2]), nd.array([[0, 1, 0], row]), SUM)
      for row in ([0, 0, 0], [1, 1, 0], [2, -1, 0], [np.nan, 1, 0])]])
def test_a_batch_that_a_net_cannot_take_is_refused(use, images, labels, said):
    with pytest.raises(ValueError, match=said):
        use(linear(mx.cpu()), [(images, labels)])


@both
def test_an_output_that_is_no_row_of_classes_is_refused(use):
    net = nn.Conv2D(3, 1)
    net.initialize()
    with pytest.raises(ValueError, match=r'logits of shape \(N, num_classes\), got \(2, 3, 2, 2\)'):
        use(net, batches())


@both
def test_under_set_np_nothing_is_trained_or_measured_or_printed(use, capsys):
    net, data = linear(mx.cpu()), batches()
    npx.set_np()
    try:
        with pytest.raises(ValueError, match=r'call npx\.reset_np\(\) if npx\.set_np\(\) was'):
            use(net, data)
    finally:
        npx.reset_np()
    assert capsys.readouterr().out == ''
