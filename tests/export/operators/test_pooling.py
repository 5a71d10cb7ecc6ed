"""Pooling in ONNX computes what MXNet's does, for every size of the input."""
import mxnet as mx
import numpy as np
import pytest
from operators_in_onnx import assert_same, onnx_session

X = mx.sym.var('data')
SIZES = (2, 3, 6, 7, 5), (1, 3, 7, 9, 6), (1, 3, 8, 5, 7)


@pytest.mark.parametrize('kind', ['max', 'avg'])
@pytest.mark.parametrize('seed', range(9))
def test_poolings_of_random_attributes(seed, kind):
    rng = np.random.RandomState(seed)
    dims = 1 + seed // 3
    kernel = tuple(rng.randint(2, 4, dims).tolist())
    pad = [int(rng.randint(k)) for k in kernel]
    stride = [int(rng.randint(1, 1 + k - p)) for k, p in zip(kernel, pad)]
    symbol = mx.sym.Pooling(
        X, kernel=kernel, pad=pad, stride=stride, pool_type=kind,
        pooling_convention='valid' if seed % 3 == 2 else 'full',
        count_include_pad=bool(seed % 2))
    assert_same(symbol, *[{'data': sizes[:2 + dims]} for sizes in SIZES])


@pytest.mark.parametrize('kind', ['max', 'avg'])
@pytest.mark.parametrize('dims', [1, 2, 3])
def test_global_poolings(dims, kind):
    symbol = mx.sym.Pooling(X, global_pool=True, kernel=(2,) * dims, pool_type=kind)
    assert_same(symbol, *[{'data': sizes[:2 + dims]} for sizes in SIZES])


@pytest.mark.parametrize('attributes', [{'layout': 'NHWC'}, {'pool_type': 'sum'}])
def test_a_pooling_of_another_layout_or_kind_is_an_error(attributes):
    with pytest.raises(ValueError, match='expected .*, found .*(NHWC|sum)'):
        onnx_session(mx.sym.Pooling(X, kernel=(2, 2), **attributes), {}, [{'data': (1, 4, 4, 2)}])


@pytest.mark.parametrize('wanted', [1, (2, 3), (4, 3), (3, 7), (8, 9)])
def test_adaptive_average_poolings(wanted):
    symbol = mx.sym.contrib.AdaptiveAvgPooling2D(X, output_size=wanted)
    assert_same(symbol, {'data': (2, 3, 6, 7)}, {'data': (3, 3, 6, 7)})


def test_an_adaptive_pooling_needs_a_fixed_size_unless_it_is_global():
    sizes = [{'data': (2, 3, 6, 7)}, {'data': (2, 3, 8, 9)}]
    assert_same(mx.sym.contrib.AdaptiveAvgPooling2D(X, output_size=(1, 1)), *sizes)
    with pytest.raises(ValueError, match='fixed input size'):
        onnx_session(mx.sym.contrib.AdaptiveAvgPooling2D(X, output_size=2), {}, sizes)
