"""Relatives of batch normalization, for the exercises of D2L 5.11: half of it, and more than it."""
from mxnet import autograd, init, nd
from mxnet.gluon import nn

from ..checks import check_classic_arrays, check_positive
from ..graphs.channels import Channels
from ..graphs.mode import follow, marked, predicting
from ..graphs.statistics import statistic


class _OtherNorm(nn.HybridBlock):
    """What these layers share with `BatchNorm`: gamma, beta, and statistics that move.

    `statistics` are the shapes of the averages by their names. The subclass's
    `normalize(F, X, follow)` returns X_hat: `follow(name, batch)` is the batch's own statistic
    while training, toward which the average of that name moves, and the average otherwise.
    """

    def __init__(self, num_features, num_dims, statistics, eps=1e-5, momentum=0.9, **kwargs):
        super().__init__(**kwargs)
        check_classic_arrays(self.name)
        check_positive('num_features', num_features)
        if num_dims not in (2, 4):
            raise ValueError('num_dims is %r, but must be 2 (after a dense layer) or 4 (after a '
                             'convolution)' % (num_dims,))
        self._num_features, self._num_dims = int(num_features), num_dims
        self._eps, self._momentum, self._statistics = eps, momentum, statistics
        shape = (1, self._num_features) + (1,) * (num_dims - 2)
        self.gamma = self.params.get('gamma', shape=shape, init=init.One())
        self.beta = self.params.get('beta', shape=shape, init=init.Zero())
        for name, of in statistics.items():
            setattr(self, name, statistic(self.params, name, of))

    def forward(self, X):
        check_classic_arrays(self.name, X)
        if isinstance(X, nd.NDArray) and (len(X.shape) != self._num_dims or
                                          X.shape[1] != self._num_features):
            raise ValueError('%s got input of shape %s; it takes %s' % (
                self.name, X.shape, ('(N, %d)' if self._num_dims == 2 else '(N, %d, H, W)')
                % self._num_features))
        return super().forward(X)

    def hybrid_forward(self, F, X, gamma, beta, **averages):
        if F is nd:
            X_hat = self.normalize(F, X, lambda name, batch: self._follow(averages[name], batch))
        else:
            with marked():
                X_hat = self.normalize(F, X, lambda name, batch: follow(
                    F, predicting(F, self._statistics[name]), averages[name], batch,
                    self._momentum))
        channels = Channels(F, X_hat, self._num_features, self._num_dims)
        return (channels.back(channels.X * channels.spread(gamma)) +
                channels.spread(beta, back=True))

    def _follow(self, average, batch):
        if not autograd.is_training():
            return average
        with autograd.pause():
            average[:] = self._momentum * average + (1 - self._momentum) * batch
        return batch

    def normalize(self, F, X, follow):
        raise NotImplementedError


class Centering(_OtherNorm):
    """Batch normalization without the division: gamma * (X - mean) + beta.

    (N, C) -> (N, C), or (N, C, H, W) -> (N, C, H, W), by `num_dims`; C is `num_features`. The mean
    is the batch's while training and `moving_mean`, which starts at 0, otherwise; with gamma it is
    the "mean-only batch normalization" of Salimans & Kingma 2016 (arXiv:1602.07868), but for
    their weights of length 1. Raises ValueError for input of another shape.
    """

    def __init__(self, num_features, num_dims, **kwargs):
        shape = (1, num_features) + (1,) * (num_dims - 2)
        super().__init__(num_features, num_dims, {'moving_mean': shape}, **kwargs)

    def normalize(self, F, X, follow):
        channels = Channels(F, X, self._num_features, self._num_dims)
        mean = follow('moving_mean', channels.mean(channels.X))
        return channels.back(channels.X - channels.spread(mean))


class Scaling(_OtherNorm):
    """Batch normalization without the mean's removal: gamma * X / sqrt(var + eps) + beta.

    (N, C) -> (N, C), or (N, C, H, W) -> (N, C, H, W), by `num_dims`; C is `num_features`. The
    variance is taken about the mean, as in `BatchNorm`; it is the batch's while training and
    `moving_var`, which starts at 0, otherwise. Raises ValueError for input of another shape.
    """

    def __init__(self, num_features, num_dims, **kwargs):
        shape = (1, num_features) + (1,) * (num_dims - 2)
        super().__init__(num_features, num_dims, {'moving_var': shape}, **kwargs)

    def normalize(self, F, X, follow):
        channels = Channels(F, X, self._num_features, self._num_dims)
        D = channels.X - channels.spread(channels.mean(channels.X))
        var = follow('moving_var', channels.mean(F.square(D)))
        return channels.back(channels.X * channels.spread(1 / F.sqrt(var + self._eps)))


class Whitening(_OtherNorm):
    """Channels without correlation: gamma * W (X - mean) + beta, W the inverse of the covariance's
    square root.

    (N, C) -> (N, C), or (N, C, H, W) -> (N, C, H, W), by `num_dims`; C is `num_features`. Batch
    normalization divides each channel by its own deviation; this one multiplies all channels by
    one matrix, (C, C), so that what comes out has, but for gamma and beta, the identity as its
    covariance. Of the matrices that do so W is the symmetric one (ZCA), which turns the channels
    the least.

    W comes of `num_iterations` of Newton's iteration, as Huang et al. 2019 (arXiv:1904.03441) have
    it for their decorrelated batch normalization (2018, arXiv:1804.08450): matrix products only,
    and directions in which the batch hardly varies, which an exact inverse would blow up, are
    whitened in part. `moving_mean`, (C, 1), and `moving_matrix`, W's average, both start at 0.

    Raises ValueError for input of another shape.
    """

    def __init__(self, num_features, num_dims, num_iterations=5, **kwargs):
        shapes = {'moving_mean': (num_features, 1), 'moving_matrix': (num_features, num_features)}
        super().__init__(num_features, num_dims, shapes, **kwargs)
        check_positive('num_iterations', num_iterations)
        self._num_iterations = num_iterations

    def normalize(self, F, X, follow):
        X = F.swapaxes(X, 0, 1)  # (C, N) or (C, N, H, W)
        Z = F.reshape(X, (0, -1))  # (C, n)
        mean = F.mean(Z, axis=1, keepdims=True)
        D = F.broadcast_sub(Z, mean)
        # A graph is traced before n is known: it is counted when the graph runs.
        n = F.sum(F.ones_like(F.slice_axis(Z, axis=0, begin=0, end=1)), axis=1, keepdims=True)
        eye = F.eye(self._num_features)
        cov = F.broadcast_div(F.dot(D, D, transpose_b=True), n) + self._eps * eye
        W = follow('moving_matrix', _inverse_root(F, cov, eye, self._num_iterations))
        Y = F.dot(W, F.broadcast_sub(Z, follow('moving_mean', mean)))
        return F.swapaxes(F.reshape_like(Y, X), 0, 1)


def _inverse_root(F, A, eye, num_iterations):
    """About the inverse of A's square root; A is symmetric, (C, C), its eigenvalues above 0.

    Newton's iteration Z <- (3 Z - Z^3 A) / 2 goes there from the identity, where all eigenvalues of
    A are at most 1: A is divided by its trace, their sum. Y = A Z is kept beside Z, for without it
    the errors of rounding grow from step to step, to no end (Higham 2008, Functions of Matrices,
    chapter 6).
    """
    trace = F.reshape(F.sum(A * eye), (1, 1))
    Y, Z = F.broadcast_div(A, trace), eye
    for _ in range(num_iterations):
        step = 1.5 * eye - 0.5 * F.dot(Z, Y)
        Y, Z = F.dot(Y, step), F.dot(step, Z)
    return F.broadcast_div(Z, F.sqrt(trace))
