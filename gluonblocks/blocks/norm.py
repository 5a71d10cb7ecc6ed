"""Batch normalization from scratch: D2L 5.11, after Ioffe & Szegedy 2015 (arXiv:1502.03167).

`formula` is the definition. What runs is the same in another order, from `graphs/`, unless
GLUONBLOCKS_WAY=formula says otherwise (see graphs/switch.py).
"""
import collections
import math

import numpy as np
from mxnet import autograd, init, nd
from mxnet.gluon import nn

from ..checks import check_classic_arrays, check_positive
from ..graphs.batch_norm import batch_norm_arrays, batch_norm_graph
from ..graphs.formula import formula_graph
from ..graphs.prediction import for_prediction
from ..graphs.statistics import starts_missing, statistic
from ..graphs.switch import way

_FLOATS = ('float16', 'float32', 'float64')


def formula(X, gamma, beta, moving_mean, moving_var, eps, momentum):
    """Batch normalization as the chapter writes it; all but X are (1, C) or (1, C, 1, 1)."""
    if autograd.is_training():
        axes = 0 if len(X.shape) == 2 else (0, 2, 3)  # all but the channels
        mean = X.mean(axis=axes, keepdims=True)
        var = ((X - mean) ** 2).mean(axis=axes, keepdims=True)
        with autograd.pause():  # recorded, each step's averages would hold on to the step before
            moving_mean = momentum * moving_mean + (1.0 - momentum) * mean
            moving_var = momentum * moving_var + (1.0 - momentum) * var
    else:
        mean, var = moving_mean, moving_var
    X_hat = (X - mean) / nd.sqrt(var + eps)
    return gamma * X_hat + beta, moving_mean, moving_var


_ON_ARRAYS = {'formula': formula, 'graph': batch_norm_arrays, 'operators': batch_norm_arrays}
# Operators are put in the place of the graph by the net that holds it: see graphs/operators.py.
_AS_GRAPH = {'formula': formula_graph, 'graph': batch_norm_graph, 'operators': batch_norm_graph}


def batch_norm(X, gamma, beta, moving_mean, moving_var, eps, momentum):
    """Normalize `X` per channel, then scale by `gamma` and shift by `beta`.

    While training (`autograd.is_training()`, as within `autograd.record()`) the mean and the
    biased variance of the batch are used and the averages move:
    new = momentum * old + (1 - momentum) * batch. Otherwise the averages are used, unchanged.
    The averages returned are not part of the autograd graph. `formula` defines it.

    Arguments: `X` is (N, C) or (N, C, H, W) of floats; `gamma`, `beta`, `moving_mean` and
    `moving_var` hold C numbers each, in any shape, of X's dtype (float16 input is computed in
    float32 and may come with float32 parameters); `eps` is added to the variance.

    Returns (Y, moving_mean, moving_var): Y of X's shape and dtype, the averages of theirs.

    Raises ValueError for any other rank, for C that differs, for other dtypes, and for arrays of
    `mx.np`.

    Source: D2L 5.11.2; Ioffe & Szegedy 2015, algorithms 1 and 2.
    """
    _check(X, gamma=gamma, beta=beta, moving_mean=moving_mean, moving_var=moving_var)
    shape = (1, -1) + (1,) * (len(X.shape) - 2)
    gamma, beta, old_mean, old_var = [
        _at_least_float32(z).reshape(shape) for z in (gamma, beta, moving_mean, moving_var)]
    Y, new_mean, new_var = _ON_ARRAYS[way()](_at_least_float32(X), gamma, beta, old_mean, old_var,
                                             eps, momentum)
    if autograd.is_training():
        with autograd.pause():
            moving_mean, moving_var = [
                new.reshape(old.shape).astype(old.dtype)
                for new, old in ((new_mean, moving_mean), (new_var, moving_var))]
    return Y.astype(X.dtype, copy=False), moving_mean, moving_var


def _setting(name):
    return property(lambda self: self._kwargs[name],
                    lambda self, value: self._kwargs.update({name: value}))


class BatchNorm(nn.BatchNorm):
    """The book's batch normalization layer: (N, C) -> (N, C) or (N, C, H, W) -> (N, C, H, W).

    Arguments: `num_features` is C, the outputs of a dense layer or the channels of a
    convolution; `num_dims` is 2 or 4, the rank of the input; `eps` and `momentum` are those of
    `batch_norm`; with `use_global_stats` the averages are used while training too, and stay as
    they are. These three may be set later, also when the layer is hybridized.

    `gamma` (starts at 1) and `beta` (0) are trained; `moving_mean` and `moving_var` (both 0) are
    statistics, which move in each forward pass while training and are used otherwise. All are of
    shape (1, C) or (1, C, 1, 1), stay float32 when the net is cast to float16, and are saved and
    loaded with the net, one set per device.

    Book: the book keeps the statistics in plain arrays, which `save_parameters` drops. Its files
    load here and in the nets of `get_model`, with a warning; in a net of another class with
    `net.initialize()`, then `net.load_parameters(filename, allow_missing=True)`.

    To other tools it is an `nn.BatchNorm`, and `gluoncv.utils.freeze_bn` freezes it.

    Raises ValueError for other ranks, channels that differ from `num_features`, input that is not
    of floats, and under `npx.set_np()`; RuntimeError before `initialize()`. Source: D2L 5.11.2.
    """

    def __init__(self, num_features, num_dims, eps=1e-5, momentum=0.9, use_global_stats=False,
                 prefix=None, params=None):
        # Not nn.BatchNorm's own, whose parameters have other names and shapes than the book's.
        nn.HybridBlock.__init__(self, prefix=prefix, params=params)
        if num_dims not in (2, 4):
            raise ValueError('num_dims is %r, but must be 2 (after a dense layer) or 4 (after a '
                             'convolution)' % (num_dims,))
        check_positive('num_features', num_features)
        self._num_features, self._num_dims = int(num_features), num_dims
        self._dtype = 'float32'
        shape = self._shape = (1, self._num_features) + (1,) * (num_dims - 2)
        self.gamma = self.params.get('gamma', shape=shape, init=init.One())
        self.beta = self.params.get('beta', shape=shape, init=init.Zero())
        # Book: a variance that starts at 0, not 1: an untrained layer multiplies by 1 / sqrt(eps).
        for name in ('moving_mean', 'moving_var'):
            setattr(self, name, statistic(self.params, name, shape))
        # Under nn.BatchNorm's name for them, by which GluonCV sets use_global_stats.
        self._kwargs = _Settings(self.moving_mean.forget_graphs, eps=eps, momentum=momentum,
                                 use_global_stats=use_global_stats)

    eps, momentum, use_global_stats = [
        _setting(name) for name in ('eps', 'momentum', 'use_global_stats')]

    def cast(self, dtype):
        """Compute in `dtype` from now on; for float16 the parameters stay float32."""
        self._dtype = np.dtype(dtype).name
        super().cast('float32' if self._dtype == 'float16' else dtype)

    def forward(self, X):
        check_classic_arrays('batch normalization', X)
        if isinstance(X, nd.NDArray):
            if len(X.shape) != self._num_dims:
                raise ValueError('%r got input of shape %s; it takes %s' % (
                    self, X.shape, '(N, C)' if self._num_dims == 2 else '(N, C, H, W)'))
            _check(X, num_features=self._num_features)
            dtype = np.dtype(X.dtype).name
            if self._active and dtype != self._dtype:  # a graph is made for one dtype
                raise ValueError("%r is hybridized for %s, but got input of %s: net.cast('%s')"
                                 % (self, self._dtype, dtype, dtype))
            self.moving_mean.check_initialized()
        return super().forward(X)

    def hybrid_forward(self, F, X, gamma, beta, moving_mean, moving_var):
        if F is nd:
            trains = autograd.is_training() and not self.use_global_stats
            with autograd.train_mode() if trains else autograd.predict_mode():
                Y, new_mean, new_var = batch_norm(X, gamma, beta, moving_mean, moving_var,
                                                  self.eps, self.momentum)
            if trains:
                with autograd.pause():
                    moving_mean[:], moving_var[:] = new_mean, new_var
            return Y
        if for_prediction():
            return F.BatchNorm(X, gamma, beta, moving_mean, moving_var, name='fwd', eps=self.eps,
                               momentum=self.momentum, fix_gamma=False, axis=1,
                               use_global_stats=self.use_global_stats)
        self.moving_mean.traced()
        if self._dtype == 'float16':
            X = F.cast(X, 'float32')
        Y = _AS_GRAPH[way()](F, X, gamma, beta, moving_mean, moving_var, self._shape, self.eps,
                             self.momentum, self.use_global_stats)
        return F.cast(Y, 'float16') if self._dtype == 'float16' else Y

    def load_parameters(self, filename, ctx=None, allow_missing=False, *args, **kwargs):
        """As `Block.load_parameters`; a file without the statistics loads too, with a warning."""
        allow_missing = starts_missing(self, filename, ctx) or allow_missing
        super().load_parameters(filename, ctx, allow_missing, *args, **kwargs)

    def _collect_params_with_prefix(self, prefix=''):
        # Gluon's first step when it saves a net. With static_shape a graph writes statistics unseen
        # by MXNet's engine: one file in five had an older step's, of nn.BatchNorm's layers too.
        nd.waitall()
        return super()._collect_params_with_prefix(prefix)

    def __repr__(self):
        return 'BatchNorm(%d, num_dims=%d)' % (self._num_features, self._num_dims)


class _Settings(collections.UserDict):
    """A layer's numbers by name. When one changes, graphs that have it inside are forgotten."""

    def __init__(self, forget_graphs, **values):
        self._forget_graphs = forget_graphs
        super().__init__(**values)

    def __setitem__(self, name, value):
        if name == 'use_global_stats':
            value = bool(value)
        elif isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not (
                0 <= value <= (1 if name == 'momentum' else math.inf)):
            raise ValueError('%s is %r, but must be a number %s' % (
                name, value, 'from 0 to 1' if name == 'momentum' else 'from 0'))
        if self.data.get(name, value) != value:
            self._forget_graphs()
        self.data[name] = value


def _at_least_float32(X):
    return X.astype('float32') if X.dtype == np.float16 else X


def _check(X, num_features=None, **params):
    check_classic_arrays('batch normalization', X)
    if not isinstance(X, nd.NDArray):
        raise ValueError('X is a %s, but must be an NDArray: nd.array(X)' % type(X).__name__)
    if len(X.shape) not in (2, 4):
        raise ValueError('X has shape %s, but batch normalization takes (N, C) or (N, C, H, W)'
                         % (X.shape,))
    dtype = np.dtype(X.dtype).name
    if dtype not in _FLOATS:
        raise ValueError("X has dtype %s, but must be one of %s: X.astype('float32')"
                         % (dtype, ', '.join(_FLOATS)))
    if num_features not in (None, X.shape[1]):
        raise ValueError('X has %d channels (shape %s), but num_features is %d'
                         % (X.shape[1], X.shape, num_features))
    for name, param in params.items():
        if param.size != X.shape[1]:
            raise ValueError('%s has %d elements (shape %s), but X has %d channels (shape %s)'
                             % (name, param.size, param.shape, X.shape[1], X.shape))
        allowed = (dtype, 'float32') if dtype == 'float16' else (dtype,)
        if np.dtype(param.dtype).name not in allowed:
            raise ValueError('%s has dtype %s, but X has %s: cast one of them, as with '
                             "net.cast('%s')" % (name, np.dtype(param.dtype).name, dtype, dtype))
