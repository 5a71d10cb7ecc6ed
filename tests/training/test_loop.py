"""The loop against closed forms, and the lines it prints."""
import re

import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, init, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.training.metrics import RunningSum

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


def test_the_loss_is_the_mean_over_images_not_over_batches():
    net = zero_net()
    history = train(net, batches(4), lr=1e-12)  # batches of 4, 4 and 2
    assert history[0].loss == pytest.approx(np.log(3), rel=1e-5)


def test_the_test_accuracy_is_that_of_the_trained_net():
    net = zero_net()
    history = train(net, batches(4), num_epochs=3)
    Z = X.reshape(10, -1).dot(net.weight.data().asnumpy().T) + net.bias.data().asnumpy()
    assert history[-1].test_acc == pytest.approx(np.mean(Z.argmax(1) == Y))


def test_no_number_is_read_until_the_epoch_ends(monkeypatch):
    reads = []
    asnumpy = nd.NDArray.asnumpy
    monkeypatch.setattr(nd.NDArray, 'asnumpy', lambda self: reads.append(1) or asnumpy(self))
    seen = []

    class Watched(list):
        def __iter__(self):
            for batch in list.__iter__(self):
                yield batch
                seen.append(len(reads))

    net = zero_net()
    net(nd.array(X))
    reads.clear()
    train(net, Watched(batches(2)))
    assert seen == [0] * 5 and reads


@pytest.mark.parametrize('ctx', [mx.cpu(), [mx.cpu()], [mx.cpu(0), mx.cpu(1)]])
def test_accuracy_is_the_share_of_hits_on_one_device_or_several(ctx):
    net = zero_net(ctx)
    net(nd.array(X, ctx=ctx[0] if isinstance(ctx, list) else ctx))
    net.bias.set_data(nd.array([0, 1, 0]))  # always class 1
    assert gb.evaluate_accuracy(batches(4), net, ctx) == np.mean(Y == 1)


def test_no_data_is_an_error_that_says_so():
    with pytest.raises(ValueError, match='train_iter gave no batch'):
        train(zero_net(), [])
    with pytest.raises(ValueError, match='data_iter gave no batch'):
        gb.evaluate_accuracy([], zero_net())


def test_try_gpu_is_the_first_of_all():
    assert gb.try_gpu() == gb.try_all_gpus()[0]


@pytest.mark.parametrize('name, ctx', [('cpu', mx.cpu(0)), ('cpu:1', mx.cpu(1))])
def test_a_device_is_found_by_its_name(name, ctx):
    assert gb.devices.get_ctx(name) == ctx


@pytest.mark.parametrize('name', ['', 'tpu', 'gpu:', 'gpu:a', 'cpu:-1', 'gpu:0 '])
def test_a_name_of_no_device_is_refused(name):
    with pytest.raises(ValueError, match='no device .* cpu, gpu, or gpu:1'):
        gb.devices.get_ctx(name)


def test_a_gpu_that_is_not_there_is_refused_with_what_is_missing():
    with pytest.raises(ValueError, match=r'gpu\(99\) cannot be used: .*(built without CUDA|finds)'):
        gb.devices.get_ctx('gpu:99')


def test_several_devices_are_a_list():
    assert gb.devices.get_ctx('cpu:0,2') == [mx.cpu(0), mx.cpu(2)]


def test_a_device_named_twice_is_refused():
    with pytest.raises(ValueError, match="'cpu:1,1' names a device twice"):
        gb.devices.get_ctx('cpu:1,1')


def step_of(call):
    """The weights after `call(net, trainer)` trained a net from zero."""
    net = zero_net()
    call(net, gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.5}))
    return net.weight.data().asnumpy()


def test_the_older_form_has_the_loss_as_fourth_of_eight(capsys):
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    weights = step_of(lambda net, trainer: gb.train_ch5(
        net, batches(10), batches(10), loss, 256, trainer, mx.cpu(), 1))
    np.testing.assert_allclose(weights, first_step(10, 256), rtol=1e-4)
    assert 'loss 1.0986' in capsys.readouterr().out


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


def test_train_steps_by_the_size_of_each_batch():
    net = zero_net()
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.5})
    gb.train(batches(10)[:1], batches(10), net, gluon.loss.SoftmaxCrossEntropyLoss(), trainer,
             mx.cpu(), 1)
    np.testing.assert_allclose(net.weight.data().asnumpy(), first_step(10, 10), rtol=1e-4)


def test_a_sum_that_goes_on_counts_the_batches_before_it():
    losses = RunningSum(total=7.0, num_batches=3)
    for number in (1.0, np.inf, np.nan):
        losses.add([nd.array([number, 1.0])])
    losses.read()
    assert losses.first_bad == 5 and not np.isfinite(losses.total)


def test_a_sum_waits_for_the_batch_that_is_two_back():
    class Number:
        def wait_to_read(self):
            waited.append(self)

    waited, numbers, losses = [], [Number() for _ in range(4)], RunningSum()
    for number in numbers:
        losses.add([number])
        losses.wait()
    assert waited == numbers[:2]
