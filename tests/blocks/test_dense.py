"""Dense blocks and transitions against float64 NumPy, closed forms and printed shapes."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn
from reference import conv_of, norm_of, randomize, relu

import gluonblocks as gb
from gluonblocks.blocks.bottleneck import PreActivationUnit, ResidualUnit, basic, bottleneck
from gluonblocks.blocks.dense_bottleneck import bottleneck_block
from gluonblocks.graphs import Net


def ready(block, shape, hybridize=False):
    block.initialize(mx.init.Xavier())
    X = nd.random.uniform(-1, 1, shape=shape)
    block(X)
    randomize(block)
    block.hybridize(hybridize)
    return block, X


@pytest.mark.parametrize('hybridize', [False, True])
def test_conv_block_is_that_of_the_definition(hybridize):
    blk, X = ready(gb.conv_block(5), (4, 3, 6, 5), hybridize)
    with autograd.train_mode():
        Y = blk(X)
    want = conv_of(blk[2], relu(norm_of(blk[0], X.asnumpy())), padding=1)
    np.testing.assert_allclose(Y.asnumpy(), want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('hybridize', [False, True])
def test_dense_block_is_that_of_the_definition_and_begins_with_its_input(hybridize):
    blk, X = ready(gb.DenseBlock(2, 10), (4, 3, 8, 8), hybridize)
    with autograd.train_mode():
        Y = blk(X)
    want = X.asnumpy()
    for child in blk.net:
        new = conv_of(child[2], relu(norm_of(child[0], want)), padding=1)
        want = np.concatenate([want, new], axis=1)
    np.testing.assert_allclose(Y.asnumpy(), want, rtol=1e-4, atol=1e-4)
    assert (Y[:, :3] == X).asnumpy().all()


@pytest.mark.parametrize('hybridize', [False, True])
def test_transition_block_is_that_of_the_definition(hybridize):
    blk, X = ready(gb.transition_block(4), (4, 3, 7, 6), hybridize)
    with autograd.train_mode():
        Y = blk(X)
    Z = conv_of(blk[2], relu(norm_of(blk[0], X.asnumpy())))[:, :, :6, :6]
    want = Z.reshape(4, 4, 3, 2, 3, 2).mean((3, 5))
    np.testing.assert_allclose(Y.asnumpy(), want, rtol=1e-4, atol=1e-4)


def test_shapes_are_the_printed_ones():
    # In [34] and In [37] of section 5.13.
    blk, X = ready(gb.DenseBlock(num_convs=2, num_channels=10), (4, 3, 8, 8))
    Y = blk(X)
    assert Y.shape == (4, 23, 8, 8)
    blk, _ = ready(gb.transition_block(num_channels=10), Y.shape)
    assert blk(Y).shape == (4, 10, 4, 4)


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


@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('make', [lambda: gb.conv_block(4), lambda: gb.DenseBlock(2, 4),
                                  lambda: gb.transition_block(4)])
def test_input_that_cannot_be_taken_is_refused(make, hybridize):
    blk, _ = ready(make(), (4, 3, 6, 6), hybridize)
    with pytest.raises(ValueError, match=r'block\d+ got input of shape \(4, 3\); it takes \(N, C'):
        blk(nd.zeros((4, 3)))
    with pytest.raises(ValueError, match='5 channels; its weights are for 3'):
        blk(nd.zeros((4, 5, 6, 6)))


def test_a_transition_refuses_what_it_cannot_halve():
    blk, _ = ready(gb.transition_block(4), (4, 3, 2, 2))
    with pytest.raises(ValueError, match=r'\(4, 3, 1, 2\); height and width must be at least 2'):
        blk(nd.zeros((4, 3, 1, 2)))


@pytest.mark.parametrize('make, message', [
    (lambda: gb.conv_block(0), 'num_channels is 0'),
    (lambda: gb.DenseBlock(0, 4), 'num_convs is 0'),
    (lambda: gb.DenseBlock(2, -1), 'num_channels is -1'),
    (lambda: gb.transition_block(True), 'num_channels is True'),
    (lambda: bottleneck_block(0), 'num_channels is 0'),
    (lambda: ResidualUnit(basic(0, 1)), 'num_channels is 0'),
    (lambda: ResidualUnit(bottleneck(2.5, 1)), 'num_channels is 2.5'),
    (lambda: PreActivationUnit(bottleneck(4, 0)), 'strides is 0')])
def test_arguments_that_make_no_block_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
