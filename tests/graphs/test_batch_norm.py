"""The graphs of batch norm against its definition; and within nets: the mode, the averages."""
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn
from reference import LAYER_WAYS, close, example, net_with
from reference import bn_block as block

import gluonblocks as gb
from gluonblocks.graphs.batch_norm import _normalize_batch


def run(shape, hybridize, training, offset):
    """Y, the gradients of X, gamma and beta, and both averages, after two steps."""
    X, gamma, beta, dY = [nd.array(a) for a in example(shape, offset)]
    layer = block(shape, gamma.asnumpy(), beta.asnumpy())
    layer.moving_mean.set_data(0.3 + gamma)
    layer.moving_var.set_data(2 * gamma)
    layer.hybridize(hybridize)
    X.attach_grad()
    for _ in range(2):
        with autograd.record(train_mode=training):
            Y = layer(X)
        Y.backward(dY, train_mode=training)
    return {'Y': Y, 'dX': X.grad, 'dgamma': layer.gamma.grad(), 'dbeta': layer.beta.grad(),
            'mean': layer.moving_mean.data(), 'var': layer.moving_var.data()}


@pytest.mark.parametrize('offset', [0, 30])
@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('shape', [(8, 5), (64, 120), (4, 3, 6, 6), (32, 6, 24, 24), (5, 2, 3, 1)])
def test_each_way_gives_what_the_definition_gives(monkeypatch, shape, hybridize, training, offset):
    monkeypatch.setenv('GLUONBLOCKS_WAY', 'formula')
    defined = run(shape, False, training, offset)
    for way in LAYER_WAYS:
        monkeypatch.setenv('GLUONBLOCKS_WAY', way)
        for name, value in run(shape, hybridize, training, offset).items():
            close(value, defined[name].asnumpy(), 1e-4)


@pytest.fixture(params=LAYER_WAYS)
def way(request, monkeypatch):
    monkeypatch.setenv('GLUONBLOCKS_WAY', request.param)


def test_the_blocks_kept_for_calls_on_arrays_are_bounded():
    assert _normalize_batch.cache_info().maxsize <= 64



@pytest.mark.parametrize('first', ['training', 'predicting'])
@pytest.mark.usefixtures('way')
def test_hybridized_net_does_not_freeze_the_mode_of_its_first_call(first):
    # apache/mxnet#16926
    X = nd.array(example((16, 3, 6, 6), offset=5)[0])
    plain, traced = block(X.shape), block(X.shape)
    nets = [net_with(plain, hybridize=False), net_with(traced)]
    for training in [first == 'training', first != 'training'] * 2:
        outputs = []
        for net in nets:
            with autograd.train_mode() if training else autograd.predict_mode():
                outputs.append(net(X))
        close(outputs[1], outputs[0].asnumpy(), 1e-5)
        np.testing.assert_allclose(traced.moving_var.data().asnumpy(),
                                   plain.moving_var.data().asnumpy(), rtol=1e-6)


@pytest.mark.usefixtures('way')
def test_averages_move_in_the_forward_pass_and_not_in_prediction_when_hybridized():
    X = nd.array(example((16, 3, 6, 6), offset=5)[0])
    layer = block(X.shape)
    net = net_with(layer)
    with autograd.record():
        net(X)  # no backward
    mean = layer.moving_mean.data().asnumpy()
    close(mean, 0.1 * X.asnumpy().mean((0, 2, 3), keepdims=True))
    net(X).wait_to_read()
    assert (layer.moving_mean.data().asnumpy() == mean).all()


@pytest.mark.usefixtures('way')
def test_a_hybridized_prediction_does_not_depend_on_the_rest_of_the_batch():
    X = nd.array(example((4, 3, 6, 6))[0])
    net = net_with(block(X.shape))
    with autograd.train_mode():
        net(X)
    alone = net(X[:1]).asnumpy()
    X[1:] = np.inf
    assert (net(X)[:1].asnumpy() == alone).all()


class Twice(nn.HybridBlock):
    """One layer, used two times over."""

    def __init__(self):
        super().__init__()
        self.bn = gb.BatchNorm(3, num_dims=2)

    def hybrid_forward(self, F, X):
        return self.bn(self.bn(X) + 2)


@pytest.mark.usefixtures('way')
def test_a_layer_that_is_used_twice_moves_its_averages_twice():
    X = example((16, 3), offset=1)[0]
    first, second = 0.1 * X.mean(0), 0.1 * 2  # the second input has mean 2: beta 0, plus 2
    for hybridize in (False, True):
        net = Twice()
        net.initialize()
        net.hybridize(hybridize)
        with autograd.record():
            net(nd.array(X))
        close(net.bn.moving_mean.data()[0], 0.9 * first + second, 1e-5)
