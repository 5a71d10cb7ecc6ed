"""Operators of single elements in ONNX compute what MXNet's do."""
import mxnet as mx
import numpy as np
import pytest
from operators_in_onnx import assert_same, onnx_session

X, Y = mx.sym.var('data'), mx.sym.var('other')
SHAPES = {'data': (2, 3, 4)}

# The ranges in which the functions are defined.
UNARY = {
    (-3, 3): 'abs arctan ceil cos erf exp floor negative relu sigmoid sign sin softsign '
             'square tan tanh hard_sigmoid logical_not',
    (0.1, 3): 'log reciprocal rsqrt sqrt', (-0.99, 0.99): 'arccos arcsin'}


@pytest.mark.parametrize('name, low, high', [
    (name, low, high) for (low, high), names in UNARY.items() for name in names.split()])
def test_functions_of_one_tensor(name, low, high):
    assert_same(getattr(mx.sym, name)(X * 1), SHAPES, {'data': (3, 3, 4)}, low=low, high=high)


@pytest.mark.parametrize('name', (
    '_plus _minus _mul _div _power _maximum _minimum broadcast_add broadcast_sub broadcast_mul '
    'broadcast_div broadcast_power broadcast_maximum broadcast_minimum broadcast_mod _Plus _Minus '
    '_Mul _Div elemwise_add ElementWiseSum').split())
def test_functions_of_two_tensors(name):
    shape = (2, 3, 1) if name.startswith('broadcast') else (2, 3, 4)
    symbol = (getattr(mx.sym, name, None) or getattr(mx.sym._internal, name))(X, Y)
    assert_same(symbol, {'data': (2, 3, 4), 'other': shape}, low=0.1, high=3)


@pytest.mark.parametrize('name', (
    '_plus _minus _rminus _mul _div _rdiv _power _rpower _maximum _minimum _mod _rmod'
).split())
def test_functions_of_a_tensor_and_a_scalar(name):
    symbol = getattr(mx.sym._internal, name + '_scalar')(X, scalar=1.3)
    assert_same(symbol, SHAPES, low=0.1, high=3)


@pytest.mark.parametrize('name', [
    'equal', 'not_equal', 'greater', 'greater_equal', 'lesser', 'lesser_equal', 'logical_and',
    'logical_or', 'logical_xor'])
def test_comparisons_give_zeros_and_ones(name):
    shapes = {'data': (2, 30), 'other': (1, 30)}
    a, b = mx.sym.floor(X), mx.sym.floor(Y)
    assert_same(getattr(mx.sym, 'broadcast_' + name)(a, b), shapes, low=-2, high=2)
    assert_same(getattr(mx.sym._internal, '_%s_scalar' % name)(a, scalar=1), {'data': (2, 30)},
                low=-2, high=2)


def test_mod_has_the_sign_of_the_divisor():
    a, b = mx.sym.floor(X), mx.sym.floor(Y)
    b = b + (b == 0)
    assert_same(mx.sym.broadcast_mod(a, b), {'data': (9, 9), 'other': (9, 9)}, low=-4, high=4)


def test_integers_are_divided_towards_zero():
    a, b = (mx.sym.Cast(each, dtype='int64') for each in (X, Y))
    shapes = {'data': (5, 9), 'other': (5, 1)}
    for name in ('broadcast_div', 'broadcast_mod'):
        assert_same(mx.sym.Cast(getattr(mx.sym, name)(a * 7 - 9, b), dtype='float32'), shapes,
                    low=1, high=6)


def test_integers_are_cast_towards_zero_and_computed_with_as_integers():
    whole = mx.sym.Cast(X, dtype='int32')
    assert_same(mx.sym.Cast(whole * 3 + 1 > 4, dtype='float32'), SHAPES, low=-4, high=4)
    assert_same(mx.sym.Cast(mx.sym.Cast(X, dtype='bool'), dtype='float32'), SHAPES)


def test_float16_stays_float32():
    symbol = mx.sym.Cast(mx.sym.Cast(X, dtype='float16') * 2, dtype='float32')
    session, made = onnx_session(symbol, {}, [SHAPES])
    assert [node.op_type for node in made.nodes] == ['Mul']
    values = np.float32(1 + 2 ** -20) * np.ones((2, 3, 4), 'float32')
    assert np.array_equal(session.run(None, {'data': values})[0], 2 * values)


def test_where_takes_elements_or_rows():
    for shape in ((2, 3, 4), (2,)):
        symbol = mx.sym.where(mx.sym.floor(mx.sym.var('condition')), X, Y)
        assert_same(symbol, {'data': (2, 3, 4), 'other': (2, 3, 4), 'condition': shape})


def test_clip():
    assert_same(mx.sym.clip(X, a_min=-0.3, a_max=0.5), SHAPES)


def test_sums_of_several_tensors():
    assert_same(mx.sym.add_n(X, Y, X * 2), {'data': (2, 3), 'other': (2, 3)})


def test_amp_casts_hand_their_inputs_on():
    both = mx.sym.amp_multicast(X * 2, Y * 3, num_outputs=2)
    assert_same(both[0] - both[1], {'data': (2, 3), 'other': (2, 3)})
