"""Changes of shape in ONNX compute what MXNet's do, for fixed sizes and for any."""
import mxnet as mx
import numpy as np
import pytest
from operators_in_onnx import assert_same, onnx_session

X, Y = mx.sym.var('data'), mx.sym.var('other')
SHAPES = {'data': (2, 4, 6, 5)}, {'data': (3, 4, 8, 10)}


@pytest.mark.parametrize('shape, reverse', [
    ((0, -1), False), ((-1, 4), False), ((0, 0, -1), False), ((-3, -3), False), ((0, -3, 0), False),
    ((-2,), False), ((0, -2), False), ((0, 0, -2), False), ((-1, 0, 0), True), ((0, -1, 2), False),
    ((0, -4, 2, -1, 0, 0), False), ((0, -4, -1, 2, -2), False), ((-4, 1, -1, -2), False),
    ((0, 0, -4, -1, 2, 0), False), ((-3, -2), False), ((-1,), False), ((2, -1, 0, 0), True),
    ((0, 0, 0, -1, 5, -4), True), ((0, 2, -1, -4, 0, 0), True), ((0, 0, -3), True),
    ((-3, 0, 0), True)])
def test_reshape_by_every_code_keeps_sizes_that_depend_on_the_input(shape, reverse):
    symbol = mx.sym.Reshape(X, shape=shape, reverse=reverse)
    assert_same(symbol, *SHAPES)
    assert_same(symbol, SHAPES[0], {'data': (5, 4, 6, 5)})


def one(*axes):
    """X with the size 1 along `axes`."""
    Y = X
    for axis in axes:
        Y = mx.sym.slice_axis(Y, axis=axis, begin=0, end=1)
    return Y


OPERATORS = {
    'Flatten': mx.sym.Flatten(X), 'transpose': mx.sym.transpose(X),
    'transpose by axes': mx.sym.transpose(X, axes=(0, 2, 3, 1)),
    'SwapAxis': mx.sym.SwapAxis(X, dim1=1, dim2=3),
    'expand_dims': mx.sym.expand_dims(X, axis=-2),
    'squeeze': mx.sym.squeeze(mx.sym.expand_dims(X, axis=1)),
    'squeeze an axis': mx.sym.squeeze(mx.sym.expand_dims(X, axis=0), axis=0),
    'squeeze all': mx.sym.squeeze(one(0, 1, 2, 3)),
    'Concat': mx.sym.Concat(X, one(1), dim=1), 'Concat the last': mx.sym.concat(X, X, dim=-1),
    'rnn_param_concat': mx.sym._internal._rnn_param_concat(
        mx.sym.Reshape(X, shape=(-1,)), mx.sym.Reshape(one(1), shape=(-1,)), dim=0),
    'stack': mx.sym.stack(X, mx.sym.reverse(X, axis=1), axis=-1), 'stack one': mx.sym.stack(X),
    'tile': mx.sym.tile(X, reps=(2, 1, 3)), 'tile more': mx.sym.tile(X, reps=(3, 1, 1, 1, 2)),
    'repeat': mx.sym.repeat(X, repeats=3), 'repeat an axis': mx.sym.repeat(X, repeats=2, axis=-2),
    'repeat images': mx.sym.repeat(X, repeats=2, axis=0),
    'broadcast_to': mx.sym.broadcast_to(one(1), shape=(0, 7, 0, 0)),
    'broadcast_axis': mx.sym.broadcast_axis(one(1, 2), axis=(1, 2), size=(3, 2)),
    'broadcast_like': mx.sym.broadcast_like(one(0, 2), X),
    'broadcast_like by axes': mx.sym.broadcast_like(one(2), X, lhs_axes=(2,), rhs_axes=(-1,)),
    'reshape_like': mx.sym.reshape_like(mx.sym.Flatten(X), X),
    'reshape_like by axes': mx.sym.reshape_like(
        mx.sym.Reshape(X, shape=(0, -3, 0)), X, lhs_begin=1, lhs_end=2, rhs_begin=1, rhs_end=3),
    'zeros_like': mx.sym.zeros_like(X), 'ones_like': mx.sym.ones_like(X),
    'shape_array': mx.sym.shape_array(X), 'size_array': mx.sym.size_array(X),
    'arange_like': mx.sym.contrib.arange_like(X, start=2, step=0.5),
    'arange_like an axis': mx.sym.contrib.arange_like(X, axis=2, start=1),
    'arange_like, repeated': mx.sym.contrib.arange_like(X, repeat=5, step=-1),
    'Pad': mx.sym.Pad(X, mode='constant', constant_value=1.5,
                      pad_width=(0, 0, 0, 0, 1, 2, 3, 0)),
    'Pad by the edge': mx.sym.Pad(X, mode='edge', pad_width=(0, 0, 0, 0, 1, 2, 0, 3)),
    'Pad by reflection': mx.sym.Pad(X, mode='reflect', pad_width=(0, 0, 0, 0, 1, 3, 2, 0)),
}


@pytest.mark.parametrize('name', OPERATORS)
def test_an_operator_gives_the_same_for_any_size(name):
    assert_same(OPERATORS[name], *SHAPES)


@pytest.mark.parametrize('make', [mx.sym.zeros, mx.sym.ones])
def test_states_take_the_batch_size_of_the_input(make):
    symbol = mx.sym.RNN(mx.sym.SwapAxis(X, dim1=0, dim2=1), mx.sym.var('w'), make((1, 0, 3)),
                        mode='rnn_tanh', state_size=3, num_layers=1).get_internals()
    state = next(each for each in symbol if each.name.startswith(('_zeros', '_ones')))
    assert_same(mx.sym.Concat(state, X, dim=2), {'data': (1, 2, 3)}, {'data': (1, 7, 3)})


@pytest.mark.parametrize('symbol', [
    mx.sym.arange(1, 6, step=0.5), mx.sym.zeros((2, 3)), mx.sym.full((2, 3), 4.5),
    mx.sym.ones((3,)), mx.sym.shape_array(X), mx.sym.ones_like(X)])
def test_what_does_not_depend_on_the_input_becomes_a_constant(symbol):
    symbol = mx.sym.Group([symbol, X])
    made = onnx_session(symbol, {}, [SHAPES[0]])[1]
    assert [node.op_type for node in made.nodes] == ['Identity', 'Identity']
    assert_same(symbol, SHAPES[0])


def test_values_on_the_way_to_a_constant_are_not_kept():
    symbol = mx.sym.Concat(X, mx.sym.tile(mx.sym.zeros((2, 1, 6, 5)), reps=(1, 3, 1, 1)), dim=1)
    assert_same(symbol, SHAPES[0])
    made = onnx_session(symbol, {}, [SHAPES[0]])[1]
    assert [array.shape for array in made.initializers.values()] == [(2, 3, 6, 5)]


def test_integers_stay_integers_between_operators():
    sizes = mx.sym.SliceChannel(mx.sym.shape_array(X), num_outputs=4, axis=0)
    symbol = mx.sym.Concat(sizes[3], sizes[2], mx.sym.size_array(X), dim=0)
    session, _ = onnx_session(symbol, {}, list(SHAPES))
    (found,) = session.run(None, {'data': np.zeros((3, 4, 8, 10), 'float32')})
    assert found.dtype == np.int64
    assert found.tolist() == [10, 8, 3 * 4 * 8 * 10]
