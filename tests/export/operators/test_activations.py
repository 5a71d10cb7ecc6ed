"""Activations, softmax and the heads of nets in ONNX compute what MXNet's do."""
import mxnet as mx
import numpy as np
import pytest
from operators_in_onnx import assert_same, onnx_session

X = mx.sym.var('data')
ANY_SIZE = {'data': (2, 3, 4, 5)}, {'data': (3, 3, 6, 7)}


@pytest.mark.parametrize('kind', ['relu', 'sigmoid', 'tanh', 'softrelu', 'softsign'])
def test_activations(kind):
    assert_same(mx.sym.Activation(X, act_type=kind), *ANY_SIZE, low=-30, high=30)


@pytest.mark.parametrize('kind, attrs', [
    ('leaky', {}), ('leaky', {'slope': 0.1}), ('elu', {'slope': 0.7}), ('selu', {}), ('gelu', {}),
    ('rrelu', {}), ('rrelu', {'lower_bound': 0.2, 'upper_bound': 0.3})])
def test_leaky_activations(kind, attrs):
    symbol = mx.sym.LeakyReLU(X, act_type=kind, **attrs)[0]  # rrelu has its slopes too
    # MXNet 1.7 approximates gelu, by tanh.
    assert_same(symbol, *ANY_SIZE, low=-3, high=3, rtol=1e-3 if kind == 'gelu' else 1e-4)


@pytest.mark.parametrize('size', [1, 3])
@pytest.mark.parametrize('shape', [(2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_a_prelu_has_a_slope_for_each_channel_or_one_for_all(shape, size):
    slope = np.linspace(-0.5, 0.5, size).astype('float32')
    symbol = mx.sym.LeakyReLU(X, mx.sym.var('gamma', shape=(size,)), act_type='prelu')
    assert_same(symbol, {'data': shape}, params={'gamma': slope})


def test_hard_sigmoid_of_random_attributes():
    assert_same(mx.sym.hard_sigmoid(X, alpha=0.31, beta=0.4), *ANY_SIZE, low=-3, high=3)


@pytest.mark.parametrize('axis', [-1, 0, 1, -2])
@pytest.mark.parametrize('name', ['softmax', 'log_softmax', 'softmin'])
def test_softmax_along_any_axis_with_a_temperature(name, axis):
    function = getattr(mx.sym, name)
    assert_same(function(X, axis=axis), *ANY_SIZE, high=5)
    assert_same(function(X, axis=axis, temperature=2.5), *ANY_SIZE, high=5)


def test_a_softmax_with_lengths_is_refused():
    symbol = mx.sym.softmax(X, mx.sym.var('lengths'), use_length=True)
    with pytest.raises(ValueError, match='use_length'):
        onnx_session(symbol, {'lengths': np.array([1, 2], 'int32')}, [{'data': (2, 3)}])


@pytest.mark.parametrize('mode', ['instance', 'channel'])
def test_softmax_activation_on_any_image_size(mode):
    assert_same(mx.sym.SoftmaxActivation(X, mode=mode), *ANY_SIZE)
