"""Layers with weights and normalizations in ONNX compute what MXNet's do."""
import mxnet as mx
import numpy as np
import pytest
from operators_in_onnx import assert_same, onnx_session

from gluonblocks.export.operators import run_symbol

X = mx.sym.var('data')
ANY_SIZE = {'data': (2, 4, 5, 6)}, {'data': (3, 4, 7, 8)}


def draw(rng, low, high, count):
    return tuple(rng.randint(low, high, count).tolist())


@pytest.mark.parametrize('dims', [1, 2, 3])
@pytest.mark.parametrize('seed', range(4))
def test_convolutions_of_random_attributes(seed, dims):
    rng = np.random.RandomState(seed)
    symbol = mx.sym.Convolution(
        X, num_filter=4, kernel=draw(rng, 1, 4, dims), stride=draw(rng, 1, 3, dims),
        pad=draw(rng, 0, 3, dims), dilate=draw(rng, 1, 3, dims),
        num_group=int(rng.choice([1, 2])), no_bias=bool(seed % 2))
    assert_same(symbol, {'data': (2, 4, 9, 8, 7)[:2 + dims]},
                {'data': (3, 4, 12, 11, 9)[:2 + dims]})


@pytest.mark.parametrize('dims', [1, 2])
@pytest.mark.parametrize('seed', range(5))
def test_deconvolutions_of_random_attributes(seed, dims):
    rng = np.random.RandomState(seed)
    stride = draw(rng, 1, 4, dims)
    bias = {} if seed % 2 else {'no_bias': False}  # by default it has none
    symbol = mx.sym.Deconvolution(
        X, num_filter=6, kernel=draw(rng, 3, 5, dims), stride=stride, pad=draw(rng, 0, 3, dims),
        adj=tuple(int(rng.randint(0, each)) for each in stride),
        num_group=int(rng.choice([1, 2])), **bias)
    assert_same(symbol, {'data': (2, 4, 5, 6)[:2 + dims]}, {'data': (3, 4, 7, 8)[:2 + dims]})


@pytest.mark.parametrize('target, pad, adj', [
    ((10, 12), (1, 2), (0, 1)), ((11, 13), (1, 1), (1, 0)), ((9, 12), (2, 2), (1, 1))])
def test_a_target_shape_takes_the_place_of_the_padding(target, pad, adj):
    # MXNet 1.9 fails to run it unless pad and adj are given and happen to fit.
    kwargs = {'num_filter': 2, 'kernel': (4, 5), 'stride': (2, 2), 'name': 'up'}
    symbol = mx.sym.Deconvolution(X, target_shape=target, **kwargs)
    values = np.random.RandomState(0).randn(2, 3, 5, 6).astype('float32')
    params = {'up_weight': np.random.RandomState(1).randn(3, 2, 4, 5).astype('float32')}
    session, _ = onnx_session(symbol, params, [{'data': values.shape}, {'data': (3, 3, 5, 6)}])
    expected, = run_symbol(mx.sym.Deconvolution(X, pad=pad, adj=adj, **kwargs), params,
                           {'data': values})
    assert expected.shape == (2, 2) + target
    np.testing.assert_allclose(session.run(None, {'data': values})[0], expected, atol=1e-4)


@pytest.mark.parametrize('attrs', [{}, {'no_bias': True}, {'flatten': False}])
@pytest.mark.parametrize('shape', [(2, 3), (2, 3, 4), (2, 3, 2, 2)])
def test_fully_connected_layers_flatten_or_take_the_last_axis(attrs, shape):
    assert_same(mx.sym.FullyConnected(X, num_hidden=5, **attrs), {'data': shape},
                {'data': (3,) + shape[1:]})


@pytest.mark.parametrize('fixed', [True, False])
def test_a_stored_gamma_counts_only_if_it_is_not_fixed(fixed):
    assert_same(mx.sym.BatchNorm(X, fix_gamma=fixed, eps=1e-3), *ANY_SIZE)


@pytest.mark.parametrize('axis, shape', [(1, (2, 3)), (-1, (2, 4, 5, 3)), (2, (2, 4, 3, 5))])
def test_batch_norms_of_any_axis(axis, shape):
    assert_same(mx.sym.BatchNorm(X, axis=axis, fix_gamma=False, eps=0.01), {'data': shape},
                {'data': (3,) + shape[1:]})
    assert_same(mx.sym.BatchNorm_v1(X), {'data': shape})


@pytest.mark.parametrize('symbol', [
    mx.sym.InstanceNorm(X, eps=0.02), mx.sym.LayerNorm(X, axis=1, eps=0.02),
    mx.sym.GroupNorm(X, num_groups=2, eps=0.02), mx.sym.L2Normalization(X, eps=0.1),
    mx.sym.L2Normalization(X, mode='channel'), mx.sym.L2Normalization(X, mode='spatial'),
    mx.sym.LRN(X, nsize=3), mx.sym.LRN(X, nsize=5, alpha=0.3, beta=0.6, knorm=1.5)],
    ids=lambda symbol: symbol.name)
def test_normalizations_on_any_image_size(symbol):
    assert_same(symbol, *ANY_SIZE)


@pytest.mark.parametrize('axis', [-1, 0, 1])
def test_layer_norms_of_any_axis(axis):
    assert_same(mx.sym.LayerNorm(X, axis=axis), {'data': (3, 4, 5)})


def test_l2_normalization_of_vectors():
    assert_same(mx.sym.L2Normalization(X), {'data': (2, 5)}, {'data': (3, 5)})
