"""`batch_norm` of blocks/norm.py, faster: on arrays, and as a part of a net's graph.

The numbers are those of the formula but for rounding. Sums over a channel and numbers spread over
its pixels are matrix products and copies of rows (see `Channels`), and gamma, X_hat and beta come
together in one product and one sum: the formula's broadcasts and their gradients, which MXNet
computes element by element, take 6 to 30 times as long.
"""
import functools

from mxnet import autograd, nd
from mxnet.gluon import nn

from .channels import Channels, center_on, scale_and_shift
from .mode import assign, marked, predicting


def batch_norm_arrays(X, gamma, beta, moving_mean, moving_var, eps, momentum):
    """`blocks.norm.formula` on NDArrays: the same arguments and results."""
    C, num_dims = gamma.size, X.ndim
    if not autograd.is_training():
        return (_by_averages(nd, Channels(nd, X, C, num_dims), gamma, beta, moving_mean,
                             moving_var, eps), moving_mean, moving_var)
    Y, mean, var = _normalize_batch(C, num_dims, eps)(X, gamma, beta)
    with autograd.pause():
        moving_mean = momentum * moving_mean + (1.0 - momentum) * mean
        moving_var = momentum * moving_var + (1.0 - momentum) * var
    return Y, moving_mean, moving_var


# A bound, for each holds memory for the inputs it was given: the book's nets need four.
@functools.lru_cache(maxsize=64)
def _normalize_batch(num_channels, num_dims, eps):
    """The block (X, gamma, beta) -> (Y, mean, var) that normalizes X by the batch's statistics.

    One for all calls, and hybridized: MXNet then spends its time on the sums, where a call of
    each operator from Python, with new memory for each result, takes two to four times as long.
    """
    blk = _NormalizeBatch(num_channels, num_dims, eps)
    blk.hybridize(static_alloc=True)
    return blk


class _NormalizeBatch(nn.HybridBlock):
    def __init__(self, num_channels, num_dims, eps):
        super().__init__(prefix='normalize_batch_')
        self._num_channels, self._num_dims, self._eps = num_channels, num_dims, eps

    def hybrid_forward(self, F, X, gamma, beta):
        channels = Channels(F, X, self._num_channels, self._num_dims)
        center = channels.mean(F.BlockGrad(channels.X))
        D, rest, var = center_on(F, channels, center)
        Y = scale_and_shift(F, channels, D, rest, var, gamma, beta, self._eps)
        return Y, F.BlockGrad(center + rest), F.BlockGrad(var)


def batch_norm_graph(F, X, gamma, beta, moving_mean, moving_var, shape, eps, momentum, frozen):
    """`blocks.norm.formula_graph`: the same arguments and result."""
    if frozen:
        with marked():
            return _by_averages(F, Channels(F, X, shape[1], len(shape)), gamma, beta, moving_mean,
                                moving_var, eps)
    with marked([gamma, beta, moving_mean, moving_var], eps=eps, momentum=momentum):
        channels = Channels(F, X, shape[1], len(shape))
        predicts = predicting(F, shape)
        center = F.where(predicts, moving_mean, channels.mean(F.BlockGrad(channels.X)))
        D, rest, var = center_on(F, channels, center)

        def move(param, new):
            new = F.where(predicts, param, momentum * param + (1.0 - momentum) * F.BlockGrad(new))
            return F.BlockGrad(assign(F, param, new))

        # Picked from what `move` returns, though it equals the old values: so the graph runs it.
        rest = F.where(predicts, move(moving_mean, center + rest) - center, rest)
        var = F.where(predicts, move(moving_var, var), var)
        return scale_and_shift(F, channels, D, rest, var, gamma, beta, eps)


def _by_averages(F, channels, gamma, beta, moving_mean, moving_var, eps):
    D = channels.X - channels.spread(moving_mean)
    return scale_and_shift(F, channels, D, 0, moving_var, gamma, beta, eps)
