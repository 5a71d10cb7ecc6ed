"""Forward and backward pass of one batch norm layer: ours, and MXNet's fused operator."""
import numpy as np

import gluonblocks as gb  # first: it sets MXNet's threads
from gluonblocks.graphs.net import Net

from mxnet import autograd, nd  # isort: skip
from mxnet.gluon import nn  # isort: skip

from ..timing import Clock


def batch_norm(requests):
    """Serve {"variant": name, "shape": [...], "times": n}; answer with the seconds per pass."""
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
    """Return `net`, hybridized, with `layer` as its only layer."""
    net.add(layer)
    net.initialize()
    net.hybridize(static_alloc=True)
    return net


VARIANTS = {
    'ours': lambda shape: _in_a_net(Net(), gb.BatchNorm(shape[1], num_dims=len(shape))),
    'fused nn.BatchNorm': lambda shape: _in_a_net(nn.HybridSequential(), nn.BatchNorm()),
}
