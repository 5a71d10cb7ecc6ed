"""In prediction, a batch norm of images and the ReLU after it run as one operator."""
import json

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import nn
from operator_nets import images

import gluonblocks as gb
from gluonblocks.graphs import traced
from gluonblocks.graphs.net import Net
from gluonblocks.graphs.passes import fuse_relus

FUSED = '_contrib_BatchNormWithReLU'
pytestmark = [pytest.mark.usefixtures('operators'), pytest.mark.skipif(
    not hasattr(mx.sym.contrib, 'BatchNormWithReLU'), reason='MXNet 1.8 added the operator')]


def make(*layers):
    mx.random.seed(1)
    net = Net()
    net.add(nn.Conv2D(16, 3, padding=1), *layers)
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True)
    net(images(2, 1, 6, 6))
    return net


def operations(net, shape=(2, 1, 6, 6), training=False):
    graph = json.loads(net.graph_for(shape, training).tojson())
    return [node['op'] for node in graph['nodes']]


def test_all_norms_of_densenet_include_their_relu():
    net = gb.get_model('densenet')
    net.initialize()
    found = operations(net, (4, 1, 96, 96))
    assert FUSED in found
    assert 'Activation' not in found


@pytest.mark.parametrize('size', [(5, 1, 6, 6), (1, 1, 3, 3), (40, 1, 2, 2)])
def test_predictions_have_the_same_bits_as_with_two_operators(monkeypatch, size):
    X, results = images(*size), []
    for passes in (traced.PREDICTION, [each for each in traced.PREDICTION
                                       if each is not fuse_relus]):
        monkeypatch.setattr(traced, 'PREDICTION', passes)
        net = make(gb.BatchNorm(16, num_dims=4), nn.Activation('relu'), gb.DenseBlock(2, 16),
                   nn.BatchNorm(), nn.Activation('relu'), nn.GlobalAvgPool2D(), nn.Dense(3))
        assert (FUSED in operations(net)) == (fuse_relus in passes)
        results.append(net(X).asnumpy())
    np.testing.assert_array_equal(*results)


def test_training_keeps_two_operators():
    net = make(nn.BatchNorm(), nn.Activation('relu'))
    assert FUSED in operations(net)
    assert FUSED not in operations(net, training=True)


def test_a_sigmoid_is_not_fused():
    assert FUSED not in operations(make(nn.BatchNorm(), nn.Activation('sigmoid')))


def test_a_norm_of_sequences_is_not_fused():
    net = Net()
    net.add(nn.Conv1D(16, 3), nn.BatchNorm(), nn.Activation('relu'))
    net.initialize()
    net.hybridize()
    assert net(images(2, 1, 6)).asnumpy().shape == (2, 16, 4)


@pytest.mark.parametrize('value', ['0', 'false', 'False'])
def test_without_onednn_nothing_is_fused(monkeypatch, value):
    monkeypatch.setenv('MXNET_MKLDNN_ENABLED', value)
    assert FUSED not in operations(make(nn.BatchNorm(), nn.Activation('relu')))
