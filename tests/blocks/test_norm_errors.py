"""What batch normalization refuses, and what it says then."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from reference import bn_block as block

import gluonblocks as gb

EPS, MOMENTUM = 1e-5, 0.9


@pytest.mark.parametrize('shape', [(4,), (4, 3, 2), (4, 3, 2, 2, 2)])
@pytest.mark.parametrize('mode', [autograd.train_mode, autograd.predict_mode])
def test_other_ranks_are_refused(shape, mode):
    per_channel = nd.zeros((1, 3))
    with mode(), pytest.raises(ValueError, match=r'\(N, C\) or \(N, C, H, W\), got \(4'):
        gb.batch_norm(nd.zeros(shape), *[per_channel] * 4, eps=EPS, momentum=MOMENTUM)


@pytest.mark.parametrize('wrong', ['gamma', 'beta', 'moving_mean', 'moving_var'])
def test_mismatched_channels_are_refused_by_name(wrong):
    params = {name: nd.zeros((1, 4 if name == wrong else 3))
              for name in ('gamma', 'beta', 'moving_mean', 'moving_var')}
    with pytest.raises(ValueError, match='X has 3 channels.* but %s has 4 elements' % wrong):
        gb.batch_norm(nd.zeros((2, 3)), eps=EPS, momentum=MOMENTUM, **params)


@pytest.mark.parametrize('X, message', [
    (nd.zeros((2, 3), dtype='int32'), 'must have dtype float16 or .*, got int32: use X.astype'),
    (nd.zeros((2, 3), dtype='uint8'), 'got uint8'),
    (nd.zeros((2, 3), dtype='float64'), 'X has dtype float64, but gamma has float32: cast one'),
    (np.zeros((2, 3), 'float32'), 'X must be an NDArray, got ndarray: use nd.array'),
])
def test_input_that_is_not_floats_of_the_parameters_kind_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        gb.batch_norm(X, *[nd.zeros((1, 3))] * 4, eps=EPS, momentum=MOMENTUM)


@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('num_dims, shape, dtype, message', [
    (4, (2, 3), 'float32', r'must have shape \(N, C, H, W\), got'),
    (2, (2, 3, 4, 4), 'float32', r'must have shape \(N, C\), got'),
    (4, (2, 5, 4, 4), 'float32', '5 channels .* gamma has 3 elements'),
    (2, (2, 3), 'float64', r"gamma has float32: .* net.cast\('float64'\)")])
def test_block_refuses_input_of_another_shape_or_type(num_dims, shape, dtype, message, hybridize):
    layer = gb.BatchNorm(3, num_dims=num_dims)
    layer.initialize()
    layer.hybridize(hybridize)
    with pytest.raises(ValueError, match=message):
        layer(nd.zeros(shape, dtype=dtype))


@pytest.mark.parametrize('hybridize', [False, True])
def test_a_block_that_is_not_initialized_says_what_to_do(hybridize):
    layer = gb.BatchNorm(3, num_dims=2)
    layer.hybridize(hybridize)
    with pytest.raises(RuntimeError, match=r'moving_mean is not initialized: call initialize\(\)'):
        layer(nd.zeros((2, 3)))


def test_arrays_of_mx_np_are_refused_in_one_sentence():
    for call in (block((2, 3)), lambda X: gb.batch_norm(X, *[nd.zeros((1, 3))] * 4, EPS, MOMENTUM)):
        with pytest.raises(ValueError, match=r'expects mx.nd arrays, .* X.as_nd_ndarray\(\)'):
            call(mx.np.zeros((2, 3)))


@pytest.mark.parametrize('features, dims, message', [
    (3, 3, r'num_dims must be 2 .* or 4 .*, got 3'), (0, 2, 'num_features must be .* got 0'),
    (2.5, 2, 'num_features must be .* got 2.5')])
def test_block_refuses_arguments_that_make_no_layer(features, dims, message):
    with pytest.raises(ValueError, match=message):
        gb.BatchNorm(features, num_dims=dims)
