"""In training, averages of whole feature maps are computed without pooling."""
import json

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn
from operator_nets import images, same_with_operators, step

import gluonblocks as gb
from gluonblocks.graphs.net import Net

pytestmark = pytest.mark.usefixtures('operators')


def operations(pool, shape=(2, 3, 7, 7), training=True):
    net = Net()
    net.add(nn.Conv2D(16, 3, padding=1), pool)
    net.initialize()
    net.hybridize()
    net(nd.zeros(shape))
    graph = json.loads(net.graph_for(shape, training).tojson())
    return [node['op'] for node in graph['nodes'] if node['op'] in ('mean', 'Pooling')]


@pytest.mark.parametrize('pool', [nn.GlobalAvgPool2D(), nn.AvgPool2D(7)], ids=['global', '7x7'])
def test_pooling_over_whole_maps_is_a_mean(pool):
    assert operations(pool) == ['mean']


@pytest.mark.parametrize('pool', [
    nn.AvgPool2D(2), nn.AvgPool2D(7, padding=1), nn.AvgPool2D(6), nn.GlobalMaxPool2D(),
    nn.MaxPool2D(7)], ids=['2x2', 'padded', '6x6', 'maximum', '7x7 maximum'])
def test_other_pooling_is_kept(pool):
    assert operations(pool) == ['Pooling']


def test_pooling_with_channels_last_is_kept():
    assert operations(nn.GlobalAvgPool2D(layout='NHWC'), (2, 16, 1, 1)) == ['Pooling']


def test_prediction_keeps_pooling():
    assert operations(nn.GlobalAvgPool2D(), training=False) == ['Pooling']


def test_a_net_trains_the_same_with_a_mean(monkeypatch):
    def make():
        net = Net()
        net.add(nn.Conv2D(16, 3, padding=1), gb.Residual(16), nn.GlobalAvgPool2D(), nn.Dense(3))
        return net
    same_with_operators(monkeypatch, make, lambda net: step(net, images(9, 1, 6, 6), 3), 1e-3)


def test_the_mean_is_exact_to_float32():
    net = Net()
    net.add(nn.Conv2D(8, 1, use_bias=False), nn.GlobalAvgPool2D())
    net.initialize(mx.init.One())
    net.hybridize()
    X = images(4, 1, 40, 50)
    expected = X.asnumpy().astype('float64').mean((1, 2, 3))
    found = step(net, X)['out'].asnumpy()[:, 0, 0, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


class BatchInMaps(mx.gluon.HybridBlock):
    def hybrid_forward(self, F, X):
        return F.transpose(X, axes=(2, 1, 0, 3))


def test_the_graph_of_a_batch_that_is_moved_into_the_maps_depends_on_its_size():
    net = Net()
    net.add(BatchInMaps(), nn.AvgPool2D((4, 7)))
    net.initialize()
    net.hybridize()
    for n in (4, 6):  # the window covers all of 4 images, but only the first 4 of 6
        X = images(n, 2, 6, 7)
        expected = X.asnumpy()[:4].astype('float64').mean((0, 3)).T
        with autograd.record():
            Y = net(X)
        np.testing.assert_allclose(Y.asnumpy()[:, :, 0, 0], expected, 1e-5)
