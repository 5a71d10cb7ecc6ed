"""The rewritten graph computes what the graph as traced computes."""
import json

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.graphs import net as net_module
from gluonblocks.graphs.net import Net
from gluonblocks.graphs.simplify import simplify


def both_ways(symbol, shape, seed=0):
    """(output, gradients by name) of `symbol` as traced and simplified, on the same numbers."""
    simple = simplify(symbol, True, data=shape)
    assert sorted(simple.list_inputs()) == sorted(symbol.list_inputs())
    sizes = dict(zip(symbol.list_arguments(), symbol.infer_shape(data=shape)[0]))
    rng, results = np.random.RandomState(seed), []
    values = {name: rng.normal(size=size) for name, size in sizes.items()}
    for graph in (symbol, simple):
        arrays = {name: nd.array(values[name]) for name in sizes}
        grads = {name: nd.zeros(sizes[name]) for name in sizes}
        run = graph.bind(mx.cpu(), arrays, grads)
        out = run.forward(is_train=True)[0]
        run.backward(nd.array(np.random.RandomState(1).normal(size=out.shape)))
        results.append((out.asnumpy(), {name: grad.asnumpy() for name, grad in grads.items()}))
    return simple, results


def operators(symbol):
    return [node['op'] for node in json.loads(symbol.tojson())['nodes'] if node['op'] != 'null']


def kernels(symbol):
    return [node['attrs']['kernel'] for node in json.loads(symbol.tojson())['nodes']
            if node['op'] == 'Convolution']


# (height, width, kernel, stride, padding) and the kernel that is left
CUTS = [((1, 1), 3, 1, 1, '(1, 1)'), ((2, 2), 3, 2, 1, '(2, 2)'), ((1, 4), 3, 1, 1, '(1, 3)'),
        ((4, 1), 3, 1, 1, '(3, 1)'), ((2, 2), 5, 1, 2, '(3, 3)'), ((1, 1), 7, 2, 3, '(1, 1)'),
        ((1, 2), 3, 2, 1, '(1, 2)')]


@pytest.mark.parametrize('size, kernel, stride, pad, left', CUTS)
def test_taps_that_meet_only_padding_are_cut(size, kernel, stride, pad, left):
    conv = mx.sym.Convolution(mx.sym.var('data'), kernel=(kernel, kernel), stride=(stride, stride),
                              pad=(pad, pad), num_filter=4)
    simple, ((Y, grads), (Y2, grads2)) = both_ways(conv, (8, 3) + size)
    assert kernels(simple) == [left]
    np.testing.assert_allclose(Y2, Y, rtol=1e-5, atol=1e-5)
    for name in grads:
        np.testing.assert_allclose(grads2[name], grads[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('size, kernel, stride, pad, dilate', [
    ((3, 3), 3, 1, 1, 1), ((2, 2), 3, 1, 1, 1), ((7, 7), 5, 1, 0, 1),
    ((1, 1), 3, 3, 2, 2),    # taps two apart: the middle one meets the only pixel
    ((1, 1), 1, 3, 1, 1)])   # the only tap meets padding only
def test_taps_that_meet_data_stay(size, kernel, stride, pad, dilate):
    conv = mx.sym.Convolution(mx.sym.var('data'), kernel=(kernel,) * 2, stride=(stride,) * 2,
                              pad=(pad,) * 2, dilate=(dilate,) * 2, num_filter=4)
    assert operators(simplify(conv, True, data=(8, 3) + size)) == ['Convolution']


def test_images_with_channels_last_keep_their_taps():
    conv = mx.sym.Convolution(mx.sym.var('data'), kernel=(3, 3), pad=(1, 1), num_filter=4,
                              layout='NHWC')
    assert kernels(simplify(conv, True, data=(8, 1, 1, 3))) == ['(3, 3)']


def test_predicting_keeps_the_taps():
    conv = mx.sym.Convolution(mx.sym.var('data'), kernel=(3, 3), pad=(1, 1), num_filter=4)
    assert kernels(simplify(conv, False, data=(8, 3, 1, 1))) == ['(3, 3)']


@pytest.mark.parametrize('act', ['relu', 'sigmoid', 'tanh', 'softrelu', 'softsign'])
@pytest.mark.parametrize('pad', [0, 1])
def test_maximum_is_taken_before_the_activation(act, pad):
    pool = mx.sym.Pooling(mx.sym.Activation(mx.sym.var('data'), act_type=act), kernel=(3, 3),
                          stride=(2, 2), pad=(pad, pad), pool_type='max')
    simple, ((Y, grads), (Y2, grads2)) = both_ways(pool, (2, 3, 6, 6))
    assert operators(simple) == ['Pooling', 'Activation']
    np.testing.assert_array_equal(Y2, Y)
    np.testing.assert_allclose(grads2['data'], grads['data'], rtol=1e-6)


def test_activation_stays_first_where_it_matters():
    act = mx.sym.Activation(mx.sym.var('data'), act_type='relu')
    pooled = mx.sym.Pooling(act, kernel=(2, 2), pool_type='max')
    shared = mx.sym.broadcast_add(pooled, mx.sym.sum(act))
    average = mx.sym.Pooling(act, kernel=(2, 2), pool_type='avg')
    # 'full' counts zeros into the windows that stick out
    full = mx.sym.Pooling(act, kernel=(3, 3), stride=(2, 2), pooling_convention='full')
    for symbol in (shared, average, full):
        names = operators(simplify(symbol, True, data=(2, 3, 4, 4)))
        assert names.index('Activation') < names.index('Pooling')


def test_of_two_activations_one_is_taken_after_the_maximum():
    act = mx.sym.Activation(mx.sym.Activation(mx.sym.var('data'), act_type='tanh'), act_type='relu')
    simple, ((Y, grads), (Y2, grads2)) = both_ways(
        mx.sym.Pooling(act, kernel=(2, 2), stride=(2, 2), pool_type='max'), (2, 3, 6, 6))
    assert operators(simple) == ['Activation', 'Pooling', 'Activation']
    np.testing.assert_array_equal(Y2, Y)
    np.testing.assert_allclose(grads2['data'], grads['data'], rtol=1e-6)


def small_net():
    net = Net()
    net.add(nn.Conv2D(8, 3, padding=1), nn.BatchNorm(), nn.Activation('relu'), nn.MaxPool2D(4),
            nn.Conv2D(8, 3, padding=1), nn.Activation('relu'), nn.MaxPool2D(1),
            nn.GlobalAvgPool2D(), nn.Dense(3))
    net.initialize(mx.init.Xavier())
    return net


@pytest.mark.parametrize('mode', [autograd.train_mode, autograd.predict_mode])
def test_net_gives_eager_numbers_for_each_size_in_turn(mode):
    net = small_net()
    net(nd.zeros((2, 1, 4, 4)))
    images = [nd.random.normal(shape=(4, 1, side, side)) for side in (4, 9, 4, 16)]

    def outputs():
        net[1].running_mean.set_data(nd.zeros(8))
        net[1].running_var.set_data(nd.ones(8))
        with mode():
            return [net(X).asnumpy() for X in images]
    eager = outputs()
    net.hybridize(static_alloc=True)
    for Y, expected in zip(outputs(), eager):
        np.testing.assert_allclose(Y, expected, rtol=1e-4, atol=1e-5)


def test_net_has_a_graph_for_each_mode(monkeypatch):
    made = []
    monkeypatch.setattr(net_module, 'simplify', lambda symbol, training, **shapes: (
        made.append(training), simplify(symbol, training, **shapes))[1])
    net, X = small_net(), nd.zeros((4, 1, 4, 4))
    net.hybridize()
    for mode in (autograd.predict_mode, autograd.train_mode, autograd.predict_mode):
        with mode():
            net(X)
    assert made == [False, True]


def test_exported_net_takes_other_sizes(tmp_path):
    net = small_net()
    net.hybridize()
    with autograd.record():
        net(nd.zeros((4, 1, 4, 4)))
    net.export(str(tmp_path / 'net'))
    loaded = mx.gluon.SymbolBlock.imports(str(tmp_path / 'net-symbol.json'), ['data'],
                                          str(tmp_path / 'net-0000.params'))
    X = nd.random.normal(shape=(2, 1, 12, 12))
    np.testing.assert_allclose(loaded(X).asnumpy(), net(X).asnumpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('name', gb.list_models('book'))
def test_models_gradients_are_those_of_eager_calls(name):
    # In double precision: in single, a rounding switches a ReLU at 0 on or off, in some draws.
    net, X = gb.get_model(name), nd.random.normal(shape=(8, 1, 32, 32), dtype='float64')
    net.initialize(mx.init.Xavier())
    net.cast('float64')
    grads = []
    for hybrid in (False, True):
        net.hybridize(hybrid)
        with autograd.record():
            y = (net(X) ** 2).sum()
        y.backward()
        grads.append({key: param.grad().asnumpy() for key, param in net.collect_params().items()
                      if param.grad_req != 'null' and key.endswith('weight')})
    for key, grad in grads[0].items():
        np.testing.assert_allclose(grads[1][key], grad, rtol=0, atol=1e-9 * abs(grad).max())
