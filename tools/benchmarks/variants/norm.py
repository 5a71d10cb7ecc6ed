"""Forward and backward of one batch normalization: ours, the notebook's, and the fused one."""
import numpy as np

import gluonblocks as gb  # first: it sets MXNet's threads
from gluonblocks.graphs.net import Net

from mxnet import autograd, nd  # isort: skip
from mxnet.gluon import nn  # isort: skip

from .. import notebook_code
from ..timing import Clock


def batch_norm(requests):
    """Serve {"variant": name, "shape": [...], "times": n}: seconds of n forwards and backwards."""
    requests.answer(variants=list(VARIANTS))
    ready = {}
    for request in requests:
        shape = tuple(request['shape'])
        key = request['variant'], shape
        if key not in ready:
            rng = np.random.RandomState(0)
            X, dY = (nd.array(rng.randn(*shape).astype('float32')) for _ in range(2))
            X.attach_grad()
            ready[key] = VARIANTS[request['variant']](shape), X, dY
            _run(*ready[key], 1)
        clock = Clock()
        _run(*ready[key], request['times'])
        requests.answer(seconds=clock.lap() / request['times'])


def _run(layer, X, dY, times):
    for _ in range(times):
        with autograd.record():
            Y = layer(X)
        Y.backward(dY)
    nd.waitall()


def _in_a_net(net, layer):
    """`net`, hybridized, with `layer` as its only layer."""
    net.add(layer)
    net.initialize()
    net.hybridize(static_alloc=True)
    return net


def _notebooks(shape):
    """The notebook's function on arrays, as a layer that is not hybridized runs it."""
    batch_norm, state_shape = notebook_code.formula(), (1, shape[1]) + (1,) * (len(shape) - 2)
    state = [nd.ones(state_shape), *(nd.zeros(state_shape) for _ in range(3))]
    for array in state[:2]:
        array.attach_grad()

    def run(X):
        Y, mean, var = batch_norm(X, *state, eps=1e-5, momentum=0.9)
        # Detached: the notebook's own averages stay in the graph, which grows with each step.
        state[2:] = mean.detach(), var.detach()
        return Y
    return run


VARIANTS = {
    'ours': lambda shape: _in_a_net(Net(), gb.BatchNorm(shape[1], num_dims=len(shape))),
    'notebook': _notebooks,
    'fused nn.BatchNorm': lambda shape: _in_a_net(nn.HybridSequential(), nn.BatchNorm()),
}
