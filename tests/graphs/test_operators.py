"""Our operators replace the expected nodes of a net, and the results stay the same."""
import json

import mxnet as mx
import pytest
from mxnet import autograd
from mxnet.gluon import nn
from operator_nets import images, same_with_operators, small, step

import gluonblocks as gb
from gluonblocks.graphs import traced

pytestmark = pytest.mark.usefixtures('operators')


def ours(symbol):
    return [node['op'] for node in json.loads(symbol.tojson())['nodes']
            if node['op'].startswith('_gluonblocks')]


@pytest.fixture
def placed(monkeypatch):
    """The names of our operators in each training graph that is created, as a list of lists."""
    graphs = []

    def record(graph):
        if graph.operators:
            graphs.append([name.replace('_gluonblocks_', '') for name in ours(graph.symbol())
                           if name != '_gluonblocks_matrix'])  # tested in test_small_maps.py
        return graph
    monkeypatch.setattr(traced, 'TRAINING', [*traced.TRAINING, record])
    return graphs


@pytest.mark.parametrize('name', ['lenet_bn', 'lenet_bn_gluon'])
def test_lenet_trains_with_two_stages_and_two_norms(monkeypatch, placed, name):
    X = images(20, 1, 28, 28)
    same_with_operators(monkeypatch, lambda: gb.get_model(name), lambda net: step(net, X, 3), 2e-3)
    assert placed == [['stage', 'stage', 'norm', 'norm']]


@pytest.mark.parametrize('name', ['resnet', 'densenet'])
def test_norms_in_onednns_memory_layout_are_not_replaced(monkeypatch, placed, name):
    net = gb.get_model(name)
    net.initialize()
    net.hybridize()
    with autograd.record():
        net(images(1, 1, 32, 32)).wait_to_read()
    assert placed == [[]]


def test_exported_files_contain_none_of_our_operators(tmp_path):
    net = small()
    net.initialize()
    net.hybridize()
    step(net, images(4, 1, 8, 8))
    symbol, _ = net.export(str(tmp_path / 'net'))
    assert not ours(mx.sym.load(symbol)) and ours(net.graph_for((4, 1, 8, 8)))


def test_an_unrecorded_pass_in_training_mode_does_not_use_our_operators(placed):
    net = small()
    net.initialize()
    net.hybridize()
    with autograd.train_mode():
        net(images(4, 1, 8, 8)).wait_to_read()
    assert placed == []


@pytest.mark.parametrize('name', gb.list_models('book'))
@pytest.mark.parametrize('num_images', [1, 5, 40])
def test_models_predict_the_same_with_our_operators(monkeypatch, name, num_images):
    X = images(num_images, 1, 33, 34)

    def predict(net):
        net(X)
        for param in net.collect_params('.*(gamma|beta|mean|var)').values():
            param.set_data(abs(images(*param.shape)) + 0.1)
        return {'out': net(X)}
    same_with_operators(monkeypatch, lambda: gb.get_model(name), predict, 1e-5)


LAYERS = {
    'convolution without bias': lambda: [nn.Conv2D(5, 3, use_bias=False), nn.BatchNorm()],
    'tanh': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(), nn.Activation('tanh'), nn.MaxPool2D(2)],
    'average': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(), nn.Activation('relu'), nn.AvgPool2D(2)],
    'no activation': lambda: [nn.Conv2D(5, 3), gb.BatchNorm(5, num_dims=4), nn.MaxPool2D(2)],
    'stride': lambda: [nn.Conv2D(5, 3, strides=2), gb.BatchNorm(5, num_dims=4)],
    'pooling in another layout': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(),
                                          nn.MaxPool2D(2, layout='NHWC')],
    'padded pooling': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(), nn.MaxPool2D(3, 2, 1)],
    'full pooling': lambda: [nn.Conv2D(5, 2), nn.BatchNorm(), nn.MaxPool2D(2, ceil_mode=True)],
    'no scale': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(scale=False), nn.MaxPool2D(2)],
    'no shift': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(center=False), nn.MaxPool2D(2)],
    'averages used': lambda: [nn.Conv2D(5, 3), gb.BatchNorm(5, 4, use_global_stats=True)],
    'averages of nn.BatchNorm used': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(use_global_stats=True)],
    'another axis': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(axis=3)],
    'dilation': lambda: [nn.Conv2D(5, 3, dilation=2), gb.BatchNorm(5, num_dims=4)],
    'groups': lambda: [nn.Conv2D(6, 1), nn.Conv2D(6, 3, groups=3), gb.BatchNorm(6, num_dims=4)],
    'more padding than kernel': lambda: [nn.Conv2D(5, 3, padding=3), gb.BatchNorm(5, num_dims=4)],
    'global pooling': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(), nn.GlobalMaxPool2D()],
    'other settings': lambda: [nn.Conv2D(5, 3), gb.BatchNorm(5, 4, eps=0.1, momentum=0.5)],
    'dense': lambda: [nn.Dense(7), nn.BatchNorm(), nn.Activation('sigmoid'), nn.Dense(3)],
    'eights': lambda: [nn.Conv2D(8, 3), gb.BatchNorm(8, num_dims=4), nn.Activation('relu'),
                       nn.Conv2D(16, 1), gb.BatchNorm(16, num_dims=4), nn.Activation('relu'),
                       nn.MaxPool2D(2)]}


@pytest.mark.parametrize('kind', LAYERS)
def test_each_kind_of_layer_trains_the_same_with_our_operators(monkeypatch, placed, kind):
    X = images(18, 2, 13, 14)
    same_with_operators(monkeypatch, lambda: small(*LAYERS[kind]()),
                        lambda net: step(net, X, 2), 5e-4)
    assert placed[0][0] == 'stage'


class Custom(nn.HybridBlock):
    """A block with a convolution and two norms that returns `forward_(self, F, X)`."""

    def __init__(self, forward_):
        super().__init__()
        self.forward_, self.conv = forward_, nn.Conv2D(3, 3, padding=1)
        self.one, self.two = gb.BatchNorm(3, num_dims=4), gb.BatchNorm(3, num_dims=4)

    def hybrid_forward(self, F, X):
        return self.forward_(self, F, X)


def tapped(block, F, X):
    Y = block.one(block.conv(X))
    return F.Activation(Y, act_type='relu') + Y


@pytest.mark.parametrize('forward, stages', [
    (lambda block, F, X: F.relu(block.one(block.conv(X))) + X, 1),
    (lambda block, F, X: block.two(block.conv(F.relu(block.one(block.conv(X))))), 1),
    (tapped, 2)], ids=['input used again', 'shared weight', 'input of the activation used again'])
def test_nodes_with_other_users_are_not_replaced(monkeypatch, placed, forward, stages):
    X = images(7, 3, 8, 8)
    same_with_operators(monkeypatch, lambda: small(Custom(forward)), lambda net: step(net, X, 2),
                        1e-3)
    assert placed[0].count('stage') == stages


class Fixed(nn.HybridBlock):
    """MXNet's BatchNorm with its default settings, which replace gamma by 1."""

    def __init__(self):
        super().__init__()
        for name, value, request in [('gamma', 'zeros', 'write'), ('beta', 'zeros', 'write'),
                                     ('mean', 'zeros', 'null'), ('var', 'ones', 'null')]:
            setattr(self, name, self.params.get(name, shape=(3,), init=value, grad_req=request))

    def hybrid_forward(self, F, X, gamma, beta, mean, var):
        return F.BatchNorm(X, gamma, beta, mean, var)


def test_a_fixed_gamma_stays_fixed(monkeypatch, placed):
    X = images(7, 3, 8, 8)
    same_with_operators(monkeypatch, lambda: small(nn.Conv2D(3, 3, 1, 1), Fixed()),
              lambda net: step(net, X, 2), 1e-3)
    assert placed[0] == ['stage']


class Wide(nn.HybridBlock):
    """A block that normalizes in float64."""

    def __init__(self):
        super().__init__()
        self.bn = gb.BatchNorm(3, num_dims=4)
        self.bn.cast('float64')

    def hybrid_forward(self, F, X):
        return F.cast(self.bn(F.cast(X, 'float64')), 'float32') + X


def test_a_norm_of_another_dtype_within_the_net_is_not_replaced(monkeypatch, placed):
    X = images(7, 3, 8, 8)
    same_with_operators(monkeypatch, lambda: small(Wide()), lambda net: step(net, X, 2), 1e-3)
    assert placed == []


def test_a_net_of_another_dtype_uses_mxnets_operators(placed):
    net = small()
    net.initialize()
    net.cast('float64')
    net.hybridize()
    step(net, images(4, 1, 8, 8).astype('float64'))
    assert placed == []
