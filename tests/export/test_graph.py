"""The graph for prediction: what is in it, and what it computes."""
import json

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.export import prediction_symbol
from gluonblocks.export.graph import plain_symbol


def nodes_of(symbol):
    return json.loads(symbol.tojson())['nodes']


def trained(*layers, shape=(8, 1, 12, 12), hybridize=True):
    """A net of `layers` whose averages have moved, and an input for it."""
    net, X = nn.HybridSequential(), nd.random.uniform(shape=shape)
    net.add(*layers)
    net.initialize(mx.init.Xavier())
    net.hybridize(hybridize)
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.1})
    for _ in range(3):
        with autograd.record():
            loss = (net(X) ** 2).mean()
        loss.backward()
        trainer.step(1)
    return net, X


def run(symbol, params, X):
    """What the graph gives for X, with nothing but MXNet's executor."""
    block = gluon.SymbolBlock(symbol, mx.sym.var('data'))
    block.initialize()
    for name, param in block.collect_params().items():
        param.set_data(nd.array(params[name]))
    return block(X).asnumpy()


@pytest.mark.parametrize('hybridize', [False, True])
def test_a_trained_norm_of_each_rank_predicts_the_same_without_idle_nodes(hybridize):
    net, X = trained(nn.Conv2D(6, 5), gb.BatchNorm(6, num_dims=4, eps=0.3), nn.Dropout(0.5),
                     nn.Activation('sigmoid'), nn.Dense(4), gb.BatchNorm(4, num_dims=2),
                     hybridize=hybridize)
    symbol, params = prediction_symbol(net)
    np.testing.assert_allclose(run(symbol, params, X), net(X).asnumpy(), rtol=1e-5, atol=1e-5)
    assert not {node['op'] for node in nodes_of(symbol)} & {'Dropout', 'BlockGrad', 'amp_cast'}
    assert not [node for node in nodes_of(symbol) if '__shape__' in node.get('attrs', {})]
    assert set(params) == set(symbol.list_inputs()) - {'data'}
    assert params[net[1].gamma.name].shape == (6,) and net[1].gamma.shape == (1, 6, 1, 1)


def test_a_norm_is_the_formula_in_float64():
    net, X = trained(gb.BatchNorm(3, num_dims=4, eps=0.01), shape=(5, 3, 4, 4))
    gamma, beta, mean, var = [param.data().asnumpy().astype('float64') for param in (
        net[0].gamma, net[0].beta, net[0].moving_mean, net[0].moving_var)]
    want = gamma * (X.asnumpy() - mean) / np.sqrt(var + 0.01) + beta
    np.testing.assert_allclose(run(*prediction_symbol(net), X), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('layer', [lambda: nn.BatchNorm(scale=False),
                                   lambda: nn.BatchNorm(center=False),
                                   lambda: nn.BatchNorm(use_global_stats=True),
                                   lambda: gb.BatchNorm(6, 4, use_global_stats=True)])
def test_gamma_and_beta_are_those_that_the_net_uses(layer):
    net, X = trained(nn.Conv2D(6, 5), layer(), nn.Dense(3))
    net[1].gamma.set_data(nd.full(net[1].gamma.shape, 3))  # which scale=False ignores
    symbol, params = prediction_symbol(net)  # before the net's next run, which may make it 1
    np.testing.assert_allclose(run(symbol, params, X), net(X).asnumpy(), rtol=1e-5, atol=1e-5)
    assert {node['attrs']['fix_gamma'] for node in nodes_of(symbol)
            if node['op'] == 'BatchNorm'} == {'False'}


def test_a_layer_that_is_used_twice_is_there_twice_with_one_set_of_weights():
    dense, norm = nn.Dense(4, in_units=4), gb.BatchNorm(4, num_dims=2)
    net, X = trained(dense, norm, nn.Activation('relu'), dense, norm, shape=(8, 4))
    symbol, params = prediction_symbol(net)
    np.testing.assert_allclose(run(symbol, params, X), net(X).asnumpy(), rtol=1e-5, atol=1e-5)
    names = [node['name'] for node in nodes_of(symbol)]
    assert len(params) == 6 and len(set(names)) == len(names)


def test_a_net_that_is_not_initialized_says_what_to_do():
    net = nn.HybridSequential()
    net.add(nn.Dense(3), gb.BatchNorm(3, num_dims=2))
    said = (r'is not initialized: call hybridsequential\d+\.initialize\(\) and run one batch '
            'through it')
    with pytest.raises(RuntimeError, match=said):
        prediction_symbol(net)
    net.initialize()
    with pytest.raises(RuntimeError, match=said):  # the first input gives the weights' shapes
        prediction_symbol(net)


class Always(nn.HybridBlock):
    def hybrid_forward(self, F, X):
        return F.Dropout(X, p=0.5, mode='always', name='drop')


class Eager(nn.HybridSequential):
    def forward(self, X):
        return super().forward(X.reshape((X.shape[0], -1)))


@pytest.mark.parametrize('net, said', [
    (Always(), "would return random outputs: .*drop"),
    (Eager(prefix='eager0_'),
     'eager0: expected a net of hybrid blocks .*but tracing it to a graph failed')])
def test_a_net_that_is_not_one_graph_for_prediction_is_refused(net, said):
    with pytest.raises(ValueError, match=said):
        prediction_symbol(net)


@pytest.mark.parametrize('name', [
    'BlockGrad', 'identity', 'Dropout', 'MakeLoss', 'make_loss', 'LinearRegressionOutput',
    'MAERegressionOutput', 'SVMOutput', 'IdentityAttachKLSparseReg'])
def test_operators_that_return_their_input_in_prediction_are_left_out(name):
    symbol = getattr(mx.sym, name)(mx.sym.var('data') * 2)
    assert [node['op'] for node in nodes_of(plain_symbol(symbol, {}))] == ['null', '_mul_scalar']
    X = nd.array([[1, -2], [3, 4]])
    shapes, _, states = symbol.infer_shape(data=(2, 2))
    inputs = [X] + [nd.zeros(shape) for shape in shapes[1:]]
    found, = symbol.bind(mx.cpu(), inputs, aux_states=list(map(nd.zeros, states))).forward()
    np.testing.assert_array_equal(found.asnumpy(), 2 * X.asnumpy())
