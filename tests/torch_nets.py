"""Small nets for the tests of the PyTorch format."""
import mxnet as mx
import numpy as np
from mxnet import autograd, nd
from mxnet.gluon import nn
from reference import randomize

import gluonblocks as gb
from gluonblocks.export import prediction_symbol
from gluonblocks.export.description import NetDescription


def trained(net, shape):
    """`net` with random weights, and with averages that a few batches have moved."""
    net.initialize(mx.init.Xavier())
    for _ in range(2):
        with autograd.train_mode():
            net(nd.random.uniform(shape=(8,) + shape))
    nd.waitall()
    randomize(net)
    return net


def small_net(prefix=None):
    """Our BatchNorm, a residual block, a dense block and a transition: (N, 1, 8, 8) -> (N, 3)."""
    net = nn.HybridSequential(prefix=prefix)
    with net.name_scope():
        net.add(nn.Conv2D(4, 3, padding=1), gb.BatchNorm(4, num_dims=4), nn.Activation('sigmoid'),
                gb.Residual(4), gb.Residual(6, use_1x1conv=True, strides=2), gb.DenseBlock(2, 5),
                gb.transition_block(7), nn.Dense(5), gb.BatchNorm(5, num_dims=2), nn.Dense(3))
    return net


def described(net, shape, **info):
    """A Gluon net as the formats take it."""
    symbol, params = prediction_symbol(net)
    return NetDescription(symbol, params, {'data': (1,) + shape}, ['logits'], info, None,
                          picture_size=shape[1:])


def arrays_of(net):
    """All parameters by their names in a file, copied."""
    nd.waitall()
    return {name: np.array(param.data().asnumpy())
            for name, param in net._collect_params_with_prefix().items()}
