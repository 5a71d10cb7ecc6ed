"""Small nets that run with MXNet's operators and with ours, to compare the two."""
import mxnet as mx
import numpy as np
from mxnet import autograd, nd
from mxnet.gluon import nn
from reference import close

import gluonblocks as gb
from gluonblocks.graphs.net import Net


def same_with_operators(monkeypatch, make, use, rtol=1e-4):
    """`use(make())` has to return the same {name: array} without and with our operators."""
    results = []
    for value in '01':
        monkeypatch.setenv('GLUONBLOCKS_OPERATORS', value)
        mx.random.seed(1)
        net = make()
        net.initialize(mx.init.Xavier(), ctx=[mx.cpu(0), mx.cpu(1)])
        net.hybridize(static_alloc=True)
        found = use(net)
        nd.waitall()
        results.append({name: array.asnumpy() for name, array in found.items()})
    for name, expected in results[0].items():
        close(results[1][name], expected, rtol)


def images(*shape, seed=0, offset=1.0):
    return nd.array(np.random.RandomState(seed).randn(*shape) + offset)


def loss_of(Y):
    """A sum whose gradient does not vanish in a norm, as that of the squares does."""
    return (Y * images(*Y.shape, seed=2).astype(Y.dtype)).sum()


def state(net):
    """Weights' gradients and averages of a net, in the order of its layers. A bias before a norm
    has true gradient 0, and what rounding leaves cannot be compared."""
    found = {}
    for i, (name, param) in enumerate(net.collect_params().items()):
        if param.grad_req == 'null':
            found['%d value' % i] = param.data()
        elif not name.endswith('bias'):
            found['%d gradient' % i] = param.grad()
    return found


def step(net, X, times=1):
    for _ in range(times):
        with autograd.record():
            Y = net(X)
            loss = loss_of(Y)
        loss.backward()
    return dict(state(net), out=Y)


def small(*layers):
    """A net of a convolution that is a stage, and `layers`."""
    net = Net()
    net.add(nn.Conv2D(3, 3), gb.BatchNorm(3, num_dims=4), nn.Activation('relu'), nn.MaxPool2D(2),
            *layers)
    return net
