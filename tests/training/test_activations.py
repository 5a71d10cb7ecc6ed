"""Histograms of what comes into a batch normalization layer and what it gives."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, init, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.training.activations import histogram, norm_activations

X = nd.array(np.random.RandomState(2).rand(16, 1, 6, 6))


def make(norm, hybridize=True):
    mx.random.seed(3)
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, kernel_size=3), norm, nn.Activation('relu'), nn.Dense(3))
    net.initialize(init.Xavier())
    if hybridize:
        net.hybridize(static_alloc=True)
    with autograd.record():
        net(X).backward()  # the averages are no longer 0 and 1
    nd.waitall()
    return net


NORMS = [lambda: gb.BatchNorm(4, num_dims=4), nn.BatchNorm]


@pytest.mark.parametrize('make_norm', NORMS)
@pytest.mark.parametrize('hybridize', [True, False])
def test_they_are_of_the_input_and_of_the_formula_with_the_averages(make_norm, hybridize):
    net = make(make_norm(), hybridize)
    net[1].gamma.set_data(nd.array([1, -2, 3, 0.5]).reshape(net[1].gamma.shape))
    (found,) = norm_activations(net, X)
    before = net[0](X).asnumpy().astype('float64')
    gamma, beta, mean, var = [param.data().asnumpy().reshape(1, 4, 1, 1).astype('float64')
                              for param in net[1].collect_params().values()]
    after = gamma * (before - mean) / np.sqrt(var + 1e-5) + beta
    assert found.layer == '1'
    for values, part in ((before, found.before), (after, found.after)):
        ends = np.quantile(values, (0.001, 0.999))
        np.testing.assert_allclose(part.edges, np.linspace(*ends, 51), rtol=1e-4, atol=1e-4)
        expected, _ = np.histogram(np.clip(values, *ends), np.linspace(*ends, 51))
        assert part.counts.sum() == values.size
        assert abs(np.cumsum(part.counts) - np.cumsum(expected)).max() <= 3  # at the edges


@pytest.mark.parametrize('make_norm', NORMS)
def test_the_net_is_left_as_it_was(make_norm):
    net = make(make_norm())
    output, graph = net(X).asnumpy(), net._cached_op
    values = {name: param.data().asnumpy() for name, param in net.collect_params().items()}
    with autograd.record():  # a caller that trains
        norm_activations(net, X)
    assert net._active and net[1]._active and net._cached_op is graph
    assert not net[1]._forward_hooks
    for name, param in net.collect_params().items():
        np.testing.assert_array_equal(param.data().asnumpy(), values[name])
    np.testing.assert_array_equal(net(X).asnumpy(), output)


def test_a_layer_that_is_used_twice_stands_for_both_uses():
    net, layer = nn.HybridSequential(), nn.BatchNorm()
    net.add(layer, nn.HybridLambda(lambda F, X: X + 5), layer)
    net.initialize()
    (found,) = norm_activations(net, X)
    assert found.before.counts.sum() == 2 * X.size and found.before.edges[-1] > 5


def test_every_model_shows_all_of_its_layers(model_name):
    net = gb.get_model(model_name)
    net.initialize()
    side = gb.get_recipe(model_name).resize or 28
    found = norm_activations(net, nd.random.uniform(shape=(2, 1, side, side)))
    names = [name for name in net._collect_params_with_prefix() if name.endswith('gamma')]
    assert [part.layer + '.gamma' for part in found] == names


def test_the_farthest_values_are_counted_at_the_ends_and_what_is_no_number_nowhere():
    values = np.concatenate([np.arange(10000), [1e9, -1e9, np.inf, np.nan]]).astype('float32')
    edges, counts = histogram(values)
    assert counts.sum() == 10002 and -1 < edges[0] < 20 and 9980 < edges[-1] < 10000
