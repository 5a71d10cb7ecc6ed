"""Graphs of one operator: MXNet's, ours, and the shapes of the inputs by name."""
import mxnet as mx
import numpy as np

from gluonblocks.graphs.graph import Graph, operator
from gluonblocks.graphs.kernels import selfcheck
from gluonblocks.graphs.passes import multiply_small_maps

EPS, MOMENTUM = 1e-5, 0.9
_NORM = [('gamma', 'g'), ('beta', 'b'), ('moving_mean', 'm'), ('moving_var', 'v')]


def norm_graphs(shape, activation='', training=1):
    """One batch normalization with an activation."""
    x, C = mx.sym.var('x'), (shape[1],)
    shapes = dict({'x': shape}, **{name: C for _, name in _NORM})
    ours = operator('_gluonblocks_norm', ['x'] + [name for _, name in _NORM],
                    activation=activation, eps=EPS, momentum=MOMENTUM, training=training)
    return _activate(_batch_norm(x), activation), ours, shapes


def stage_graphs(shape, channels, kernel, pad, activation, window, stride, training=1):
    """One stage."""
    x, C = mx.sym.var('x'), (channels,)
    shapes = dict({'x': shape, 'w': C + (shape[1],) + kernel, 'c': C},
                  **{name: C for _, name in _NORM})
    conv = mx.sym.Convolution(x, mx.sym.var('w'), mx.sym.var('c'), kernel=kernel, pad=pad,
                              num_filter=channels)
    plain = mx.sym.Pooling(_activate(_batch_norm(conv), activation), kernel=window, stride=stride,
                           pool_type='max')
    ours = operator('_gluonblocks_stage', ['x', 'w', 'c'] + [name for _, name in _NORM],
                    activation=activation, eps=EPS, momentum=MOMENTUM, channels=channels,
                    kernel='%dx%d' % kernel, pad='%dx%d' % pad, window='%dx%d' % window,
                    stride='%dx%d' % stride, training=training)
    return plain, ours, shapes


def matrix_graphs(shape, channels, kernel, pad, stride, bias=True):
    """One convolution on a small map."""
    shapes = {'x': shape, 'w': (channels, shape[1]) + kernel}
    if bias:
        shapes['c'] = (channels,)
    plain = mx.sym.Convolution(*[mx.sym.var(name) for name in shapes], kernel=kernel, pad=pad,
                               stride=stride, num_filter=channels, no_bias=not bias)
    graph = Graph(plain, operators=True, requests={'w': 'write', 'c': 'write'}, x=shape)
    return plain, multiply_small_maps(graph).symbol(), shapes


def _batch_norm(x):
    return mx.sym.BatchNorm(x, eps=EPS, momentum=MOMENTUM, fix_gamma=False,
                            **{role: mx.sym.var(name) for role, name in _NORM})


def _activate(x, activation):
    return mx.sym.Activation(x, act_type=activation) if activation else x


def values(shapes, rng, offset=0.0):
    """Random float32 arrays for the inputs."""
    arrays = {name: rng.randn(*shape).astype('float32') for name, shape in sorted(shapes.items())}
    arrays['x'] += np.float32(offset)
    if 'v' in arrays:
        arrays['v'] = np.abs(arrays['v'])
    return arrays


def run(symbol, arrays, dY=None, training=True):
    """{'out': .., the gradient of each input, the averages as they are then}."""
    return selfcheck.run(symbol, arrays, 'mv', training, dY)
