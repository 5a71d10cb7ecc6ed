"""What every format is written from."""
import json

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import SymbolBlock, nn

import gluonblocks as gb
from gluonblocks.export import prediction_symbol


def small_net():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), gb.BatchNorm(4, num_dims=4), nn.BatchNorm(), nn.Dense(3))
    net.initialize(mx.init.Xavier())
    with mx.autograd.train_mode():
        net(nd.random.uniform(shape=(4, 1, 8, 8)))
    return net


def test_a_net_in_float16_leaves_in_float32():
    net = small_net()
    net.cast('float16')
    symbol, params = prediction_symbol(net)
    assert {array.dtype for array in params.values()} == {np.float32}
    net.cast('float32')
    block, X = SymbolBlock(symbol, mx.sym.var('data')), nd.random.uniform(shape=(2, 1, 8, 8))
    block.initialize()
    for name, param in block.collect_params().items():
        param.set_data(params[name])
    np.testing.assert_allclose(block(X).asnumpy(), net(X).asnumpy(), rtol=1e-4, atol=1e-5)


def test_params_are_all_inputs_but_data_on_the_cpu(model_name):
    net = gb.get_model(model_name)
    net.initialize()
    net(nd.zeros((1, 1, 32, 32)))
    symbol, params = prediction_symbol(net)
    assert set(symbol.list_inputs()) == set(params) | {'data'}
    assert {array.context for array in params.values()} == {mx.cpu()}


def test_a_python_block_that_takes_no_symbols_is_refused_with_the_reason():
    class Eager(nn.HybridSequential):
        def forward(self, X):
            return super().forward(X.reshape((X.shape[0], -1)))
    net = Eager(prefix='eager0_')
    net.add(nn.Dense(3))
    with pytest.raises(ValueError, match="eager0 cannot be made into a graph, which needs hybrid"):
        prediction_symbol(net)


def test_dropout_that_never_stops_is_refused():
    class Always(nn.HybridBlock):
        def hybrid_forward(self, F, X):
            return F.Dropout(X, p=0.5, mode='always', name='drop')
    with pytest.raises(ValueError, match="draws random numbers also when it predicts: .*drop"):
        prediction_symbol(Always())


def test_no_attribute_of_a_variable_says_another_shape():
    symbol, _ = prediction_symbol(small_net())
    assert not [node for node in json.loads(symbol.tojson())['nodes']
                if '__shape__' in node.get('attrs', {})]
