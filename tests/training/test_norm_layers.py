"""Which layers are batch norms, which layers follow them, and the values that pass through."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, init, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.training.norm_layers import histogram, norm_activations, norm_layers

X = nd.array(np.random.RandomState(2).rand(16, 1, 6, 6))


def found(net):
    return [(layer.name, layer.activation) for layer in norm_layers(net)]


@pytest.mark.parametrize('name', ['lenet_bn', 'lenet_bn_gluon'])
def test_lenets_four_layers_stand_before_sigmoids_ours_and_gluons(name):
    assert found(gb.get_model(name)) == [(place, 'sigmoid') for place in ('1', '5', '9', '12')]


def test_a_residual_blocks_last_norm_is_added_to_so_no_activation_is_its_own():
    assert found(gb.get_model('resnet'))[:3] == [('1', 'relu'), ('4.bn1', 'relu'), ('4.bn2', '')]


@pytest.mark.parametrize('behind, activation', [
    ([nn.Activation('tanh')], 'tanh'),
    ([nn.Lambda('sigmoid')], ''),  # a Lambda takes no symbols
    ([nn.HybridLambda('relu')], 'relu'),
    ([nn.HybridLambda(lambda F, X: F.clip(X, 0, 6))], 'relu'),
    ([nn.HybridLambda(lambda F, X: F.clip(X, -1, 1))], ''),
    ([nn.HybridLambda(lambda F, X: F.relu(X) + F.sigmoid(X))], ''),
    ([nn.LeakyReLU(0.1)], ''), ([nn.Dense(2), nn.Activation('relu')], ''), ([], '')])
def test_the_activation_is_what_alone_is_made_of_the_output(behind, activation):
    net = nn.Sequential()
    net.add(nn.Dense(3), nn.BatchNorm(), *behind)
    assert found(net) == [('1', activation)]


@pytest.mark.gluoncv
@pytest.mark.parametrize('name, count', [('cifar_resnet20_v1', 21), ('mobilenetv2_0.25', 52)])
def test_gluoncvs_nets_show_theirs(name, count):
    layers = found(gb.get_model('gluoncv:' + name))
    assert len(layers) == count and {activation for _, activation in layers} == {'', 'relu'}


@pytest.mark.parametrize('make_norm', [lambda: gb.BatchNorm(4, num_dims=4), nn.BatchNorm])
@pytest.mark.parametrize('hybridize', [True, False])
def test_activations_are_the_input_and_the_formula_with_the_averages_and_leave_the_net_as_it_was(
        make_norm, hybridize):
    mx.random.seed(3)
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, kernel_size=3), make_norm(), nn.Activation('relu'), nn.Dense(3))
    net.initialize(init.Xavier())
    net.hybridize(hybridize, static_alloc=hybridize)
    with autograd.record():
        net(X).backward()  # the averages are no longer 0 and 1
    net[1].gamma.set_data(nd.array([1, -2, 3, 0.5]).reshape(net[1].gamma.shape))
    output, graph = net(X).asnumpy(), net._cached_op
    with autograd.record():  # a caller that trains
        (layer,) = norm_activations(net, X)
    assert (net._active, net[1]._active) == (hybridize, hybridize) and net._cached_op is graph
    assert not net[1]._forward_hooks and (net(X).asnumpy() == output).all()
    before = net[0](X).asnumpy().astype('float64')
    gamma, beta, mean, var = [param.data().asnumpy().reshape(1, 4, 1, 1).astype('float64')
                              for param in net[1].collect_params().values()]
    after = gamma * (before - mean) / np.sqrt(var + 1e-5) + beta
    assert layer.layer == '1'
    for values, part in ((before, layer.before), (after, layer.after)):
        ends = np.quantile(values, (0.001, 0.999))
        np.testing.assert_allclose(part.edges, np.linspace(*ends, 51), rtol=1e-4, atol=1e-4)
        expected, _ = np.histogram(np.clip(values, *ends), np.linspace(*ends, 51))
        assert part.counts.sum() == values.size
        assert abs(np.cumsum(part.counts) - np.cumsum(expected)).max() <= 3  # at the edges


def test_a_layer_that_is_used_twice_stands_for_both_uses():
    net, layer = nn.HybridSequential(), nn.BatchNorm()
    net.add(layer, nn.HybridLambda(lambda F, X: X + 5), layer)
    net.initialize()
    (found,) = norm_activations(net, X)
    assert found.before.counts.sum() == 2 * X.size and found.before.edges[-1] > 5


def test_every_model_shows_all_of_its_layers(model_name):
    net = gb.get_model(model_name)
    net.initialize()
    side = 32 if gb.get_recipe(model_name).resize else 28
    found = norm_activations(net, nd.random.uniform(shape=(2, 1, side, side)))
    names = [name for name in net._collect_params_with_prefix() if name.endswith('gamma')]
    assert [part.layer + '.gamma' for part in found] == names


def test_the_farthest_values_are_counted_at_the_ends_and_what_is_no_number_nowhere():
    edges, counts = histogram([np.arange(10000, dtype='float32'),
                               np.array([1e9, -1e9, np.inf, np.nan], 'float32')])
    assert counts.sum() == 10002 and -1 < edges[0] < 20 and 9980 < edges[-1] < 10000
