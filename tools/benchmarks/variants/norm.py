"""Forward and backward of one batch normalization: ours, the notebook's, and the fused one."""
import numpy as np

import gluonblocks as gb  # first: it sets MXNet's threads
from gluonblocks.graphs.net import Net

from mxnet import autograd, nd  # isort: skip
from mxnet.gluon import nn  # isort: skip

from .. import notebook_code
from ..timing import Clock

EPS, MOMENTUM = 1e-5, 0.9


def batch_norm(requests):
    """Serve {"variant": name, "shape": [...], "times": n}: seconds of n forwards and backwards."""
    requests.answer(variants=list(VARIANTS))
    ready = {}
    for request in requests:
        key = (request['variant'], tuple(request['shape']))
        if key not in ready:
            ready[key] = _prepare(*key)
        run, X, dY = ready[key]
        clock = Clock()
        for _ in range(request['times']):
            with autograd.record():
                Y = run(X)
            Y.backward(dY)
        nd.waitall()
        requests.answer(seconds=clock.lap() / request['times'])


def _prepare(variant, shape):
    rng = np.random.RandomState(0)
    X, dY = (nd.array(rng.randn(*shape).astype('float32')) for _ in range(2))
    X.attach_grad()
    run = VARIANTS[variant](shape)
    with autograd.record():
        Y = run(X)
    Y.backward(dY)
    nd.waitall()
    return run, X, dY


def _in_a_net(net, layer):
    """`net`, hybridized, with `layer` as its only layer."""
    net.add(layer)
    net.initialize()
    net.hybridize(static_alloc=True)
    return net


def _function(batch_norm, shape):
    """`batch_norm` on arrays, as a layer that is not hybridized runs it, with running averages."""
    state = [nd.ones(shape), nd.zeros(shape), nd.zeros(shape), nd.zeros(shape)]
    for array in state[:2]:
        array.attach_grad()

    def run(X):
        Y, mean, var = batch_norm(X, *state, eps=EPS, momentum=MOMENTUM)
        # Detached: the notebook's own averages stay in the graph, which grows with each step.
        state[2:] = mean.detach(), var.detach()
        return Y
    return run


def _state_shape(shape):
    return (1, shape[1]) + (1,) * (len(shape) - 2)


VARIANTS = {
    'ours': lambda shape: _in_a_net(Net(), gb.BatchNorm(shape[1], num_dims=len(shape))),
    'notebook': lambda shape: _function(notebook_code.formula(), _state_shape(shape)),
    'fused nn.BatchNorm': lambda shape: _in_a_net(nn.HybridSequential(), nn.BatchNorm()),
}
