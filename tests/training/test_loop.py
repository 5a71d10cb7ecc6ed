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


def batches(size):
    return [(nd.array(X[i:i + size]), nd.array(Y[i:i + size], dtype='int32'))
            for i in range(0, 10, size)]


def zero_net(ctx=None):
    """Softmax regression that starts at zero: three classes, loss log 3, gradient known."""
    net = nn.Dense(3)
    net.initialize(init.Zero(), ctx=ctx)
    return net


def train(net, train_iter, batch_size=10, num_epochs=1, lr=0.5):
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': lr})
    return gb.train_ch5(net, train_iter, batches(10), batch_size, trainer, mx.cpu(), num_epochs)


def first_step(size, batch_size, lr=0.5):
    """Weights after one step from zero on the first `size` images: lr * mean of (1[y] - 1/3) x."""
    error = np.eye(3)[Y[:size]] - 1 / 3
    return lr / batch_size * error.T.dot(X[:size].reshape(size, -1))


def test_a_step_is_that_of_softmax_regression_from_zero():
    net = zero_net()
    history = train(net, batches(10))
    np.testing.assert_allclose(net.weight.data().asnumpy(), first_step(10, 10), rtol=1e-4)
    assert history[0].loss == pytest.approx(np.log(3), rel=1e-5)
    assert history[0].train_acc == np.mean(Y == 0)  # of equal outputs, argmax takes the first


def test_a_step_is_divided_by_the_nominal_batch_size_also_for_a_short_batch():
    # Book: trainer.step(batch_size), whatever the last batch holds.
    net = zero_net()
    train(net, batches(10), batch_size=256)
    np.testing.assert_allclose(net.weight.data().asnumpy(), first_step(10, 256), rtol=1e-4)


def test_the_lines_are_the_books(capsys):
    history = train(zero_net(), batches(4), num_epochs=2)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == '' and lines[0] == 'training on cpu(0)' and len(lines) == 3
    for i, line in enumerate(lines[1:], 1):
        assert re.match(r'epoch %d, loss \d\.\d{4}, train acc \d\.\d{3}, test acc \d\.\d{3}, '
                        r'time \d+\.\d sec$' % i, line)
    assert lines[1:] == [gb.training.epoch_line(record) for record in history]


def test_the_test_accuracy_is_that_of_the_trained_net():
    net = zero_net()
    history = train(net, batches(4), num_epochs=3)
    Z = X.reshape(10, -1).dot(net.weight.data().asnumpy().T) + net.bias.data().asnumpy()
    assert history[-1].test_acc == pytest.approx(np.mean(Z.argmax(1) == Y))


def step_of(call):
    """The weights after `call(net, trainer)` trained a net from zero."""
    net = zero_net()
    call(net, gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.5}))
    return net.weight.data().asnumpy()


def test_the_older_form_uses_its_loss(capsys):
    twice = gluon.loss.SoftmaxCrossEntropyLoss(weight=2)
    weights = step_of(lambda net, trainer: gb.train_ch5(
        net, batches(10), batches(10), twice, 10, trainer, mx.cpu(), 1))
    np.testing.assert_allclose(weights, 2 * first_step(10, 10), rtol=1e-4)
    assert 'loss 2.1972' in capsys.readouterr().out


def test_nine_arguments_are_a_type_error():
    with pytest.raises(TypeError, match=r'train_ch5\(\) takes 7 arguments, or 8 .* but got 9'):
        step_of(lambda net, trainer: gb.train_ch5(
            net, batches(10), batches(10), None, 10, trainer, mx.cpu(), 1, 1))


@pytest.mark.parametrize('ctx', [[mx.cpu(0), mx.cpu(1)], [mx.cpu(0)], mx.cpu(0)])
def test_train_shares_a_batch_among_the_devices(ctx, capsys):
    # In the book, chapter 8.4: the gradients of all devices' images, by the size of the batch.
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    net = zero_net(ctx)
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.5})
    history = gb.train(batches(10), batches(4), net, loss, trainer, ctx, 1)
    weights = net.weight.data(mx.cpu(0)).asnumpy()
    np.testing.assert_allclose(weights, first_step(10, 10), rtol=1e-4)
    Z = X.reshape(10, -1).dot(weights.T) + net.bias.data(mx.cpu(0)).asnumpy()
    assert history[0].test_acc == pytest.approx(np.mean(Z.argmax(1) == Y))
    assert capsys.readouterr().out.splitlines()[0] == 'training on %s' % (ctx,)


def rows(size, fill_up=False):
    """Ten images in batches of `size`: pairs, or NDArrayIter, whose last batch is filled up."""
    return mx.io.NDArrayIter(X, Y, size) if fill_up else batches(size)


@pytest.mark.parametrize('by_batch_size', [True, False])
def test_images_that_fill_up_the_last_batch_are_not_trained_on(by_batch_size):
    results = []
    for fill_up in (False, True):
        net = zero_net()
        trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.5})
        if by_batch_size:
            history = gb.train_ch5(net, rows(4, fill_up), rows(4, fill_up), 4, trainer, mx.cpu(), 2)
        else:
            history = gb.train(rows(4, fill_up), rows(4, fill_up), net,
                               gluon.loss.SoftmaxCrossEntropyLoss(), trainer, mx.cpu(), 2)
        results.append(([record[:4] for record in history], net.weight.data().asnumpy()))
    assert results[0][0] == results[1][0]
    assert (results[0][1] == results[1][1]).all()


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
        self.met.append((net, num_images))


def test_the_numbers_of_an_epoch_are_those_of_all_workers():
    alone, = train(zero_net(), batches(4))
    net, workers, state = zero_net(), Sixfold(), gb.training.TrainingState()
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.5})
    record, = gb.train_ch5(net, batches(4), batches(10), 10, trainer, mx.cpu(), 1, workers=workers,
                           state=state)
    assert record[1:4] == pytest.approx(alone[1:4]) and workers.met == [(net, 10)]
    assert state.rate * record.seconds >= 60


def test_a_worker_without_images_in_a_step_contributes_zeros():
    net = zero_net()
    train(net, batches(10) + [(None, None)])
    np.testing.assert_allclose(net.weight.data().asnumpy(), first_step(10, 10), rtol=1e-4)


SOFT = gluon.loss.SoftmaxCrossEntropyLoss(sparse_label=False)


@pytest.mark.parametrize('dtype', ['float32', 'int32'])
def test_one_hot_labels_train_as_the_classes_they_stand_for(dtype):
    (images, labels), = batches(10)
    one_hot = [(images, nd.one_hot(labels, 3, dtype=dtype))]
    weights = step_of(lambda net, trainer: gb.train(
        one_hot, one_hot, net, SOFT, trainer, mx.cpu(), 1))
    np.testing.assert_allclose(weights, first_step(10, 10), rtol=1e-4)


def test_mixed_labels_train_by_their_probabilities_and_are_judged_by_the_largest():
    mixed = [(nd.array(X), nd.array(0.7 * np.eye(3)[Y] + 0.3 * np.eye(3)[Y[::-1]]))]
    net = zero_net()
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.5})
    history = gb.train_ch5(net, mixed, batches(10), 10, trainer, mx.cpu(), 1, loss=SOFT)
    error = 0.7 * np.eye(3)[Y] + 0.3 * np.eye(3)[Y[::-1]] - 1 / 3
    np.testing.assert_allclose(net.weight.data().asnumpy(), 0.05 * error.T.dot(X.reshape(10, -1)),
                               rtol=1e-4, atol=1e-7)
    assert history[0].train_acc == np.mean(Y == 0)


@pytest.mark.parametrize('loss, labels, said', [
    (gluon.loss.SoftmaxCrossEntropyLoss(), np.eye(3)[Y], r'\(10, 3\) .*\(sparse_label=False\)'),
    (SOFT, Y, r'\(10,\) .*\(sparse_label=True\)')])
def test_a_loss_for_other_labels_is_refused_with_the_one_to_take(loss, labels, said):
    with pytest.raises(ValueError, match='for labels of shape ' + said):
        step_of(lambda net, trainer: gb.train(
            [(X, labels)], batches(10), net, loss, trainer, mx.cpu(), 1))


@pytest.mark.parametrize('reduce', [lambda losses: losses.mean(),
                                    lambda losses: losses.expand_dims(1)])
def test_a_loss_that_is_not_a_number_for_each_image_is_refused(reduce):
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    with pytest.raises(ValueError, match=r'the loss must have shape \(N,\), .* for 10 images'):
        step_of(lambda net, trainer: gb.train(
            batches(10), batches(10), net, lambda y_hat, y: reduce(loss(y_hat, y)), trainer,
            mx.cpu(), 1))


@pytest.mark.parametrize('train_iter, test_iter, said', [
    ([], batches(10), 'train_iter'), (batches(10), [(None, None)], 'test_iter')])
def test_no_data_is_an_error_that_says_so(train_iter, test_iter, said):
    with pytest.raises(ValueError, match=said + ' gave no image'):
        step_of(lambda net, trainer: gb.train_ch5(
            net, train_iter, test_iter, 10, trainer, mx.cpu(), 1))
