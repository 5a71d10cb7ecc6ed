"""Variants of batch normalization for the exercises of D2L 5.11: centering, scaling, whitening.

These layers are plain Gluon Blocks: they run one operator at a time, and cannot be hybridized.
When called on a symbol, they return the graph for prediction, so nets that contain them can be
exported.
"""
import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, init, nd

from ..checks import check_features
from .parameters import channel_parameter


class _OtherNorm(gluon.Block):
    """The base class of the layers in this file, with gamma, beta and the running averages.

    `averages` maps the name of each running average to its shape. By default, a layer has one
    running average, with one value per channel; its name is the class attribute `average`.
    Subclasses implement `normalize(F, X, follow)`, which returns the normalized input. In training
    mode, `follow(name, batch)` updates the running average `name` with the statistic `batch()`, and
    returns that statistic. In prediction mode, `follow` only returns the running average.
    """

    average = ''

    def __init__(self, num_features, num_dims, averages=None, eps=1e-5, momentum=0.9, **kwargs):
        super().__init__(**kwargs)
        check_features(num_features, num_dims)
        self._num_features, self._num_dims = int(num_features), num_dims
        self._eps, self._momentum = eps, momentum
        shape = (1, self._num_features) + (1,) * (num_dims - 2)
        self.gamma = channel_parameter(self.params, 'gamma', shape, init.One())
        self.beta = channel_parameter(self.params, 'beta', shape, init.Zero())
        for name, dims in (averages or {self.average: shape}).items():
            setattr(self, name, channel_parameter(self.params, name, dims, init.Zero(), 'null'))

    def forward(self, X):
        if isinstance(X, mx.sym.Symbol):
            X_hat = self.normalize(mx.sym, X, lambda name, batch: getattr(self, name).var())
            return mx.sym.broadcast_add(mx.sym.broadcast_mul(self.gamma.var(), X_hat),
                                        self.beta.var())
        if X.ndim != self._num_dims or X.shape[1] != self._num_features:
            raise ValueError('%s expected input of shape %s, got %s' % (
                self.name, ('(N, %d)' if self._num_dims == 2 else '(N, %d, H, W)')
                % self._num_features, X.shape))
        with X.context:
            return self.gamma.data() * self.normalize(nd, X, self._follow) + self.beta.data()

    def _follow(self, name, batch):
        average = getattr(self, name).data()
        if not autograd.is_training():
            return average
        new = batch()
        with autograd.pause():
            average[:] = self._momentum * average + (1 - self._momentum) * new
        return new

    def _mean(self, F, X):
        return F.mean(X, axis=0 if self._num_dims == 2 else (0, 2, 3), keepdims=True)


class Centering(_OtherNorm):
    """Batch normalization without dividing by the standard deviation: gamma * (X - mean) + beta.

    Input and output have shape (N, C) if `num_dims` is 2 and (N, C, H, W) if it is 4, where C is
    `num_features`. Training uses the batch's mean; prediction uses `moving_mean`, initially 0. This
    is the "mean-only batch normalization" of Salimans & Kingma 2016 (arXiv:1602.07868), but with
    gamma and without weight normalization. Raises ValueError for input of any other shape.
    """

    average = 'moving_mean'

    def normalize(self, F, X, follow):
        return F.broadcast_sub(X, follow('moving_mean', lambda: self._mean(F, X)))


class Scaling(_OtherNorm):
    """Batch normalization without subtracting the mean: gamma * X / sqrt(var + eps) + beta.

    Input and output have shape (N, C) if `num_dims` is 2 and (N, C, H, W) if it is 4, where C is
    `num_features`. The variance is computed about the mean, as in `BatchNorm`. Training uses the
    batch's variance; prediction uses `moving_var`, initially 0. Raises ValueError for input of any
    other shape.
    """

    average = 'moving_var'

    def normalize(self, F, X, follow):
        var = follow('moving_var', lambda: self._mean(
            F, F.square(F.broadcast_sub(X, self._mean(F, X)))))
        return F.broadcast_div(X, F.sqrt(var + self._eps))


class Whitening(_OtherNorm):
    """Batch normalization that decorrelates the channels: gamma * W (X - mean) + beta, where W is
    the inverse square root of the covariance matrix.

    Input and output have shape (N, C) if `num_dims` is 2 and (N, C, H, W) if it is 4, where C is
    `num_features`. Batch normalization divides each channel by its own standard deviation. This
    layer multiplies all channels by one (C, C) matrix, so that the covariance of W (X - mean) is
    the identity. Of all such matrices, W is the symmetric one (ZCA), which changes the channels
    least.

    W is computed by `num_iterations` steps of Newton's method, as in the decorrelated batch
    normalization of Huang et al. (2018, arXiv:1804.08450; 2019, arXiv:1904.03441). This needs only
    matrix products. Directions in which the batch hardly varies are whitened only in part, whereas
    an exact inverse would amplify their noise. The running averages of the mean, `moving_mean`
    (C, 1), and of W, `moving_matrix` (C, C), both start at 0.

    Raises ValueError unless the input has `num_dims` dimensions and `num_features` channels.
    """

    def __init__(self, num_features, num_dims, num_iterations=5, **kwargs):
        shapes = {'moving_mean': (num_features, 1), 'moving_matrix': (num_features, num_features)}
        super().__init__(num_features, num_dims, shapes, **kwargs)
        self._num_iterations = num_iterations

    def normalize(self, F, X, follow):
        X = F.swapaxes(X, 0, 1)  # (C, N) or (C, N, H, W)
        Z = F.reshape(X, (0, -1))  # (C, n)

        def batch_matrix():
            D = F.broadcast_sub(Z, F.mean(Z, axis=1, keepdims=True))
            eye = F.eye(self._num_features, dtype=np.dtype(self.gamma.dtype).name)
            cov = F.dot(D, D, transpose_b=True) / Z.shape[1] + self._eps * eye
            return _inverse_root(F, cov, eye, self._num_iterations)
        W = follow('moving_matrix', batch_matrix)
        mean = follow('moving_mean', lambda: F.mean(Z, axis=1, keepdims=True))
        return F.swapaxes(F.reshape_like(F.dot(W, F.broadcast_sub(Z, mean)), X), 0, 1)


def _inverse_root(F, A, eye, num_iterations):
    """Approximate the inverse square root of A, a symmetric positive definite (C, C) matrix.

    Starting from the identity, Newton's iteration Z <- (3 Z - Z^3 A) / 2 converges to the inverse
    square root if no eigenvalue of A exceeds 1. A is therefore divided by its trace, the sum of its
    eigenvalues. Y = A Z is computed alongside Z, because otherwise rounding errors would grow from
    step to step (Higham 2008, Functions of Matrices, chapter 6).
    """
    trace = F.reshape(F.sum(A * eye), (1, 1))
    Y, Z = F.broadcast_div(A, trace), eye
    for _ in range(num_iterations):
        step = 1.5 * eye - 0.5 * F.dot(Z, Y)
        Y, Z = F.dot(Y, step), F.dot(step, Z)
    return F.broadcast_div(Z, F.sqrt(trace))
