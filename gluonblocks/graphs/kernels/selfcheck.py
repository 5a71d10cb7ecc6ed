"""Compare our operators with MXNet's own on random input, before nets use them.

MXNet computes the expected results in float64, because its float32 results are not accurate enough:
on processors with AVX-512, some gradients differed by up to 9e-4 of their largest value.
"""
import mxnet as mx
import numpy as np
from mxnet import autograd, nd

from ..cross_entropy import cross_entropy_and_hits
from ..graph import Graph
from ..passes import MANY_IMAGES, PREDICTION, TRAINING

RTOL = 3e-4  # relative to the largest value; for 40 seeds, rounding caused at most 1.1e-4


def differences(seed=0):
    """Return the names of the results that differ from MXNet's, such as 'out in training'."""
    rng, wrong = np.random.RandomState(seed), []
    for gradient in (True, False):
        wrong += _compare(_net(gradient), rng, gradient)
    return wrong + _compare_losses(rng)


def _compare(symbol, rng, gradient):
    shapes = {'data': (MANY_IMAGES + 3, 3, 13, 10)}
    inferred = zip(symbol.list_arguments() + symbol.list_auxiliary_states(),
                   sum(symbol.infer_shape(**shapes)[::2], []))
    arrays = {name: _values(name, shape, rng) for name, shape in inferred}
    states = symbol.list_auxiliary_states()
    requests = {name: 'null' if name in states else 'write' for name in arrays if name != 'data'}
    # Ignore the gradient of the first bias. The batch norm cancels that bias, so the gradient is
    # nothing but rounding error.
    ignored = ('first_bias',) if gradient else ('first_bias', 'data')
    wrong = []
    for training, passes in ((True, TRAINING), (False, PREDICTION)):
        graph = Graph(symbol, training, True, requests, **shapes)
        for change in passes:
            graph = change(graph)
        exact = {name: array.astype('float64') for name, array in arrays.items()}
        expected = run(symbol, exact, states, training)
        got = run(graph.symbol(), arrays, states, training)
        wrong += ['%s in %s' % (name, 'training' if training else 'prediction')
                  for name, array in expected.items() if name not in ignored
                  and not _close(got[name], array)]
    for n in (1, 2):  # operators compute few images differently
        few = run(graph.symbol(), dict(arrays, data=arrays['data'][:n]), states, False)['out']
        if not _close(few, expected['out'][:n]):
            wrong.append('out in prediction of %d' % n)
    return wrong


def _values(name, shape, rng):
    """Return random values for which rounding errors stay small."""
    array = rng.randn(*shape)
    if name.endswith('gamma'):
        array = rng.uniform(0.5, 1.5, shape)
    elif name.endswith('beta'):
        array *= 0.3
    elif name.endswith('var'):
        array = np.abs(array)
    return array.astype('float32')


def _close(got, expected):
    return np.allclose(got, expected, rtol=0, atol=RTOL * np.abs(expected).max())


def _net(gradient):
    """Return a test net as a symbol; the passes rewrite it to use our operators.

    It contains three stages (convolutions that are fused with the layers after them), a convolution
    of a small feature map, a batch norm with ReLU for images, three batch norms for matrices, and
    each kind of activation. With `gradient`, our operators also compute the gradient of the input.
    """
    def norm(X):
        return mx.sym.BatchNorm(X, eps=1e-2, fix_gamma=False)  # a smaller eps amplifies rounding
    X = mx.sym.var('data')
    X = mx.sym.Convolution(mx.sym.identity(X) if gradient else X, kernel=(3, 5), num_filter=5,
                           name='first')
    X = mx.sym.Activation(norm(X), act_type='sigmoid')
    X = mx.sym.Pooling(X, kernel=(2, 2), stride=(2, 2), pool_type='max')  # (N, 5, 5, 3)
    X = norm(mx.sym.Convolution(X, kernel=(5, 3), pad=(1, 1), num_filter=7, no_bias=True))
    X = mx.sym.Pooling(mx.sym.Activation(X, act_type='relu'), kernel=(2, 2), stride=(1, 1),
                       pool_type='max')  # (N, 7, 2, 2)
    X = norm(mx.sym.Convolution(X, kernel=(1, 1), num_filter=6, no_bias=True))
    X = mx.sym.tanh(mx.sym.Convolution(X, kernel=(3, 3), pad=(1, 1), num_filter=8))
    X = mx.sym.tanh(mx.sym.Activation(norm(X), act_type='relu'))
    X = mx.sym.Activation(norm(mx.sym.flatten(X)), act_type='relu')
    X = norm(mx.sym.FullyConnected(X, num_hidden=21, no_bias=True))
    X = norm(mx.sym.FullyConnected(mx.sym.Activation(X, act_type='sigmoid'), num_hidden=9,
                                   no_bias=True))
    return mx.sym.tanh(X)


def run(symbol, arrays, states, training=True, dY=None):
    """Run a graph once; return {name: NumPy array} for its auxiliary states and its output, 'out'.

    With `training`, also return the gradient of each input. `dY`, by default random, is the
    gradient of the output.
    """
    with autograd.pause():
        inputs = {name: nd.array(array, ctx=mx.cpu(), dtype=array.dtype)
                  for name, array in arrays.items()}
        for name in set(inputs) - set(states):
            inputs[name].attach_grad()
        with autograd.record() if training else autograd.pause():
            out = mx.nd.CachedOp(symbol)(*[inputs[name] for name in symbol.list_inputs()])
        if training:
            dY = np.random.RandomState(1).randn(*out.shape) if dY is None else dY
            out.backward(nd.array(dY, ctx=mx.cpu(), dtype=out.dtype))
        nd.waitall()
        result = {name: inputs[name].asnumpy() for name in states if name in inputs}
        if training:
            result.update((name, inputs[name].grad.asnumpy()) for name in set(inputs) - set(states))
        return dict(result, out=out.asnumpy())


def _compare_losses(rng):
    logits = 3 * rng.randn(21, 19)
    labels = nd.array(rng.randint(0, 19, 21), ctx=mx.cpu(), dtype='int32')
    weights = rng.rand(21)
    found = []
    for compute, dtype in ((cross_entropy_and_hits, 'float32'),
                           (_mxnets_cross_entropy, 'float64')):
        X = nd.array(logits, ctx=mx.cpu(), dtype=dtype)
        X.attach_grad()
        with autograd.record():
            losses, hits = compute(X, labels)
        losses.backward(nd.array(weights, ctx=mx.cpu(), dtype=dtype))
        found.append([array.asnumpy() for array in (losses, hits, X.grad)])
    return [name for name, got, expected in zip(('losses', 'hits', 'gradient of the loss'), *found)
            if not _close(got, expected)]


def _mxnets_cross_entropy(logits, labels):
    losses = -nd.pick(nd.log_softmax(logits), labels, axis=1)
    with autograd.pause():
        return losses, logits.argmax(axis=1) == labels.astype(logits.dtype)
