"""The graph for prediction alone: what is in it, and what it computes."""
import json

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.export.graph import prediction_graph
from gluonblocks.graphs.net import Net

IDLE = ('Dropout', 'BlockGrad', 'amp_cast')


def nodes_of(symbol):
    return json.loads(symbol.tojson())['nodes']


def trained(*layers, kind=nn.HybridSequential, shape=(8, 1, 12, 12), hybridize=True):
    """A net of `layers` whose averages have moved, and an input for it."""
    net, X = kind(), nd.random.uniform(shape=shape)
    net.add(*layers)
    net.initialize(mx.init.Xavier())
    net.hybridize(hybridize)
    train(net, X)
    return net, X


def train(net, X, steps=3):
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.1})
    for _ in range(steps):
        with autograd.record():
            loss = (net(X) ** 2).mean()
        loss.backward()
        trainer.step(1)


def run(symbol, params, X):
    """What the graph gives for X, float32 NumPy, with nothing but MXNet's executor."""
    block = gluon.SymbolBlock(symbol, mx.sym.var('data'))
    block.initialize()
    for name, param in block.collect_params().items():
        param.set_data(params[name])
    return block(X).asnumpy()


def assert_predicts_the_same(net, X, atol=1e-5):
    want = net(X).asnumpy()
    np.testing.assert_allclose(run(*prediction_graph(net), X), want, rtol=1e-5, atol=atol)


def test_both_lenets_have_the_same_nodes():
    ops = []
    for name in ('lenet_bn', 'lenet_bn_gluon'):
        net = gb.get_model(name)
        net.initialize()
        net(nd.zeros((2, 1, 28, 28)))
        ops.append([node['op'] for node in nodes_of(prediction_graph(net)[0])])
    assert ops[0] == ops[1] and len(ops[0]) == 42


@pytest.mark.parametrize('hybridize', [False, True])
def test_a_trained_norm_of_each_rank_predicts_the_same(hybridize):
    net, X = trained(nn.Conv2D(6, 5), gb.BatchNorm(6, num_dims=4, eps=0.3), nn.Dropout(0.5),
                     nn.Activation('sigmoid'), nn.Dense(4), gb.BatchNorm(4, num_dims=2),
                     hybridize=hybridize)
    assert_predicts_the_same(net, X)
    symbol, params = prediction_graph(net)
    assert not [node for node in nodes_of(symbol) if node['op'] in IDLE]
    assert params[net[1].gamma.name].shape == (6,) and net[1].gamma.shape == (1, 6, 1, 1)


def test_a_norm_is_the_formula_in_float64():
    net, X = trained(gb.BatchNorm(3, num_dims=4, eps=0.01), shape=(5, 3, 4, 4))
    gamma, beta, mean, var = [param.data().asnumpy().astype('float64') for param in (
        net[0].gamma, net[0].beta, net[0].moving_mean, net[0].moving_var)]
    want = gamma * (X.asnumpy() - mean) / np.sqrt(var + 0.01) + beta
    np.testing.assert_allclose(run(*prediction_graph(net), X), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('layer', [lambda: nn.BatchNorm(scale=False),
                                   lambda: nn.BatchNorm(center=False),
                                   lambda: nn.BatchNorm(use_global_stats=True),
                                   lambda: gb.BatchNorm(6, 4, use_global_stats=True)])
def test_gamma_and_beta_are_those_that_the_net_uses(layer):
    net, X = trained(nn.Conv2D(6, 5), layer(), nn.Dense(3))
    net[1].gamma.set_data(nd.full(net[1].gamma.shape, 3))  # which scale=False ignores
    symbol, params = prediction_graph(net)  # before the net's next run, which may make it 1
    np.testing.assert_allclose(run(symbol, params, X), net(X).asnumpy(), rtol=1e-5, atol=1e-5)
    for node in nodes_of(symbol):
        if node['op'] == 'BatchNorm':
            assert node['attrs']['fix_gamma'] == 'False'


def test_a_layer_that_is_used_twice_is_there_twice_with_one_set_of_weights():
    dense, norm = nn.Dense(4, in_units=4), gb.BatchNorm(4, num_dims=2)
    net, X = trained(dense, norm, nn.Activation('relu'), dense, norm, shape=(8, 4))
    assert_predicts_the_same(net, X)
    symbol, params = prediction_graph(net)
    names = [node['name'] for node in nodes_of(symbol)]
    assert len(params) == 6 and len(set(names)) == len(names)


def test_a_net_that_was_exported_goes_on_training_with_the_same_numbers():
    def end(export):
        mx.random.seed(1)
        net, X = trained(nn.Conv2D(6, 5), gb.BatchNorm(6, num_dims=4), nn.BatchNorm(), nn.Dense(4),
                         gb.BatchNorm(4, num_dims=2), kind=Net)
        if export:
            prediction_graph(net)
        train(net, X)
        return [param.data().asnumpy() for param in net.collect_params().values()]
    for with_it, without in zip(end(True), end(False)):
        np.testing.assert_array_equal(with_it, without)


def test_a_graph_that_is_traced_after_an_export_still_trains():
    net, X = trained(gb.BatchNorm(1, num_dims=4), hybridize=False)
    prediction_graph(net)
    net.hybridize()
    before = net[0].moving_mean.data().copy()
    train(net, X, steps=1)
    assert (net[0].moving_mean.data() != before).asnumpy().all()


def test_a_net_without_numbers_says_what_to_do():
    net = nn.HybridSequential()
    net.add(nn.Dense(3), gb.BatchNorm(3, num_dims=2))
    said = (r'is not initialized: call hybridsequential\d+\.initialize\(\) and run one batch '
            'through it')
    with pytest.raises(RuntimeError, match=said):
        prediction_graph(net)
    net.initialize()
    with pytest.raises(RuntimeError, match=said):  # the first input tells the weights' shapes
        prediction_graph(net)


def test_a_net_with_two_outputs_is_refused():
    class Two(nn.HybridBlock):
        def hybrid_forward(self, F, X):
            return X, X + 1
    with pytest.raises(TypeError, match='two0 must give one output, got a tuple'):
        prediction_graph(Two(prefix='two0'))
