"""Blocks against PyTorch with the same weights: outputs and gradients. Where it is installed."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from reference import randomize

import gluonblocks as gb

torch = pytest.importorskip('torch', reason='PyTorch is not installed (the extra `torch`)')
F = torch.nn.functional


def tensors(block):
    """The parameters of a Gluon block as tensors with gradients, by their names in a file."""
    return {name: torch.tensor(param.data().asnumpy(), requires_grad=param.grad_req != 'null')
            for name, param in block._collect_params_with_prefix().items()}


def conv(X, p, name, **kwargs):
    return F.conv2d(X, p[name + '.weight'], p[name + '.bias'], **kwargs)


def norm(X, p, name):
    return F.batch_norm(X, None, None, p[name + '.gamma'].flatten(), p[name + '.beta'].flatten(),
                        training=True, eps=1e-5)


def residual(X, p, strides=1):
    Y = F.relu(norm(conv(X, p, 'conv1', stride=strides, padding=1), p, 'bn1'))
    Y = norm(conv(Y, p, 'conv2', padding=1), p, 'bn2')
    return F.relu(Y + (conv(X, p, 'conv3', stride=strides) if 'conv3.weight' in p else X))


def dense_block(X, p):
    for i in range(2):
        name = 'net.%d.' % i
        Y = conv(F.relu(norm(X, p, name + '0')), p, name + '2', padding=1)
        X = torch.cat([X, Y], dim=1)
    return X


def transition(X, p):
    return F.avg_pool2d(conv(F.relu(norm(X, p, '0')), p, '2'), 2)


CASES = {
    'residual': (lambda: gb.Residual(4), residual),
    'residual_1x1': (lambda: gb.Residual(6, True, 2), lambda X, p: residual(X, p, 2)),
    'dense_block': (lambda: gb.DenseBlock(2, 5), dense_block),
    'transition_block': (lambda: gb.transition_block(3), transition),
    'batch_norm': (lambda: gb.BatchNorm(4, 4), lambda X, p: norm(
        X, {'x' + '.' + k: v for k, v in p.items()}, 'x')),
}


@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('case', CASES)
def test_outputs_and_gradients_are_pytorchs(case, hybridize):
    make, theirs = CASES[case]
    blk = make()
    blk.initialize(mx.init.Xavier())
    X = np.random.RandomState(0).randn(16, 4, 8, 8).astype('float32')
    blk(nd.array(X))
    randomize(blk)
    blk.hybridize(hybridize)
    params, X_nd, X_torch = tensors(blk), nd.array(X), torch.tensor(X, requires_grad=True)
    X_nd.attach_grad()
    with autograd.record():
        Y = blk(X_nd)
        loss = (Y ** 2).sum()
    loss.backward()
    Y_torch = theirs(X_torch, params)
    (Y_torch ** 2).sum().backward()
    np.testing.assert_allclose(Y.asnumpy(), Y_torch.detach().numpy(), rtol=1e-3, atol=1e-3)
    pairs = [(X_nd.grad, X_torch.grad)] + [
        (param.grad(), params[name].grad)
        for name, param in blk._collect_params_with_prefix().items() if param.grad_req != 'null']
    largest = max(float(theirs.abs().max()) for _, theirs in pairs)
    for ours, torchs in pairs:  # a bias before a norm has gradient 0: compare with the largest
        np.testing.assert_allclose(ours.asnumpy(), torchs.numpy(), rtol=2e-3, atol=1e-4 * largest)
