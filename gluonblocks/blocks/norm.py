"""Batch normalization from D2L, section 5.11, after Ioffe & Szegedy 2015 (arXiv:1502.03167)."""
import numpy as np
from mxnet import autograd, init, nd
from mxnet.gluon import nn

from ..checks import check_classic_arrays, check_features, check_norm_input
from .parameters import channel_parameter


def chapter_step(X, gamma, beta, eps):
    """Normalize X with the book's code; return Y and the batch's mean and biased variance."""
    axes = 0 if X.ndim == 2 else (0, 2, 3)  # all axes except the channels
    mean = X.mean(axis=axes, keepdims=True)
    var = ((X - mean) ** 2).mean(axis=axes, keepdims=True)
    X_hat = (X - mean) / nd.sqrt(var + eps)
    return gamma * X_hat + beta, mean, var


def fused_step(X, gamma, beta, eps):
    """Return the same values as `chapter_step`, using one fused operator instead of a dozen."""
    # nd.BatchNorm requires running averages, which its backward pass updates. `batch_norm` computes
    # the running averages itself, so pass temporary arrays instead.
    scratch = nd.zeros_like(gamma), nd.zeros_like(gamma)
    Y, mean, inverse_deviation = nd.BatchNorm(X, gamma, beta, *scratch, eps=eps, fix_gamma=False,
                                              output_mean_var=True)
    var = nd.maximum(inverse_deviation ** -2 - eps, 0)  # rounding may make var negative
    return Y, mean.reshape(gamma.shape), var.reshape(gamma.shape)


def batch_norm(X, gamma, beta, moving_mean, moving_var, eps, momentum, fused=True):
    """Normalize X, (N, C) or (N, C, H, W), per channel; return (Y, moving_mean, moving_var).

    In training mode (`autograd.is_training()`, for example under `autograd.record()`), X is
    normalized with the mean and biased variance of the batch. Each returned running average is
    momentum * old + (1 - momentum) * batch, computed outside the autograd graph. In prediction
    mode, X is normalized with the running averages, which are returned unchanged.

    gamma, beta, moving_mean and moving_var each contain C values, in any shape. They have the dtype
    of X, or may be float32 if X is float16. `fused=False` runs the book's code, to step through
    it in a debugger or to check MXNet's operator, which loses three digits if a channel's mean is a
    thousand times its standard deviation.

    Raises ValueError if ranks, channels or dtypes do not match, and for arrays of `mx.np`.
    Source: D2L 5.11.2; Ioffe & Szegedy 2015, algorithms 1 and 2.
    """
    check_norm_input(X, gamma=gamma, beta=beta, moving_mean=moving_mean, moving_var=moving_var)
    shape, dtype = (1, -1) + (1,) * (X.ndim - 2), X.dtype
    X, gamma, beta = _at_least_float32(X, gamma.reshape(shape), beta.reshape(shape))
    if autograd.is_training():
        Y, mean, var = (fused_step if fused else chapter_step)(X, gamma, beta, eps)
        with autograd.pause():  # otherwise, each step would keep all earlier steps in memory
            mean, var = [new.reshape(old.shape).astype(old.dtype, copy=False)
                         for new, old in ((mean, moving_mean), (var, moving_var))]
            moving_mean = momentum * moving_mean + (1.0 - momentum) * mean
            moving_var = momentum * moving_var + (1.0 - momentum) * var
    else:
        mean, var = _at_least_float32(moving_mean.reshape(shape), moving_var.reshape(shape))
        if fused:
            Y = nd.BatchNorm(X, gamma, beta, mean, var, eps=eps, fix_gamma=False,
                             use_global_stats=True)
        else:
            X_hat = (X - mean) / nd.sqrt(var + eps)
            Y = gamma * X_hat + beta
    return Y.astype(dtype, copy=False), moving_mean, moving_var


def _at_least_float32(*arrays):
    return [z.astype('float32') if z.dtype == np.float16 else z for z in arrays]


def _setting(name, most):
    """Return a property that reads and sets `name`, such as 'eps', in a layer's `_kwargs`.

    If `most` is True, values are converted to bool; otherwise, they must be numbers from 0 to
    `most`.
    """
    def set_value(layer, value):
        if most is not True and (isinstance(value, bool) or not isinstance(
                value, (int, float, np.number)) or not 0 <= value <= most or np.isinf(value)):
            raise ValueError('%s must be a number from 0 to %g, got %r' % (name, most, value))
        layer._kwargs[name] = type(most)(value)
    return property(lambda layer: layer._kwargs[name], set_value)


class BatchNorm(nn.BatchNorm):
    """The book's batch normalization layer: (N, C) -> (N, C) or (N, C, H, W) -> (N, C, H, W).

    `num_features` is C; `num_dims` is 2 after a dense layer and 4 after a convolution; `eps`,
    `momentum` and `fused` are passed to `batch_norm`. With `use_global_stats`, the layer
    normalizes with the running averages even in training mode, and does not update them.

    In an imperative net, the layer calls `batch_norm` and updates its running averages in the
    forward pass. In a hybridized net, it is a single MXNet `BatchNorm` node and ignores `fused`; as
    usual in Gluon, the backward pass updates the averages. Tracing the net fixes `eps`, `momentum`
    and `use_global_stats`: after changing one of them, call `hybridize()` again.

    `gamma` (initially 1) and `beta` (0) are trained; `moving_mean` and `moving_var` (both 0) are
    running statistics, also called `running_mean` and `running_var`. All four have shape (1, C) or
    (1, C, 1, 1), stay float32 when the net is cast to float16, and are saved with the net.

    In the book, the running averages are plain arrays, which are not saved. `Net` loads files that
    lack them, with a warning.

    Raises ValueError for input of the wrong rank, dtype or number of channels, and under
    `npx.set_np()`; RuntimeError before `initialize()`. Source: D2L 5.11.2.
    """

    def __init__(self, num_features, num_dims, eps=1e-5, momentum=0.9, use_global_stats=False,
                 fused=True, prefix=None, params=None):
        # Skip nn.BatchNorm.__init__, which would create parameters with different names and shapes.
        nn.HybridBlock.__init__(self, prefix=prefix, params=params)
        check_features(num_features, num_dims)
        self.num_features, self.num_dims, self.fused = int(num_features), num_dims, fused
        # Define `_kwargs`, as nn.BatchNorm does, because GluonCV's freeze_bn writes to it.
        self._kwargs = {'axis': 1, 'fix_gamma': False, 'eps': None, 'momentum': None,
                        'use_global_stats': None}
        self.eps, self.momentum, self.use_global_stats = eps, momentum, use_global_stats
        shape = (1, self.num_features) + (1,) * (num_dims - 2)
        self.gamma = channel_parameter(self.params, 'gamma', shape, init.One())
        self.beta = channel_parameter(self.params, 'beta', shape, init.Zero())
        # As in the book, moving_var starts at 0, not 1. In prediction mode, an untrained layer
        # therefore multiplies its input by 1 / sqrt(eps).
        self.moving_mean = channel_parameter(self.params, 'moving_mean', shape, init.Zero(), 'null')
        self.moving_var = channel_parameter(self.params, 'moving_var', shape, init.Zero(), 'null')

    eps = _setting('eps', np.inf)
    momentum = _setting('momentum', 1.0)
    use_global_stats = _setting('use_global_stats', True)
    running_mean = property(lambda self: self.moving_mean)
    running_var = property(lambda self: self.moving_var)

    def forward(self, X):
        check_classic_arrays('batch normalization', X)
        if isinstance(X, nd.NDArray):
            self.moving_mean.check_initialized()
            check_norm_input(X, self.num_dims, gamma=self.gamma.data(X.context))
        return super().forward(X)

    def hybrid_forward(self, F, X, gamma, beta, moving_mean, moving_var):
        if F is not nd:
            return F.BatchNorm(X, gamma, beta, moving_mean, moving_var, name='fwd', **self._kwargs)
        use_batch_stats = autograd.is_training() and not self.use_global_stats
        with autograd.train_mode() if use_batch_stats else autograd.predict_mode():
            Y, new_mean, new_var = batch_norm(X, gamma, beta, moving_mean, moving_var,
                                              self.eps, self.momentum, self.fused)
        with autograd.pause():
            if use_batch_stats:
                moving_mean[:], moving_var[:] = new_mean, new_var
        return Y

    def __repr__(self):
        return 'BatchNorm(%d, num_dims=%d)' % (self.num_features, self.num_dims)
