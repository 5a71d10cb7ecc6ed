"""The operators compared with MXNet's own, on random input, before anything trains with them."""
import mxnet as mx
import numpy as np
from mxnet import autograd, nd

from ..graph import Graph, operator
from ..sgd import sgd_update
from ..small_maps import multiply_small_maps

EPS, MOMENTUM, RTOL = 1e-5, 0.9, 1e-4
_NORM = [('gamma', 'g'), ('beta', 'b'), ('moving_mean', 'm'), ('moving_var', 'v')]


def differences():
    """The differences between our operators and MXNet's, in words; [] if there are none."""
    rng = np.random.RandomState(0)
    wrong = []
    for shape, activation in [((37, 21), 'sigmoid'), ((7, 5, 9, 6), ''), ((3, 4, 5, 5), 'relu')]:
        for training in (1, 0):
            wrong += _compare('norm %s%s' % (shape, activation and ', ' + activation), rng,
                              *norm_graphs(shape, activation, training), training=training)
    for shape, channels, kernel, pad, activation in [
            ((21, 3, 13, 10), 5, (3, 5), (0, 0), 'sigmoid'),
            ((18, 2, 9, 9), 7, (5, 5), (1, 2), 'relu')]:
        for training in (1, 0):
            wrong += _compare('stage %s' % (shape,), rng, *stage_graphs(
                shape, channels, kernel, pad, activation, (2, 2), (2, 2), training),
                training=training)
    for shape, channels, kernel, pad, stride in [((9, 3, 2, 2), 4, (3, 3), (1, 1), (1, 1)),
                                                 ((5, 2, 1, 2), 3, (1, 5), (0, 2), (1, 2))]:
        wrong += _compare('matrix %s' % (shape,), rng,
                          *matrix_graphs(shape, channels, kernel, pad, stride))
    return wrong + [title for title, momentum in [('sgd', 0), ('sgd with momentum', 0.9)]
                    if not _is_mxnets_sgd(rng, momentum)]


def norm_graphs(shape, activation='', training=1):
    """(MXNet's graph, ours, {input: shape}) of one batch normalization."""
    x, C = mx.sym.var('x'), (shape[1],)
    shapes = dict({'x': shape}, **{name: C for _, name in _NORM})
    plain = _activate(_batch_norm(x), activation)
    ours = operator('_gluonblocks_norm', ['x'] + [name for _, name in _NORM],
                    activation=activation, eps=EPS, momentum=MOMENTUM, training=training)
    return plain, ours, shapes


def stage_graphs(shape, channels, kernel, pad, activation, window, stride, training=1):
    """(MXNet's graph, ours, {input: shape}) of one stage."""
    x, C = mx.sym.var('x'), (channels,)
    shapes = dict({'x': shape, 'w': C + (shape[1],) + kernel, 'c': C},
                  **{name: C for _, name in _NORM})
    conv = mx.sym.Convolution(x, mx.sym.var('w'), mx.sym.var('c'), kernel=kernel, pad=pad,
                              num_filter=channels)
    plain = mx.sym.Pooling(_activate(_batch_norm(conv), activation), kernel=window, stride=stride,
                           pool_type='max')
    names = ['x', 'w', 'c'] + [name for _, name in _NORM]
    ours = operator('_gluonblocks_stage', names, activation=activation,
                    eps=EPS, momentum=MOMENTUM, channels=channels, kernel='%dx%d' % kernel,
                    pad='%dx%d' % pad, window='%dx%d' % window, stride='%dx%d' % stride,
                    training=training)
    return plain, ours, shapes


def matrix_graphs(shape, channels, kernel, pad, stride, bias=True):
    """(MXNet's graph, ours, {input: shape}) of one convolution on a small map."""
    shapes = {'x': shape, 'w': (channels, shape[1]) + kernel}
    if bias:
        shapes['c'] = (channels,)
    plain = mx.sym.Convolution(*[mx.sym.var(name) for name in shapes], kernel=kernel, pad=pad,
                               stride=stride, num_filter=channels, no_bias=not bias)
    graph = Graph(plain, operators=True, requests={'w': 'write', 'c': 'write'}, x=shape)
    return plain, multiply_small_maps(graph).symbol(), shapes


def _is_mxnets_sgd(rng, momentum):
    """Whether steps of our operator leave the very bits of MXNet's."""
    given = [nd.array(rng.randn(*shape), ctx=mx.cpu()) for shape in [(40000,), (3, 5)] * 3]
    ours, theirs = [[array.copy() for array in given] for _ in range(2)]
    rates = {'rescale_grad': 1 / 96, 'momentum': momentum, 'lrs': [0.3, 0.1], 'wds': [0, 0.01]}
    sgd_update(ours[:2], ours[2:4], ours[4:] if momentum else None, **rates)
    if momentum:
        in_turns = [array for i in (0, 1) for array in theirs[i::2]]
        nd.multi_sgd_mom_update(*in_turns, out=theirs[:2], num_weights=2, **rates)
    else:
        del rates['momentum']
        in_turns = [array for i in (0, 1) for array in theirs[i:4:2]]
        nd.multi_sgd_update(*in_turns, out=theirs[:2], num_weights=2, **rates)
    return all(np.array_equal(a.asnumpy(), b.asnumpy()) for a, b in zip(ours, theirs))


def _batch_norm(x):
    return mx.sym.BatchNorm(x, eps=EPS, momentum=MOMENTUM, fix_gamma=False,
                            **{role: mx.sym.var(name) for role, name in _NORM})


def _activate(x, activation):
    return mx.sym.Activation(x, act_type=activation) if activation else x


def values(shapes, rng, offset=0.0):
    """Random float32 arrays for the inputs of the graphs above."""
    arrays = {name: rng.randn(*shape).astype('float32') for name, shape in sorted(shapes.items())}
    arrays['x'] += np.float32(offset)
    if 'v' in arrays:
        arrays['v'] = np.abs(arrays['v'])
    return arrays


def run(symbol, arrays, dY=None, ctx=None, training=True):
    """One step of a graph: {'out': .., the gradient of each input, averages as they are then}.

    `dY` is the gradient of the output, or a function of its shape. Without `training` there are no
    gradients.
    """
    with autograd.pause():
        given = {name: nd.array(array, ctx=ctx, dtype=array.dtype)
                 for name, array in arrays.items()}
        for name, array in given.items():
            if name not in 'mv':
                array.attach_grad()
        op = mx.nd.CachedOp(symbol)
        if not training:
            out = op(*[given[name] for name in symbol.list_inputs()])
            return dict({name: given[name].asnumpy() for name in 'mv' if name in given},
                        out=out.asnumpy())
        with autograd.record():
            out = op(*[given[name] for name in symbol.list_inputs()])
        out.backward(nd.array(dY(out.shape) if callable(dY) else dY, ctx=ctx, dtype=out.dtype))
        nd.waitall()
        result = {name: array.grad.asnumpy() for name, array in given.items() if name not in 'mv'}
        result.update((name, given[name].asnumpy()) for name in 'mv' if name in given)
        return dict(result, out=out.asnumpy())


def _compare(title, rng, plain, ours, shapes, training=True):
    arrays = values(shapes, rng)
    dY = rng.randn(*plain.infer_shape(**shapes)[1][0]).astype('float32')
    expected, got = [run(symbol, arrays, dY, training=training) for symbol in (plain, ours)]
    if 'g' in expected:  # a bias before a norm has gradient 0, and MXNet's is what rounding leaves
        expected.pop('c', None)
    title += '' if training else ', predicting'
    return ['%s: %s' % (title, name) for name, array in expected.items()
            if not np.allclose(got[name], array, rtol=0, atol=RTOL * np.abs(array).max())]
