"""Convolutions on maps of a few pixels are computed as matrix products."""
import json

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import nn
from operator_nets import images, same_with_operators, step
from reference import close
from single_operators import matrix_graphs, run, run_in_float64, values

import gluonblocks as gb
from gluonblocks.graphs.graph import Graph
from gluonblocks.graphs.net import Net
from gluonblocks.graphs.passes import MANY_IMAGES, multiply_small_maps

# The map, kernel, pad and stride of convolutions whose output pixels all use all input pixels.
FULL = [((2, 2), (3, 3), (1, 1), (1, 1)), ((1, 1), (3, 3), (1, 1), (1, 1)),
        ((2, 2), (3, 3), (1, 1), (2, 2)), ((3, 3), (5, 5), (2, 2), (1, 1)),
        ((1, 3), (2, 5), (1, 2), (2, 1)), ((2, 1), (3, 1), (1, 0), (1, 1)),
        ((3, 3), (3, 3), (0, 0), (1, 1))]


@pytest.mark.usefixtures('operators')
@pytest.mark.parametrize('map_, kernel, pad, stride', FULL)
@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('images', [1, 17, 300])
def test_the_product_matches_the_convolution(map_, kernel, pad, stride, bias, images):
    rng = np.random.RandomState(3)
    plain, ours, shapes = matrix_graphs((images, 5) + map_, 7, kernel, pad, stride, bias)
    arrays = values(shapes, rng)
    dY = rng.randn(*plain.infer_shape(x=shapes['x'])[1][0]).astype('float32')
    got = run(ours, arrays, dY)
    for name, expected in run_in_float64(plain, arrays, dY).items():
        close(got[name], expected, 2e-5)


def replaced(shape=(4, 3, 2, 2), requests=(('w', 'write'),), **attrs):
    attrs = dict(dict(kernel=(3, 3), pad=(1, 1), num_filter=6, no_bias=True), **attrs)
    return is_multiplied(mx.sym.Convolution(mx.sym.var('x'), mx.sym.var('w'), **attrs), shape,
                         requests)


def is_multiplied(symbol, shape, requests=(('w', 'write'),)):
    graph = Graph(symbol, training=True, operators=True, requests=requests, x=shape)
    return '_gluonblocks_matrix' in [node.op for node in multiply_small_maps(graph).nodes]


def test_a_convolution_on_a_2x2_map_is_replaced():
    assert replaced()


@pytest.mark.parametrize('case', [
    {'shape': (4, 3, 4, 4)}, {'shape': (4, 3, 3, 2)},
    {'shape': (4, 3, 3, 3), 'kernel': (2, 2), 'pad': (0, 0), 'stride': (2, 2)},
    {'shape': (4, 3, 5, 5), 'kernel': (9, 9), 'pad': (4, 4)},  # 25 * 25 weights for 9 * 9 taps
    {'stride': (1, 3), 'pad': (1, 2)},
    {'kernel': (1, 1), 'pad': (0, 0), 'shape': (4, 3, 1, 1)}, {'num_group': 3},
    {'kernel': (3,), 'pad': (1,), 'shape': (4, 3, 2)},
    {'dilate': (2, 2), 'shape': (4, 3, 3, 3)},
    {'requests': [('w', 'add')]}, {'requests': [('w', 'null')]}, {'requests': []},
    {'layout': 'NHWC'}], ids=str)
def test_other_convolutions_are_not_replaced(case):
    assert not replaced(**case)


@pytest.mark.parametrize('training', [True, False])
def test_a_convolution_of_images_of_unknown_shape_is_kept(training):
    conv = mx.sym.Convolution(mx.sym.var('x'), kernel=(3, 3), num_filter=6)
    assert len(multiply_small_maps(Graph(conv, training, True)).nodes) == 4


def test_convolutions_that_share_a_weight_are_not_replaced():
    x, w = mx.sym.var('x'), mx.sym.var('w')
    for _ in range(2):
        x = mx.sym.Convolution(x, w, kernel=(3, 3), pad=(1, 1), num_filter=3, no_bias=True)
    assert not is_multiplied(x, (4, 3, 2, 2))


def kinds(symbol):
    return [node['op'] for node in json.loads(symbol.tojson())['nodes']]


@pytest.mark.usefixtures('operators')
def test_the_last_eleven_convolutions_of_resnet_are_replaced():
    net = gb.get_model('resnet')
    net.initialize()
    symbol, graph = net(mx.sym.var('data')), net.graph_for((8, 1, 28, 28))
    # Five on 2x2 pixels, one from 2x2 to 1x1, and five on 1x1.
    assert kinds(graph).count('_gluonblocks_matrix') == 11
    assert kinds(symbol).count('Convolution') - kinds(graph).count('Convolution') == 11


@pytest.mark.usefixtures('operators')
def test_only_predictions_of_many_images_use_matrix_products():
    net = gb.get_model('resnet')
    net.initialize()
    few, many = [kinds(net.graph_for((n, 1, 28, 28), training=False)).count('_gluonblocks_matrix')
                 for n in (MANY_IMAGES - 1, MANY_IMAGES)]
    assert (few, many) == (0, 11)


@pytest.mark.usefixtures('operators')
def test_a_frozen_net_predicts_the_same_for_few_and_for_many_images():
    net = Net()
    net.add(nn.Conv2D(6, 3, padding=1), nn.Conv2D(5, 3, padding=1, strides=2))
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True)
    X = images(2 * MANY_IMAGES - 2, 3, 2, 2)
    net.collect_params().setattr('grad_req', 'null')
    halves = X[:MANY_IMAGES - 1], X[MANY_IMAGES - 1:]
    expected = np.concatenate([net(half).asnumpy() for half in halves])
    close(net(X).asnumpy(), expected, 1e-5)
    assert '_gluonblocks_matrix' in kinds(net.graph_for(X.shape, training=False))
    assert len(net._traced.graphs) == 2


@pytest.mark.usefixtures('operators')
def test_a_net_trains_the_same_with_matrix_products(monkeypatch):
    def make():
        net = Net()
        net.add(nn.Conv2D(4, 3, padding=1), nn.Activation('relu'), nn.MaxPool2D(3),
                gb.Residual(4), gb.Residual(8, use_1x1conv=True, strides=2), nn.GlobalAvgPool2D())
        return net
    same_with_operators(monkeypatch, make, lambda net: step(net, images(9, 1, 6, 6), 3), 1e-3)


@pytest.mark.usefixtures('operators')
@pytest.mark.parametrize('move, shape', [
    (lambda F, X: F.transpose(X, axes=(2, 1, 0, 3)), (3, 40, 2)),
    (lambda F, X: F.expand_dims(F.expand_dims(F.flatten(X), axis=0), axis=0), (2,))],
    ids=['transpose', 'expand_dims'])
def test_the_graph_depends_on_the_batch_size_if_the_batch_is_moved_into_the_maps(move, shape):
    net = Net()
    net.add(nn.HybridLambda(move), nn.Conv2D(4, 3, padding=1))
    net.initialize()
    batches = [mx.nd.random.normal(shape=(n,) + shape) for n in (2, 3, 2)]
    wanted = [net(X).asnumpy() for X in batches]
    net.hybridize()
    for X, want in zip(batches, wanted):
        with mx.autograd.record():
            close(net(X), want, 1e-5)


STEPS = """
import gluonblocks as gb
from mxnet import autograd, gluon, init, nd
from gluonblocks.graphs import Net
from mxnet.gluon import nn
net, X = Net(), nd.ones((2, 32, 2, 2))
net.add(nn.Conv2D(32, 3, padding=1), nn.Flatten(), nn.Dense(2))
net.initialize()
net.hybridize(static_alloc=True)
trainer = gluon.Trainer(net.collect_params(), 'sgd')

def step():
    with autograd.record():
        Y = net(X)
    Y.backward()
    trainer.step(2)
    nd.waitall()

step()
print('first', flush=True)
step()
print('predict', flush=True)
net(X).wait_to_read()
step()
print('second', flush=True)
step()
"""


@pytest.mark.usefixtures('operators')
def test_after_a_prediction_a_step_converts_no_more_weights_than_before(python):
    output = python(STEPS, MKLDNN_VERBOSE='1')
    before, after = output.split('first\n')[1].split('predict\n')[0], output.split('second\n')[1]
    assert 'inner_product' in before
    assert before.count('exec,cpu,reorder') == after.count('exec,cpu,reorder')
