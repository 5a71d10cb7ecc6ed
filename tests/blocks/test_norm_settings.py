"""The settings of a BatchNorm: `eps`, `momentum` and `use_global_stats`."""
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn
from reference import close, example, net_with

import gluonblocks as gb
from gluonblocks.graphs.net import Net

SHAPES = [(16, 5), (8, 3, 6, 6)]


def layer_for(shape, **settings):
    layer = gb.BatchNorm(shape[1], len(shape), **settings)
    layer.initialize()
    return layer


def train_on(net, X):
    with autograd.record():
        Y = net(X)
    Y.backward()
    return Y


def test_the_books_two_arguments_come_first_and_its_numbers_are_the_defaults():
    layer = gb.BatchNorm(4, 2, 1e-3, 0.8, True)
    assert (layer.eps, layer.momentum, layer.use_global_stats) == (1e-3, 0.8, True)
    layer = gb.BatchNorm(4, 2, prefix='bn_')
    assert (layer.eps, layer.momentum, layer.use_global_stats) == (1e-5, 0.9, False)
    assert layer.gamma.name == 'bn_gamma' and layer.moving_var.name == 'bn_moving_var'


@pytest.mark.parametrize('hybridize', [False, True])
def test_eps_and_momentum_enter_the_formula(hybridize):
    X = example((16, 5), offset=3)[0]
    layer = layer_for(X.shape, eps=0.5, momentum=0.25)
    layer.hybridize(hybridize)
    Y = train_on(layer, nd.array(X))
    mean, var = X.astype('float64').mean(0), X.astype('float64').var(0)
    close(Y, (X - mean) / np.sqrt(var + 0.5))
    close(layer.moving_mean.data()[0], 0.75 * mean)
    close(layer.moving_var.data()[0], 0.75 * var)


@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('shape', SHAPES)
def test_global_statistics_are_gluons_in_output_and_gradients(shape, hybridize):
    X, gamma, beta, dY = [nd.array(a) for a in example(shape, offset=2)]
    ours, gluons = layer_for(shape, use_global_stats=True), nn.BatchNorm(use_global_stats=True)
    gluons.initialize()
    gluons(X)
    results, old = [], []
    for layer, mean, var in ((ours, ours.moving_mean, ours.moving_var),
                             (gluons, gluons.running_mean, gluons.running_var)):
        for param, value in ((layer.gamma, gamma), (layer.beta, beta), (mean, 0.5 * beta),
                             (var, 3 * gamma)):
            param.set_data(value.reshape(param.shape))
        layer.hybridize(hybridize)
        x = X.copy()
        x.attach_grad()
        with autograd.record():
            Y = layer(x)
        Y.backward(dY)
        results.append([Y, x.grad, layer.gamma.grad(), layer.beta.grad(), mean.data(), var.data()])
        old.append([(0.5 * beta).asnumpy().ravel(), (3 * gamma).asnumpy().ravel()])
    for got, want in zip(*results):
        close(got.reshape((-1,)), want.asnumpy().ravel())
    for got, want in zip(results[0][-2:], old[0]):
        assert (got.asnumpy().ravel() == want).all()


def in_ours(layer):
    net = Net()
    net.add(layer, nn.Activation('relu'))
    return net


KINDS = {'alone': lambda layer: layer, 'in ours': in_ours, "in a stranger's": net_with}


@pytest.mark.parametrize('kind', KINDS)
def test_changed_settings_count_once_the_net_is_hybridized_again(kind):
    X = nd.full((4, 3), 2)
    layer = layer_for(X.shape)
    net = KINDS[kind](layer)

    def mean_after(**settings):
        for name, value in settings.items():
            setattr(layer, name, value)
        net.hybridize(static_alloc=True)
        train_on(net, X)
        nd.waitall()  # MXNet 1.7 may read a static array before the operator has written it
        return layer.moving_mean.data()[0, 0].asscalar()
    assert mean_after() == pytest.approx(0.2)
    assert mean_after(use_global_stats=True) == pytest.approx(0.2)
    assert mean_after(use_global_stats=False, momentum=0.5) == pytest.approx(0.1 + 1)
    layer.moving_mean.set_data(nd.zeros((1, 3)))
    layer.moving_var.set_data(nd.zeros((1, 3)))
    for eps in (0.25, 1.0):
        layer.eps = eps
        net.hybridize()
        close(net(X), np.full(X.shape, 2 / np.sqrt(eps)), 1e-6)


@pytest.mark.parametrize('name, value, message', [
    ('eps', -1, 'eps must be a number from 0 to inf, got -1'),
    ('eps', '1e-5', "eps must be .*got '1e-5'"),
    ('eps', float('nan'), 'eps must be .*got nan'), ('eps', np.inf, 'eps must be .*got inf'),
    ('momentum', 1.5, 'momentum must be a number from 0 to 1, got 1.5'),
    ('momentum', True, 'momentum must be .*got True')])
def test_settings_that_make_no_layer_are_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        gb.BatchNorm(3, num_dims=2, **{name: value})
    layer = gb.BatchNorm(3, num_dims=2)
    with pytest.raises(ValueError, match=message):
        setattr(layer, name, value)


def test_layers_that_share_parameters_share_the_averages():
    layer = layer_for((4, 3))
    other = gb.BatchNorm(3, num_dims=2, params=layer.params)
    train_on(other, nd.full((4, 3), 2))
    assert other.moving_mean is layer.moving_mean
    close(layer.moving_mean.data(), np.full((1, 3), 0.2), 1e-6)


@pytest.mark.gluoncv
@pytest.mark.parametrize('hybridize', [False, True])
def test_gluoncvs_freeze_bn_freezes_it_and_frees_it(hybridize):
    gluoncv = pytest.importorskip('gluoncv.utils')
    X = nd.full((4, 3), 2)
    layer = layer_for(X.shape)
    net = net_with(layer)
    for frozen, mean in ((False, 0.2), (True, 0.2), (False, 0.38)):
        gluoncv.freeze_bn(net, use_global_stats=frozen)
        net.hybridize(hybridize)  # as for nn.BatchNorm
        train_on(net, X)
        close(layer.moving_mean.data(), np.full((1, 3), mean), 1e-6)
