"""The loop against closed forms, and the lines it prints."""
import re

import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, init, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.training.loop import Alone

RNG = np.random.RandomState(5)
X = RNG.rand(10, 1, 2, 2).astype('float32')
Y = RNG.randint(0, 3, 10).astype('int32')
ONE_HOT = np.eye(3)[Y]
LOSS = gluon.loss.SoftmaxCrossEntropyLoss()
SOFT = gluon.loss.SoftmaxCrossEntropyLoss(sparse_label=False)


def batches(size):
    return [(nd.array(X[i:i + size]), nd.array(Y[i:i + size], dtype='int32'))
            for i in range(0, 10, size)]


def zero_net(ctx=None):
    """Softmax regression that starts at zero: three classes, loss log 3, gradient known."""
    net = nn.Dense(3)
    net.initialize(init.Zero(), ctx=ctx)
    return net, gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.5})


def train(train_iter, batch_size=10, num_epochs=1, ctx=mx.cpu(), **how):
    """(weights, history) of a net from zero by `train_ch5`."""
    net, trainer = zero_net(ctx)
    history = gb.train_ch5(net, train_iter, batches(10), batch_size, trainer, ctx, num_epochs,
                           **how)
    return net.weight.data().asnumpy(), history


def train_by_loss(train_iter, loss, test_iter=None, ctx=mx.cpu()):
    """The same by `train`, for an epoch."""
    net, trainer = zero_net(ctx)
    history = gb.train(train_iter, test_iter or batches(10), net, loss, trainer, ctx, 1)
    return net.weight.data(mx.cpu(0)).asnumpy(), history


def first_step(batch_size, labels=ONE_HOT):
    """Weights after one step from zero on all images: lr * mean of (label - 1/3) x."""
    return 0.5 / batch_size * (labels - 1 / 3).T.dot(X.reshape(10, -1))


def assert_close(weights, expected):
    np.testing.assert_allclose(weights, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize('batch_size', [10, 256])
def test_a_step_is_that_of_softmax_regression_divided_by_the_nominal_batch_size(batch_size):
    # Book: trainer.step(batch_size), whatever the last batch holds.
    weights, history = train(batches(10), batch_size)
    assert_close(weights, first_step(batch_size))
    assert history[0].loss == pytest.approx(np.log(3), rel=1e-5)
    assert history[0].train_acc == np.mean(Y == 0)  # of equal outputs, argmax takes the first


def test_the_lines_are_the_books(capsys):
    _, history = train(batches(4), num_epochs=2)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == '' and lines[0] == 'training on cpu(0)' and len(lines) == 3
    for i, line in enumerate(lines[1:], 1):
        assert re.match(r'epoch %d, loss \d\.\d{4}, train acc \d\.\d{3}, test acc \d\.\d{3}, '
                        r'time \d+\.\d sec$' % i, line)
    assert lines[1:] == [gb.training.epoch_line(record) for record in history]


def test_the_older_form_uses_its_loss(capsys):
    net, trainer = zero_net()
    twice = gluon.loss.SoftmaxCrossEntropyLoss(weight=2)
    gb.train_ch5(net, batches(10), batches(10), twice, 10, trainer, mx.cpu(), 1)
    assert_close(net.weight.data().asnumpy(), 2 * first_step(10))
    assert 'loss 2.1972' in capsys.readouterr().out
    with pytest.raises(TypeError, match=r'takes 7 positional arguments, or 8 .*, got 9'):
        gb.train_ch5(net, batches(10), batches(10), twice, 10, trainer, mx.cpu(), 1, 1)


@pytest.mark.parametrize('ctx', [[mx.cpu(0), mx.cpu(1)], [mx.cpu(0)], mx.cpu(0)])
def test_train_shares_a_batch_among_the_devices_and_tests_the_trained_net(ctx, capsys):
    # In the book, chapter 8.4: the gradients of all devices' images, by the size of the batch.
    weights, history = train_by_loss(batches(10), LOSS, batches(4), ctx)
    assert_close(weights, first_step(10))
    bias = 0.05 * (ONE_HOT - 1 / 3).sum(axis=0)
    assert history[0].test_acc == pytest.approx(
        np.mean((X.reshape(10, -1).dot(weights.T) + bias).argmax(1) == Y))
    assert capsys.readouterr().out.splitlines()[0] == 'training on %s' % (ctx,)


@pytest.mark.parametrize('by', [lambda data: train(data, 4, 2),
                                lambda data: train_by_loss(data, LOSS, data)])
def test_images_that_fill_up_the_last_batch_are_not_trained_on(by):
    (weights, history), (same, again) = by(batches(4)), by(mx.io.NDArrayIter(X, Y, 4))
    assert [r[:4] for r in history] == [r[:4] for r in again] and (weights == same).all()


@pytest.mark.parametrize('num_devices, optimizer', [
    (2, ('adam', {})), (3, ('sgd', {'momentum': 0.9}))])
def test_devices_without_images_add_nothing_to_a_step(num_devices, optimizer):
    # Batches of 9 and 1: in the last one, only the first device has an image.
    weights, losses = [], []
    for ctx in ([mx.cpu()], [mx.cpu(i) for i in range(num_devices)]):
        net = nn.HybridSequential()
        net.add(nn.Dense(5, activation='tanh'), nn.Dense(3))
        mx.random.seed(1)
        net.initialize(ctx=ctx)
        net.hybridize(static_alloc=True)
        trainer = gluon.Trainer(net.collect_params(), *optimizer)
        history = gb.train_ch5(net, batches(9), batches(9), 9, trainer, ctx, 3)
        losses.append([record.loss for record in history])
        weights.append([[param.data(c).asnumpy() for param in net.collect_params().values()]
                        for c in ctx])
    for several in weights[1]:
        for got, want in zip(several, weights[0][0]):
            np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


class Sixfold(Alone):
    """Six ranks that all have what this one has."""

    def __init__(self):
        self.met = []

    def all_reduce(self, *values):
        return [6 * value for value in values]

    def synchronize(self, net, num_images):
        self.met.append(num_images)


def test_the_numbers_of_an_epoch_are_those_of_all_workers():
    _, (alone,) = train(batches(4))
    workers, state = Sixfold(), gb.training.TrainingState()
    _, (record,) = train(batches(4), workers=workers, state=state)
    assert record[1:4] == pytest.approx(alone[1:4]) and workers.met == [10]
    assert state.rate * record.seconds >= 60


def test_a_worker_without_images_in_a_step_contributes_zeros():
    assert_close(train(batches(10) + [(None, None)])[0], first_step(10))


@pytest.mark.parametrize('dtype', ['float32', 'int32'])
def test_one_hot_labels_train_as_the_classes_they_stand_for(dtype):
    (images, labels), = batches(10)
    one_hot = [(images, nd.one_hot(labels, 3, dtype=dtype))]
    assert_close(train_by_loss(one_hot, SOFT, one_hot)[0], first_step(10))


def test_mixed_labels_train_by_their_probabilities_and_are_judged_by_the_largest():
    mixed = 0.7 * ONE_HOT + 0.3 * ONE_HOT[::-1]
    weights, history = train([(nd.array(X), nd.array(mixed))], loss=SOFT)
    assert_close(weights, first_step(10, mixed))
    assert history[0].train_acc == np.mean(Y == 0)


@pytest.mark.parametrize('loss, labels, said', [
    (LOSS, ONE_HOT, r'for labels of shape \(10, 3\), .*\(sparse_label=False\)'),
    (SOFT, Y, r'for labels of shape \(10,\), .*\(sparse_label=True\)'),
    (lambda y_hat, y: LOSS(y_hat, y).mean(), Y, r'loss must have shape \(N,\), .* for 10 images'),
    (lambda y_hat, y: LOSS(y_hat, y).expand_dims(1), Y, r'loss must have shape \(N,\), .* for 10')])
def test_a_loss_that_is_not_a_number_for_each_image_and_its_label_is_refused(loss, labels, said):
    with pytest.raises(ValueError, match=said):
        train_by_loss([(X, labels)], loss)


def test_a_clock_that_is_stopped_or_set_back_changes_no_times(monkeypatch):
    for clock in (lambda: 5.0, iter(range(10 ** 6, 0, -1)).__next__):
        monkeypatch.setattr('time.time', clock)
        state = gb.training.TrainingState()
        _, history = train(batches(4), num_epochs=2, state=state)
        assert state.rate > 0 and all(0 < record.seconds < 100 for record in history)


@pytest.mark.parametrize('train_iter, test_iter, said', [
    ([], batches(10), 'train_iter'), (batches(10), [(None, None)], 'test_iter')])
def test_no_data_is_an_error_that_says_so(train_iter, test_iter, said):
    with pytest.raises(ValueError, match=said + ' must yield at least one image'):
        train_by_loss(train_iter, LOSS, test_iter)


def test_a_worker_without_images_in_the_rest_of_an_epoch_takes_part_in_its_end():
    class FirstOfTwo(Alone):
        world_size = 2

        def all_reduce(self, *values):  # the other worker has summed 6 images, or 4 test images
            other = (6, 3.0, 2) if len(values) == 3 else (1, 4)
            return [value + more for value, more in zip(values, other)]

    _, history = train([], workers=FirstOfTwo())
    assert history[0][1:3] == (0.5, pytest.approx(1 / 3))
