"""A step of stochastic gradient descent for several arrays, by the operator of `kernels`."""
import functools

import mxnet as mx

from .graph import operator


def sgd_update(weights, grads, velocities, rescale_grad, momentum, lrs, wds):
    """Compute `mx.nd.multi_sgd_update`, or with `velocities` `multi_sgd_mom_update`, to the bit.

    All are lists with something for each array of weights, of dense float32 NDArrays of one CPU.
    Weights and velocities are changed in place; without momentum the latter are None. The operators
    have to be loaded: see `operators.available`.
    """
    rates = _rates((rescale_grad, momentum, *lrs, *wds), weights[0].context)
    made = _graph(len(weights), velocities is not None)(rates, *weights, *grads,
                                                         *(velocities or ()))
    for weight, new in zip(weights, made if len(weights) > 1 else [made]):
        new.copyto(weight)


@functools.lru_cache(maxsize=64)
def _graph(count, has_velocities):
    inputs = ['rates'] + ['array%d' % i for i in range((3 if has_velocities else 2) * count)]
    return mx.nd.CachedOp(operator('_gluonblocks_sgd', inputs, outputs=count, arrays=count,
                                   velocities=int(has_velocities)))


@functools.lru_cache(maxsize=64)  # most training runs use few rates, again and again
def _rates(values, ctx):
    return mx.nd.array(values, ctx=ctx, dtype='float32')
