"""Slices, elements by index, and sorting in ONNX compute what MXNet's do."""
import mxnet as mx
import numpy as np
import pytest
from operators_in_onnx import assert_same, onnx_session

X, Y = mx.sym.var('data'), mx.sym.var('other')
SHAPES = {'data': (2, 6, 7, 5)}, {'data': (4, 6, 9, 8)}


@pytest.mark.parametrize('begin, end, step', [
    ((0, 1), (None, 5), ()), ((0, -3), (None, -1), ()), ((1,), (2,), ()),
    ((None, 4, None), (None, 1, None), (1, -1, 2)),
    ((None, None, -1, 1), (None, None, 0, -1), (1, 1, -2, 2)),
    ((None, None, None), (None, None, None), (-1, None, -2))])
def test_slices_with_steps_negative_bounds_and_none(begin, end, step):
    assert_same(mx.sym.slice(X, begin=begin, end=end, step=step), *SHAPES)


@pytest.mark.parametrize('seed', range(4))
def test_slices_of_random_bounds(seed):
    rng = np.random.RandomState(seed)
    low, high, steps = (each.tolist() for each in (
        rng.randint(0, 2, 3), rng.randint(3, 5, 3), rng.choice([-2, -1, 1, 2], 3)))
    bounds = [(a, b) if step > 0 else (b, a) for a, b, step in zip(low, high, steps)]
    assert_same(mx.sym.slice(X, begin=(None, *[begin for begin, _ in bounds]),
                             end=(None, *[end for _, end in bounds]), step=(1, *steps)), *SHAPES)


OPERATORS = {
    'slice_axis': mx.sym.slice_axis(X, axis=-2, begin=1, end=-1),
    'slice_axis to the end': mx.sym.slice_axis(X, axis=1, begin=-4, end=None),
    'reverse': mx.sym.reverse(X, axis=(1, 3)), 'flip': mx.sym.flip(X, axis=2),
    'SliceChannel': mx.sym.Group(list(mx.sym.SliceChannel(X, num_outputs=3))),
    'SliceChannel squeezed': mx.sym.Group(list(
        mx.sym.SliceChannel(X, num_outputs=6, axis=1, squeeze_axis=True))),
    'SliceChannel in one': mx.sym.SliceChannel(X, num_outputs=1, axis=2),
    'SliceChannel, one output': mx.sym.SliceChannel(X, num_outputs=2, axis=1)[1],
    '_split_v2': mx.sym.Group(list(mx.sym.split_v2(X, (1, 4), axis=1))),
    '_split_v2 in sections': mx.sym.Group(list(mx.sym.split_v2(X, 6, axis=1, squeeze_axis=True))),
    'sort': mx.sym.sort(X, axis=1), 'sort down': mx.sym.sort(X, axis=-1, is_ascend=False),
    'argsort': mx.sym.argsort(X), 'argsort down': mx.sym.argsort(X, axis=1, is_ascend=False),
    'argsort as integers': mx.sym.argsort(X, dtype='int32'),
    'topk': mx.sym.topk(X, k=3), 'topk up': mx.sym.topk(X, k=2, axis=1, is_ascend=True),
    'topk values': mx.sym.topk(X, k=3, ret_typ='value', axis=2),
    'topk both': mx.sym.Group(list(mx.sym.topk(X, k=4, ret_typ='both', dtype='int64'))),
    'topk, k = 0': mx.sym.topk(X, k=0, axis=2),
    'one_hot': mx.sym.one_hot(X, depth=3), 'one_hot of other values': mx.sym.one_hot(
        X, depth=4, on_value=2, off_value=-1, dtype='float32'),
}


@pytest.mark.parametrize('name', OPERATORS)
def test_an_operator_gives_the_same_for_any_size(name):
    assert_same(OPERATORS[name], *SHAPES, low=-4, high=4)


@pytest.mark.parametrize('axes', [(), (2, 3), (-1,), 0])
def test_slice_like_takes_the_sizes_of_the_other_input(axes):
    assert_same(mx.sym.slice_like(X, Y, axes=axes), {'data': (3, 6, 7, 5), 'other': (2, 4, 3, 5)},
                {'data': (4, 6, 9, 8), 'other': (3, 4, 8, 1)})


@pytest.mark.parametrize('mode', ['clip', 'wrap'])
@pytest.mark.parametrize('axis', [0, 1, -1])
def test_take_with_indices_out_of_range(mode, axis):
    assert_same(mx.sym.take(X, Y, axis=axis, mode=mode), {'data': (3, 4, 5), 'other': (2, 6)},
                {'data': (2, 4, 7), 'other': (2, 3)}, low=-12, high=12)


def test_take_that_raises_takes_the_indices_as_they_are():
    symbol = mx.sym.take(X, Y, mode='raise')
    assert_same(symbol, {'data': (3, 4), 'other': (5,)}, {'data': (3, 4), 'other': (2,)},
                low=0, high=2)
    session, _ = onnx_session(symbol, {}, [{'data': (3, 4), 'other': (1,)}])
    with pytest.raises(Exception, match='out of data bounds'):
        session.run(None, {'data': np.zeros((3, 4), 'float32'), 'other': np.float32([3])})


def test_gather_nd_of_indices_that_are_computed():
    rows = mx.sym.topk(Y, k=2, axis=1)  # (N, 2), from 0 to 2
    indices = mx.sym.stack(rows, mx.sym.reverse(rows, axis=1), axis=0)
    assert_same(mx.sym.gather_nd(X, indices), {'data': (3, 3, 5), 'other': (4, 3)},
                {'data': (3, 3, 6), 'other': (2, 3)})


def test_equal_values_keep_their_order():
    symbol = mx.sym.argsort(mx.sym.one_hot(X, depth=5), is_ascend=False)
    assert_same(symbol, {'data': (4,)}, {'data': (6,)}, low=0, high=5)


@pytest.mark.parametrize('attributes', [{'ret_typ': 'mask'}, {'axis': None}])
def test_sorting_that_onnx_cannot_express_is_refused(attributes):
    with pytest.raises(ValueError, match='expected an axis and ret_typ='):
        onnx_session(mx.sym.topk(X, **attributes), {}, [{'data': (2, 3)}])


def test_an_embedding_takes_the_nearest_row_for_one_outside():
    symbol = mx.sym.Embedding(X, input_dim=5, output_dim=3)
    assert_same(symbol, {'data': (2, 6)}, {'data': (3, 6)}, low=-2, high=7)
