"""Batch normalization from scratch: D2L 5.11, after Ioffe & Szegedy 2015 (arXiv:1502.03167)."""
import sys
import warnings

import mxnet as mx
import numpy as np
from mxnet import autograd, init, nd
from mxnet.gluon import nn

from ..checks import check_positive
from ..graphs.batch_norm import batch_norm_graph, normalize_batch
from ..graphs.channels import Channels, scale_and_shift

_FLOATS = ('float16', 'float32', 'float64')


def batch_norm(X, gamma, beta, moving_mean, moving_var, eps, momentum):
    """Normalize `X` per channel, then scale by `gamma` and shift by `beta`.

    While training (`autograd.is_training()`, as within `autograd.record()`) the mean and the
    biased variance of the batch are used and the averages move:
    new = momentum * old + (1 - momentum) * batch. Otherwise the averages are used, unchanged.
    The averages returned are not part of the autograd graph.

    Arguments: `X` is (N, C) or (N, C, H, W) of floats; `gamma`, `beta`, `moving_mean` and
    `moving_var` hold C numbers each, in any shape, of X's dtype (float16 input is computed in
    float32 and may come with float32 parameters); `eps` is added to the variance.

    Returns (Y, moving_mean, moving_var): Y of X's shape and dtype, the averages of theirs.

    Raises ValueError for any other rank, for C that differs, and for other dtypes.

    Source: D2L 5.11.2; Ioffe & Szegedy 2015, algorithms 1 and 2.
    """
    _check(X, gamma=gamma, beta=beta, moving_mean=moving_mean, moving_var=moving_var)
    shape = (1, -1) + (1,) * (len(X.shape) - 2)
    x, gamma, beta, old_mean, old_var = [_at_least_float32(X)] + [
        _at_least_float32(z).reshape(shape) for z in (gamma, beta, moving_mean, moving_var)]
    if autograd.is_training():
        Y, mean, var = normalize_batch(gamma.size, x.ndim, eps)(x, gamma, beta)
        with autograd.pause():  # recorded, each step's averages would hold on to the step before
            moving_mean = _average(moving_mean, old_mean, mean, momentum)
            moving_var = _average(moving_var, old_var, var, momentum)
    else:
        channels = Channels(nd, x, gamma.size, x.ndim)
        D = channels.X - channels.spread(old_mean)
        Y = scale_and_shift(nd, channels, D, 0, old_var, gamma, beta, eps)
    return Y.astype(X.dtype, copy=False), moving_mean, moving_var


class BatchNorm(nn.HybridBlock):
    """The book's batch normalization layer: (N, C) -> (N, C) or (N, C, H, W) -> (N, C, H, W).

    Arguments: `num_features` is C, the outputs of a dense layer or the channels of a
    convolution; `num_dims` is 2 or 4, the rank of the input.

    `gamma` (starts at 1) and `beta` (0) are trained; `moving_mean` and `moving_var` (both 0) are
    statistics, which move in each forward pass while training and are used otherwise. All are of
    shape (1, C) or (1, C, 1, 1), stay float32 when the net is cast to float16, and are saved and
    loaded with the net, one set per device.

    Book: the book keeps the statistics in plain arrays, which `save_parameters` drops. Its files
    load here all the same, with a warning.

    Raises ValueError for other ranks, channels that differ from `num_features` and input that is
    not of floats. Source: D2L 5.11.2.
    """

    eps, momentum = 1e-5, 0.9

    def __init__(self, num_features, num_dims, **kwargs):
        super().__init__(**kwargs)
        if num_dims not in (2, 4):
            raise ValueError('num_dims is %r, but must be 2 (after a dense layer) or 4 (after a '
                             'convolution)' % (num_dims,))
        check_positive('num_features', num_features)
        self._num_features, self._num_dims = int(num_features), num_dims
        self._dtype = 'float32'
        shape = (1, self._num_features) + (1,) * (num_dims - 2)
        self.gamma = self.params.get('gamma', shape=shape, init=init.One())
        self.beta = self.params.get('beta', shape=shape, init=init.Zero())
        # Book: a variance that starts at 0, not 1: an untrained layer multiplies by 1 / sqrt(eps).
        for name in ('moving_mean', 'moving_var'):
            setattr(self, name, self.params.get(name, shape=shape, init=init.Zero(),
                                                grad_req='null', differentiable=False))

    def cast(self, dtype):
        """Compute in `dtype` from now on; for float16 the parameters stay float32."""
        self._dtype = np.dtype(dtype).name
        super().cast('float32' if self._dtype == 'float16' else dtype)

    def forward(self, X):
        if isinstance(X, nd.NDArray):
            if len(X.shape) != self._num_dims:
                raise ValueError('%r got input of shape %s; it takes %s' % (
                    self, X.shape, '(N, C)' if self._num_dims == 2 else '(N, C, H, W)'))
            _check(X, num_features=self._num_features)
            dtype = np.dtype(X.dtype).name
            if self._active and dtype != self._dtype:  # a graph is made for one dtype
                raise ValueError("%r is hybridized for %s, but got input of %s: net.cast('%s')"
                                 % (self, self._dtype, dtype, dtype))
        return super().forward(X)

    def hybrid_forward(self, F, X, gamma, beta, moving_mean, moving_var):
        if F is nd:
            Y, new_mean, new_var = batch_norm(X, gamma, beta, moving_mean, moving_var,
                                              self.eps, self.momentum)
            if autograd.is_training():
                with autograd.pause():
                    moving_mean[:], moving_var[:] = new_mean, new_var
            return Y
        if self._dtype == 'float16':
            X = F.cast(X, 'float32')
        Y = batch_norm_graph(F, X, gamma, beta, moving_mean, moving_var, self._num_features,
                             self._num_dims, self.eps, self.momentum)
        return F.cast(Y, 'float16') if self._dtype == 'float16' else Y

    def load_parameters(self, filename, *args, **kwargs):
        """As `Block.load_parameters`; a file without the statistics loads too, with a warning."""
        names = nd.load(filename)
        if isinstance(names, dict) and 'gamma' in names and 'moving_mean' not in names:
            kwargs['allow_missing'] = True
            self._keep_statistics(filename, args[0] if args else kwargs.get('ctx'))
        super().load_parameters(filename, *args, **kwargs)

    def _collect_params_with_prefix(self, prefix=''):
        """The parameters by their names in a file. Gluon asks when it saves and when it loads.

        When a net loads a file by the book's own block, which has gamma but no statistics, these
        are left out, for Gluon refuses a file that lacks a name. Gluon gives a block no say in its
        net's loading, so the file's names are read from the `load_parameters` that is asking.
        """
        params = super()._collect_params_with_prefix(prefix)
        frame = sys._getframe(1)
        while frame and frame.f_code.co_name == '_collect_params_with_prefix':
            frame = frame.f_back
        if frame and frame.f_code.co_name == 'load_parameters':
            loaded = frame.f_locals.get('loaded') or {}
            prefix = prefix + '.' if prefix else ''
            if prefix + 'gamma' in loaded and prefix + 'moving_mean' not in loaded:
                self._keep_statistics(frame.f_locals['filename'], frame.f_locals['ctx'])
                del params[prefix + 'moving_mean'], params[prefix + 'moving_var']
        return params

    def _keep_statistics(self, filename, ctx):
        for param in (self.moving_mean, self.moving_var):
            if param._data is None:
                param.initialize(ctx=ctx or mx.cpu())
        warnings.warn("%s: '%s' holds no moving_mean and moving_var (the book's BatchNorm does "
                      'not save them). They keep their values, 0 in a new net: before predicting, '
                      'run training data through the net within autograd.train_mode().'
                      % (self.name, filename), stacklevel=4)

    def __repr__(self):
        return 'BatchNorm(%d, num_dims=%d)' % (self._num_features, self._num_dims)


def _average(like, old, new, momentum):
    new = momentum * old + (1.0 - momentum) * new
    return new.reshape(like.shape).astype(like.dtype)


def _at_least_float32(X):
    return X.astype('float32') if X.dtype == np.float16 else X


def _check(X, num_features=None, **params):
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
