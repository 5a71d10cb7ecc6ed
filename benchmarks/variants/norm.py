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
    """`batch_norm` on arrays, as a layer without hybridizing runs it, averages kept."""
    state = [nd.ones(shape), nd.zeros(shape), nd.zeros(shape), nd.zeros(shape)]
    for array in state[:2]:
        array.attach_grad()

    def run(X):
        Y, mean, var = batch_norm(X, *state, eps=EPS, momentum=MOMENTUM)
        # Detached: the notebook's own averages stay in the graph, which grows step by step.
        state[2:] = mean.detach(), var.detach()
        return Y
    return run


class _HybridFormula(nn.HybridBlock):
    """The notebook's formula in training, as a graph; its averages are computed as well."""

    def __init__(self, shape, rank):
        super().__init__()
        self._axes = 0 if rank == 2 else (0, 2, 3)
        for name in ('gamma', 'beta', 'moving_mean', 'moving_var'):
            setattr(self, name, self.params.get(
                name, shape=shape, init='ones' if name == 'gamma' else 'zeros',
                grad_req='null' if name.startswith('moving') else 'write'))

    def hybrid_forward(self, F, X, gamma, beta, moving_mean, moving_var):
        mean = F.mean(X, axis=self._axes, keepdims=True)
        centered = F.broadcast_sub(X, mean)
        var = F.mean(F.square(centered), axis=self._axes, keepdims=True)
        X_hat = F.broadcast_div(centered, F.sqrt(var + EPS))
        moved = [MOMENTUM * old + (1 - MOMENTUM) * F.BlockGrad(new)
                 for old, new in ((moving_mean, mean), (moving_var, var))]
        return [F.broadcast_add(F.broadcast_mul(gamma, X_hat), beta)] + moved


def _hybrid_formula(shape):
    layer = _HybridFormula(_state_shape(shape), len(shape))
    layer.initialize()
    layer.hybridize(static_alloc=True)
    return lambda X: layer(X)[0]


def _state_shape(shape):
    return (1, shape[1]) + (1,) * (len(shape) - 2)


VARIANTS = {
    'ours': lambda shape: _in_a_net(Net(), gb.BatchNorm(shape[1], num_dims=len(shape))),
    'ours, eager function': lambda shape: _function(gb.batch_norm, _state_shape(shape)),
    'notebook': lambda shape: _function(notebook_code.formula(), _state_shape(shape)),
    'notebook, hybridized': _hybrid_formula,
    'fused nn.BatchNorm': lambda shape: _in_a_net(nn.HybridSequential(), nn.BatchNorm()),
}
