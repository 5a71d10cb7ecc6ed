"""Layers in float64 NumPy, from their definitions, to compare blocks with; and the comparison."""
import numpy as np
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

import gluonblocks as gb


def conv(X, weight, bias, stride, padding):
    """Cross-correlation: (N, C, H, W) with (K, C, k, k) -> (N, K, H', W')."""
    k = weight.shape[2]
    X = np.pad(X.astype('float64'), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    H, W = ((side - k) // stride + 1 for side in X.shape[2:])
    Y = np.zeros((X.shape[0], weight.shape[0], H, W))
    for i in range(k):
        for j in range(k):
            patch = X[:, :, i:i + stride * H:stride, j:j + stride * W:stride]
            Y += np.einsum('nchw,kc->nkhw', patch, weight[:, :, i, j].astype('float64'))
    return Y + bias.reshape(1, -1, 1, 1)


def norm(X, gamma, beta, eps=1e-5):
    """Batch normalization by the batch's own statistics."""
    mean, var = X.mean((0, 2, 3), keepdims=True), X.var((0, 2, 3), keepdims=True)
    return gamma.reshape(1, -1, 1, 1) * (X - mean) / np.sqrt(var + eps) + beta.reshape(1, -1, 1, 1)


def relu(X):
    return np.maximum(X, 0)


def conv_of(layer, X, stride=1, padding=0):
    """What the Gluon layer `layer` computes, from a copy of its weights."""
    return conv(X, layer.weight.data().asnumpy(), layer.bias.data().asnumpy(), stride, padding)


def norm_of(layer, X):
    return norm(X, layer.gamma.data().asnumpy(), layer.beta.data().asnumpy())


def randomize(block, seed=0):
    """Give every parameter of `block` random values, biases and betas too."""
    rng = np.random.RandomState(seed)
    for name, param in block.collect_params().items():
        if param.grad_req != 'null':
            start = 1.0 if name.endswith('gamma') else 0.0
            param.set_data(start + 0.3 * rng.randn(*param.shape))


def close(got, expected, rtol=2e-4):
    """Within `rtol` of the largest expected value."""
    got = got.asnumpy() if isinstance(got, nd.NDArray) else got
    np.testing.assert_allclose(got, expected, rtol=0, atol=rtol * np.abs(expected).max())


def bn_block(shape, gamma=None, beta=None, hybridize=False, ctx=None, **settings):
    """A BatchNorm for input of `shape`, initialized."""
    layer = gb.BatchNorm(shape[1], num_dims=len(shape), **settings)
    layer.initialize(ctx=ctx)
    if gamma is not None:
        layer.gamma.set_data(nd.array(gamma))
        layer.beta.set_data(nd.array(beta))
    layer.hybridize(hybridize)
    return layer


def net_with(layer, hybridize=True):
    """A net whose graph holds `layer`, as strangers build them."""
    net = nn.HybridSequential()
    net.add(layer, nn.Activation('relu'))
    net.hybridize(hybridize)
    return net


def example(shape, offset=0.0, dtype='float32'):
    rng = np.random.RandomState(0)
    per_channel = (1, shape[1]) + (1,) * (len(shape) - 2)
    arrays = (rng.randn(*shape) * 2 + offset, rng.rand(*per_channel) + 0.5,
              rng.randn(*per_channel), rng.randn(*shape))
    return [a.astype(dtype) for a in arrays]  # X, gamma, beta, dY


def three_steps(net, X, y):
    """Three steps of SGD by all of (X, y); the last losses (N,)."""
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.1})
    for _ in range(3):
        with autograd.record():
            loss = gluon.loss.SoftmaxCrossEntropyLoss()(net(X), y)
        loss.backward()
        trainer.step(len(y))
    return loss
