"""Graphs that become one operator of ours: MXNet's, ours, and the shapes of the inputs by name."""
import mxnet as mx
import numpy as np

from gluonblocks.graphs.graph import Graph
from gluonblocks.graphs.kernels import selfcheck
from gluonblocks.graphs.passes import PREDICTION, TRAINING


def norm_graphs(shape, activation='', training=True):
    """One batch normalization with an activation."""
    return _graphs(_norm(_input(), activation), shape, training)


def stage_graphs(shape, channels, kernel, pad, activation, window, stride, training=True):
    """One stage."""
    conv = mx.sym.Convolution(_input(), mx.sym.var('w'), mx.sym.var('c'), kernel=kernel, pad=pad,
                              num_filter=channels)
    pool = mx.sym.Pooling(_norm(conv, activation), kernel=window, stride=stride, pool_type='max')
    return _graphs(pool, shape, training)


def matrix_graphs(shape, channels, kernel, pad, stride, bias=True):
    """One convolution on a small map."""
    weights = [mx.sym.var('w'), mx.sym.var('c')][:1 + bias]
    return _graphs(mx.sym.Convolution(_input(), *weights, kernel=kernel, pad=pad, stride=stride,
                                      num_filter=channels, no_bias=not bias), shape)


def _input():
    return mx.sym.identity(mx.sym.var('x'))  # of a net's own input no gradient is computed


def _norm(x, activation):
    params = {'gamma': 'g', 'beta': 'b', 'moving_mean': 'm', 'moving_var': 'v'}
    x = mx.sym.BatchNorm(x, eps=1e-5, momentum=0.9, fix_gamma=False,
                         **{role: mx.sym.var(name) for role, name in params.items()})
    return mx.sym.Activation(x, act_type=activation) if activation else x


def _graphs(plain, shape, training=True):
    arguments, _, states = plain.infer_shape(x=shape)
    shapes = dict(zip(plain.list_arguments() + plain.list_auxiliary_states(), arguments + states))
    graph = Graph(plain, training, True, {name: 'null' if name in 'mv' else 'write'
                                          for name in shapes}, x=shape)
    for change in TRAINING if training else PREDICTION:
        graph = change(graph)
    assert any(node.op.startswith('_gluonblocks') for node in graph.nodes)
    return plain, graph.symbol(), shapes


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


def run_in_float64(symbol, arrays, dY=None, training=True):
    """The same in double precision, which MXNet's operators have and ours have not."""
    wide = {name: array.astype('float64') for name, array in arrays.items()}
    return run(symbol, wide, None if dY is None else dY.astype('float64'), training)
