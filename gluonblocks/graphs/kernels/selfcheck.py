"""Compare our operators with MXNet's own on random input, before nets use them.

MXNet computes the expected results in float64, because its float32 results are not accurate enough.
On processors with AVX-512, MXNet's float32 gradients of a batch norm differed from its float64
gradients by up to 9e-4 of their maximum; our gradients differed by up to 9e-5.
"""
import mxnet as mx
import numpy as np
from mxnet import autograd, nd

from ..cross_entropy import cross_entropy_and_hits
from ..graph import Graph
from ..passes import MANY_IMAGES, PREDICTION, TRAINING

RTOL = 5e-4  # relative to the largest value; a faulty operator causes far larger differences


def differences(seeds=range(3)):
    """Return the names of the results that differ from MXNet's, such as 'out in training'.

    A result is listed only if it differs for every seed. With about one random input in ten,
    rounding changes which value of a pooling window is the largest, or the sign of a ReLU's input,
    and therefore the gradients.
    """
    wrong = None
    for seed in seeds:
        found = _differences(np.random.RandomState(seed))
        wrong = found if wrong is None else [name for name in wrong if name in found]
        if not wrong:
            break
    return wrong


def _differences(rng):
    found = []
    for gradient in (True, False):
        with mx.name.NameManager():  # gives nodes the same names for every seed
            found += _compare(_net(gradient), rng, gradient)
    return found + _compare_losses(rng)


def _compare(symbol, rng, gradient):
    shapes = {'data': (MANY_IMAGES + 3, 3, 13, 10)}
    inferred = zip(symbol.list_arguments() + symbol.list_auxiliary_states(),
                   sum(symbol.infer_shape(**shapes)[::2], []))
    arrays = {name: rng.randn(*shape).astype('float32') for name, shape in inferred}
    arrays.update((name, abs(array)) for name, array in arrays.items() if name.endswith('var'))
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
                  and not np.allclose(got[name], array, rtol=0, atol=RTOL * np.abs(array).max())]
    return wrong


def _net(gradient):
    """Return a test net as a symbol; the passes rewrite it to use our operators.

    It contains three stages (convolutions that are fused with the layers after them), a convolution
    of a small feature map, a batch norm with ReLU for images, three batch norms for matrices, and
    each kind of activation. With `gradient`, our operators also compute the gradient of the input.
    """
    def norm(X):
        return mx.sym.BatchNorm(X, eps=1e-5, fix_gamma=False)
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
    logits = nd.array(3 * rng.randn(21, 19), ctx=mx.cpu())
    labels = nd.array(rng.randint(0, 19, 21), ctx=mx.cpu(), dtype='int32')
    weights = nd.array(rng.rand(21), ctx=mx.cpu())
    logits.attach_grad()
    found = []
    for compute in (cross_entropy_and_hits, _mxnets_cross_entropy):
        with autograd.record():
            losses, hits = compute(logits, labels)
        losses.backward(weights)
        found.append([array.asnumpy() for array in (losses, hits, logits.grad)])
    return [name for name, a, b in zip(('losses', 'hits', 'gradient of the loss'), *found)
            if not np.allclose(a, b, rtol=0, atol=RTOL * np.abs(b).max())]


def _mxnets_cross_entropy(logits, labels):
    losses = -nd.pick(nd.log_softmax(logits), labels, axis=1)
    with autograd.pause():
        return losses, logits.argmax(axis=1) == labels.astype('float32')
