"""Which layers of a net are batch normalization, and what stands behind them."""
import pytest
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.training.norm_layers import norm_layers


def found(net):
    return [(layer.name, layer.activation) for layer in norm_layers(net)]


@pytest.mark.parametrize('name', ['lenet_bn', 'lenet_bn_gluon'])
def test_lenets_four_layers_stand_before_sigmoids_ours_and_gluons(name):
    assert found(gb.get_model(name)) == [(place, 'sigmoid') for place in ('1', '5', '9', '12')]


def test_a_residual_blocks_last_norm_is_added_to_so_no_activation_is_its_own():
    assert found(gb.get_model('resnet'))[:3] == [('1', 'relu'), ('4.bn1', 'relu'), ('4.bn2', '')]


def make(*behind):
    net = nn.HybridSequential()
    net.add(nn.Dense(3), nn.BatchNorm(), *behind)
    return net


@pytest.mark.parametrize('behind, activation', [
    ([nn.Activation('tanh')], 'tanh'),
    ([nn.Lambda('sigmoid')], ''),  # a Lambda takes no symbols
    ([nn.HybridLambda('relu')], 'relu'),
    ([nn.HybridLambda(lambda F, X: F.clip(X, 0, 6))], 'relu'),
    ([nn.HybridLambda(lambda F, X: F.clip(X, -1, 1))], ''),
    ([nn.HybridLambda(lambda F, X: F.relu(X) + F.sigmoid(X))], ''),
    ([nn.LeakyReLU(0.1)], ''), ([nn.Dense(2), nn.Activation('relu')], ''), ([], '')])
def test_the_activation_is_what_alone_is_made_of_the_output(behind, activation):
    net = nn.Sequential() if isinstance(behind and behind[0], nn.Lambda) else make()
    if isinstance(net, nn.HybridSequential):
        net.add(*behind)
    else:
        net.add(nn.Dense(3), nn.BatchNorm(), *behind)
    assert found(net) == [('1', activation)]


@pytest.mark.gluoncv
@pytest.mark.parametrize('name, count', [('cifar_resnet20_v1', 21), ('mobilenetv2_0.25', 52)])
def test_gluoncvs_nets_show_theirs(name, count):
    layers = found(gb.get_model('gluoncv:' + name))
    assert len(layers) == count and {activation for _, activation in layers} == {'', 'relu'}
