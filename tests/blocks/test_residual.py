"""Residual blocks against float64 NumPy, Gluon's model zoo, closed forms and printed shapes."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn
from mxnet.gluon.model_zoo.vision.resnet import BasicBlockV1
from reference import conv_of, norm_of, randomize, relu

import gluonblocks as gb


def ready(block, shape):
    block.initialize(mx.init.Xavier())
    X = nd.random.uniform(-1, 1, shape=shape)
    block(X)
    return block, X


@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('arguments, shape', [
    ((3,), (4, 3, 6, 6)), ((6, True, 2), (4, 6, 3, 3)),  # In [2] and In [3] of section 5.12.1
    ((3, True), (4, 3, 6, 6)), ((4, True, 3), (4, 4, 2, 2))])
def test_output_is_that_of_the_definition(arguments, shape, hybridize):
    blk, X = ready(gb.Residual(*arguments), (4, 3, 6, 6))
    randomize(blk)
    blk.hybridize(hybridize)
    strides = arguments[2] if len(arguments) > 2 else 1
    with autograd.train_mode():
        Y = blk(X)
    x = X.asnumpy()
    F = norm_of(blk.bn1, conv_of(blk.conv1, x, strides, 1))
    F = norm_of(blk.bn2, conv_of(blk.conv2, relu(F), 1, 1))
    shortcut = conv_of(blk.conv3, x, strides) if blk.conv3 is not None else x
    assert Y.shape == shape
    np.testing.assert_allclose(Y.asnumpy(), relu(F + shortcut), rtol=1e-4, atol=1e-4)


def test_output_and_gradients_are_those_of_the_model_zoos_basic_block():
    ours, X = ready(gb.Residual(4), (8, 4, 5, 5))
    zoo, _ = ready(BasicBlockV1(4, 1), (8, 4, 5, 5))
    randomize(ours)
    for conv in (ours.conv1, ours.conv2):
        conv.bias.set_data(nd.zeros(4))  # the zoo's convolutions have none
    pairs = [(ours.conv1, zoo.body[0]), (ours.bn1, zoo.body[1]), (ours.conv2, zoo.body[3]),
             (ours.bn2, zoo.body[4])]
    names = [('weight',), ('gamma', 'beta')] * 2
    for (a, b), attributes in zip(pairs, names):
        for attribute in attributes:
            getattr(b, attribute).set_data(getattr(a, attribute).data())
    outputs = []
    for block in (ours, zoo):
        with autograd.record():
            Y = block(X)
            (Y ** 2).sum().backward()
        outputs.append(Y.asnumpy())
    np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-5)
    for (a, b), attributes in zip(pairs, names):
        for attribute in attributes:
            grads = [getattr(layer, attribute).grad().asnumpy() for layer in (a, b)]
            np.testing.assert_allclose(*grads, rtol=1e-3, atol=1e-3 * np.abs(grads[1]).max())


@pytest.mark.parametrize('hybridize', [False, True])
def test_the_first_convolution_may_be_replaced_by_one_with_groups(hybridize):
    blk = gb.Residual(4)
    blk.conv1 = nn.Conv2D(4, kernel_size=3, padding=1, groups=2)
    blk.initialize()
    blk.hybridize(hybridize)
    for _ in range(2):  # the second batch finds the channels inferred
        assert blk(nd.ones((2, 4, 5, 5))).shape == (2, 4, 5, 5)
    with pytest.raises(ValueError, match='expects 4 channels, got 3'):
        blk(nd.ones((2, 3, 5, 5)))


def test_attributes_are_the_books():
    blk = gb.Residual(6, use_1x1conv=True, strides=2)
    assert [type(getattr(blk, name)) for name in ('conv1', 'conv2', 'conv3', 'bn1', 'bn2')] == [
        nn.Conv2D] * 3 + [nn.BatchNorm] * 2
    assert gb.Residual(6).conv3 is None


@pytest.mark.parametrize('first_block, shape', [(False, (2, 8, 3, 4)), (True, (2, 8, 5, 7))])
def test_resnet_block_halves_unless_it_is_the_first(first_block, shape):
    channels = 8 if first_block else 3
    blk, X = ready(gb.resnet_block(8, 3, first_block=first_block), (2, channels, 5, 7))
    assert blk(X).shape == shape and len(blk) == 3
    assert [child.conv3 is None for child in blk] == [first_block, True, True]


@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('arguments, shape, message', [
    ((6,), (4, 3, 6, 6), r'residual\d+ cannot add .*\(4, 3, 6, 6\).*\(4, 6, 6, 6\).*use_1x1conv'),
    ((3, False, 2), (4, 3, 6, 6), r'\(4, 3, 6, 6\) to the output .*\(4, 3, 3, 3\).*strides=1'),
    ((3,), (4, 3), r'input of shape \(N, C, H, W\), got \(4, 3\)')])
def test_what_cannot_be_added_is_refused(arguments, shape, message, hybridize):
    blk = gb.Residual(*arguments)
    blk.initialize()
    blk.hybridize(hybridize)
    with pytest.raises(ValueError, match=message):
        blk(nd.zeros(shape))


def test_in_a_hybridized_net_it_is_refused_with_the_block_both_shapes_and_the_remedy():
    net = nn.HybridSequential()
    net.add(gb.Residual(6))
    net.initialize()
    net.hybridize()
    with pytest.raises(ValueError, match=r'residual\d+_.*need_use_1x1conv_or_strides') as caught:
        net(nd.zeros((4, 3, 6, 6)))
    assert '[4,6,6,6]' in str(caught.value) and '[4,3,6,6]' in str(caught.value)


@pytest.mark.parametrize('make, message', [
    (lambda: gb.Residual(0), 'num_channels must be .* got 0'),
    (lambda: gb.Residual(3, strides=0), 'strides must be .* got 0'),
    (lambda: gb.Residual(2.5), 'num_channels must be .* got 2.5'),
    (lambda: gb.resnet_block(8, 0), 'num_residuals must be .* got 0')])
def test_arguments_that_make_no_block_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
