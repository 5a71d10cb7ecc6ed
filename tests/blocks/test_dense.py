"""Dense blocks and transitions against float64 NumPy, closed forms and printed shapes."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn
from reference import conv_of, norm_of, randomize, relu

import gluonblocks as gb
from gluonblocks.graphs import Net


def ready(block, shape, hybridize=False):
    block.initialize(mx.init.Xavier())
    X = nd.random.uniform(-1, 1, shape=shape)
    block(X)
    randomize(block)
    block.hybridize(hybridize)
    return block, X


def conv_block(blk, X):
    return conv_of(blk[2], relu(norm_of(blk[0], X)), padding=1)


def dense_block(blk, X):
    for child in blk.net:
        X = np.concatenate([X, conv_block(child, X)], axis=1)
    return X


def transition_block(blk, X):
    Y = conv_of(blk[2], relu(norm_of(blk[0], X)))
    N, C, H, W = Y.shape
    return Y[:, :, :H // 2 * 2, :W // 2 * 2].reshape(N, C, H // 2, 2, W // 2, 2).mean((3, 5))


class OursFirst(gb.DenseBlock):
    """A dense block whose layers begin with our BatchNorm, for 3 input channels."""

    def make_block(self, num_channels):
        blk, num_features = gb.conv_block(num_channels), 3 + len(self.net) * num_channels
        blk.register_child(gb.BatchNorm(num_features, num_dims=4), '0')
        return blk


# The last two are In [34] and In [37] of section 5.13, which print the shapes.
@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('make, definition, shape, want', [
    (lambda: gb.conv_block(5), conv_block, (4, 3, 6, 5), (4, 5, 6, 5)),
    (lambda: gb.transition_block(4), transition_block, (4, 3, 7, 6), (4, 4, 3, 3)),
    (lambda: OursFirst(2, 5), dense_block, (4, 3, 6, 5), (4, 13, 6, 5)),
    (lambda: gb.DenseBlock(2, 10), dense_block, (4, 3, 8, 8), (4, 23, 8, 8)),
    (lambda: gb.transition_block(10), transition_block, (4, 23, 8, 8), (4, 10, 4, 4))])
def test_each_block_is_that_of_its_definition(make, definition, shape, want, hybridize):
    blk, X = ready(make(), shape, hybridize)
    with autograd.train_mode():
        Y = blk(X)
    assert Y.shape == want
    np.testing.assert_allclose(Y.asnumpy(), definition(blk, X.asnumpy()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('make', [lambda: gb.conv_block(4), lambda: gb.DenseBlock(2, 4),
                                  lambda: gb.transition_block(4)])
def test_input_that_cannot_be_taken_is_refused(make, hybridize):
    blk, _ = ready(make(), (4, 3, 6, 6), hybridize)
    with pytest.raises(ValueError, match=r'block\d+ expects .* \(N, C, H, W\), got \(4, 3'):
        blk(nd.zeros((4, 3)))
    with pytest.raises(ValueError, match='expects 3 channels, got 5 in input'):
        blk(nd.zeros((4, 5, 6, 6)))
    if 'transition' in blk.name:
        with pytest.raises(ValueError, match=r'width of at least 2, got .*, 3, 1, 2\)$'):
            blk(nd.zeros((4, 3, 1, 2)))


@pytest.mark.parametrize('kind', ['alone', 'in a net of ours'])
def test_trace_prints_the_same_lines_of_a_hybridized_block(capsys, kind):
    blk = gb.DenseBlock(2, 10, trace=True)
    net = blk
    if kind != 'alone':
        net = Net()
        net.add(nn.Conv2D(3, kernel_size=1), blk)
    net.initialize()
    net.hybridize()
    for n in (4, 5):
        net(nd.zeros((n, 3, 8, 8)))
    assert capsys.readouterr().out == (
        'X.shape: (4, 3, 8, 8) --> Y.shape: (4, 10, 8, 8)\n'
        'X.shape: (4, 13, 8, 8) --> Y.shape: (4, 10, 8, 8)\n')


@pytest.mark.parametrize('make, message', [
    (lambda: gb.conv_block(0), 'num_channels must be .* got 0'),
    (lambda: gb.DenseBlock(0, 4), 'num_convs must be .* got 0'),
    (lambda: gb.DenseBlock(2, -1), 'num_channels must be .* got -1'),
    (lambda: gb.transition_block(True), 'num_channels must be .* got True')])
def test_arguments_that_make_no_block_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
