"""Files that `Net.export` writes, and what MXNet's own converter makes of a `Net`."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.contrib import amp
from mxnet.gluon import nn
from reference import close

import gluonblocks as gb
from gluonblocks.graphs.net import Net

X = nd.array(np.random.RandomState(8).rand(4, 1, 8, 8))


def norm_of_ours():
    """Return a hybridized net with our norm after one step of training."""
    net = Net()
    net.add(nn.Conv2D(3, kernel_size=3), gb.BatchNorm(3, num_dims=4), nn.Dense(5))
    net.initialize(mx.init.Xavier())
    net.hybridize()
    with autograd.record():
        net(X).sum().backward()
    return net


class Twice(nn.HybridBlock):
    def hybrid_forward(self, F, X):
        return X, 2 * X


def test_a_net_with_several_outputs_is_exported_as_gluon_runs_it(tmp_path):
    net = norm_of_ours()
    net.add(Twice())
    with pytest.raises(RuntimeError, match='run one batch through it'):
        net.export(str(tmp_path / 'net'))
    want = net(X)
    symbol, params = net.export(str(tmp_path / 'net'), 3)
    got = gluon.SymbolBlock.imports(symbol, ['data'], params)(X)
    for one, other in zip(got, want):
        close(one, other.asnumpy(), 1e-5)
    with pytest.raises(ValueError, match='expected a net with one output, but .* has several'):
        net.graph_for((4, 1, 8, 8))


def test_gluon_and_mxnets_module_load_an_exported_net_and_its_types_are_kept(tmp_path):
    net = norm_of_ours()
    want = net(X).asnumpy()
    symbol, params = net.export(str(tmp_path / 'net'), 3)
    assert params.endswith('net-0003.params')
    assert 'data' not in mx.sym.load(symbol).attr_dict()  # which would store the image size
    again = gluon.SymbolBlock.imports(symbol, ['data'], params)
    close(again(X), want, 1e-5)
    module = mx.mod.Module(*mx.model.load_checkpoint(str(tmp_path / 'net'), 3)[:1],
                           label_names=None)
    module.bind([('data', (4, 1, 8, 8))], for_training=False)
    module.set_params(*mx.model.load_checkpoint(str(tmp_path / 'net'), 3)[1:])
    close(module.predict(mx.io.NDArrayIter(X, batch_size=4)), want, 1e-5)
    net.cast('float16')
    net.graph_for((4, 1, 8, 8))
    _, params = net.export(str(tmp_path / 'net'))
    types = {name.split('_')[-1]: array.dtype for name, array in nd.load(params).items()}
    assert types['weight'] == np.float16 and types['gamma'] == np.float32


def test_a_net_with_our_norm_can_be_converted_to_mixed_precision():
    converted = amp.convert_hybrid_block(norm_of_ours(), target_dtype='float16', ctx=mx.cpu())
    outer = Net()
    outer.add(converted)
    outer.hybridize()
    assert 'amp_cast' in outer.graph_for((4, 1, 8, 8)).tojson(remove_amp_cast=False)
