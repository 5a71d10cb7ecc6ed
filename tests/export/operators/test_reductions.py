"""Reductions, products of matrices and look-up in ONNX compute what MXNet's do."""
import mxnet as mx
import pytest
from operators_in_onnx import assert_same, onnx_session

X, Y = mx.sym.var('data'), mx.sym.var('other')
SIZES = {'data': (2, 3, 4)}, {'data': (3, 3, 5)}


@pytest.mark.parametrize('axis', [None, 0, -1, (0, 2), (-1, 1), (0, 1, 2)])
@pytest.mark.parametrize('name', ['sum', 'mean', 'max', 'min', 'prod'])
def test_reductions_over_any_axes(name, axis):
    some = axis not in (None, (0, 1, 2))
    for attrs in ({}, {'keepdims': True}) + ({'exclude': True},) * some:
        assert_same(getattr(mx.sym, name)(X, axis=axis, **attrs), *SIZES)


@pytest.mark.parametrize('axis', [None, 1, -1, (0, 2)])
@pytest.mark.parametrize('keepdims', [True, False])
@pytest.mark.parametrize('order', [1, 2])
def test_norms(order, axis, keepdims):
    assert_same(mx.sym.norm(X, ord=order, axis=axis, keepdims=keepdims), *SIZES)


@pytest.mark.parametrize('name', ['argmax', 'argmin'])
@pytest.mark.parametrize('attrs', [{}, {'axis': 1}, {'axis': -1, 'keepdims': True},
                                   {'keepdims': True}])
def test_the_place_of_an_extremum_is_the_first_and_a_float(name, attrs):
    symbol = getattr(mx.sym, name)(mx.sym.floor(X), **attrs)
    session, _ = onnx_session(symbol, {}, list(SIZES))
    assert session.get_outputs()[0].type == 'tensor(float)'
    assert_same(symbol, *SIZES, low=-2, high=2)


@pytest.mark.parametrize('name', ['argmax', 'argmin'])
def test_the_place_of_an_extremum_of_integers_has_their_type(name):
    symbol = getattr(mx.sym, name)(mx.sym.Cast(X * 9, dtype='int32'), axis=1) * 2
    session, _ = onnx_session(symbol, {}, list(SIZES))
    assert session.get_outputs()[0].type == 'tensor(int32)'
    assert_same(symbol, *SIZES)


def test_argmax_of_channels_and_of_a_vector():
    assert_same(mx.sym.argmax_channel(X), {'data': (2, 5)}, {'data': (4, 5)})
    assert_same(mx.sym.argmax(X, axis=0), {'data': (5,)})


@pytest.mark.parametrize('a, b, attrs', [
    ((2, 3), (3, 4), {}), ((3, 2), (3, 4), {'transpose_a': True}), ((4,), (4,), {}),
    ((2, 3), (4, 3), {'transpose_b': True}), ((2, 5, 3), (3, 4), {}), ((2, 3), (3,), {}),
    ((3, 2), (4, 3), {'transpose_a': True, 'transpose_b': True}), ((5, 3), (3, 2, 4), {}),
    ((3, 2, 2), (3, 4), {'transpose_a': True}), ((2, 3), (4, 2, 3), {'transpose_b': True})])
def test_products_of_tensors(a, b, attrs):
    assert_same(mx.sym.dot(X, Y, **attrs), {'data': a, 'other': b})


@pytest.mark.parametrize('transposed_a', [True, False])
@pytest.mark.parametrize('transposed_b', [True, False])
def test_products_of_stacks_of_matrices(transposed_a, transposed_b):
    flags = {'transpose_a': transposed_a, 'transpose_b': transposed_b}
    variants = [{'data': (n, 3, 2) if transposed_a else (n, 2, 3),
                 'other': (n, 4, 3) if transposed_b else (n, 3, 4)} for n in (2, 3)]
    assert_same(mx.sym.batch_dot(X, Y, **flags), *variants)
    assert_same(mx.sym.linalg_gemm2(X, Y, alpha=1.3, **flags), *variants)
