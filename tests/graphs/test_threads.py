"""Several threads use one hybridized net at once."""
import threading

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd

import gluonblocks as gb

THREADS = 8
SECONDS = 60  # a thread that takes longer is considered to hang


def lenet():
    net = gb.get_model('lenet_bn')
    net.initialize(mx.init.Xavier())
    net(nd.zeros((1, 1, 28, 28)))
    for param in net.collect_params('.*moving_var').values():
        param.set_data(nd.ones(param.shape))
    return net


def images(n):
    return nd.array(np.random.RandomState(n).rand(n, 1, 28, 28))


def run_together(*functions):
    """Run each function in a thread of its own; fail if one hangs or raises."""
    errors = []

    def guarded(function):
        try:
            function()
        except Exception as error:
            errors.append(error)
    threads = [threading.Thread(target=guarded, args=(each,), daemon=True) for each in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert not errors and not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize('value', ['0', '1'])
@pytest.mark.parametrize('warm', [False, True])
def test_threads_that_predict_at_once_get_their_own_results(monkeypatch, value, warm):
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', value)
    net = lenet()
    expected = [net(images(n + 1)).asnumpy() for n in range(THREADS)]
    net.hybridize(static_alloc=True)
    if warm:
        net(images(1)).wait_to_read()
    answers = [[] for _ in range(THREADS)]

    def predict(n):
        for _ in range(10):
            answers[n].append(net(images(n + 1)).asnumpy())
    run_together(*[lambda n=n: predict(n) for n in range(THREADS)])
    for got, want in zip(answers, expected):
        for answer in got:
            np.testing.assert_allclose(answer, want, rtol=1e-4, atol=1e-5)


def test_training_is_not_affected_by_threads_that_predict_with_the_net():
    X, y, done = images(32), nd.arange(32) % 10, threading.Event()
    losses = []

    def train(net, out):
        loss = gluon.loss.SoftmaxCrossEntropyLoss()
        trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.1})
        for _ in range(8):
            with autograd.record():
                ls = loss(net(X), y)
            ls.backward()
            trainer.step(32)
            out.append(ls.mean().asscalar())
        done.set()

    def predict(net, n):
        while not done.is_set():
            assert np.isfinite(net(images(n)).asnumpy()).all()
    for others in (0, THREADS):
        mx.random.seed(1)
        net, out = lenet(), []
        net.hybridize(static_alloc=True)
        done.clear()
        run_together(lambda net=net, out=out: train(net, out),
                     *[lambda n=n, net=net: predict(net, n + 1)
                       for n in range(others)])
        losses.append(out)
    assert len(losses[1]) == 8
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
