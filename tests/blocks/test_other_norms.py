"""Half a normalization, and whitening, against float64 NumPy."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from reference import close

from gluonblocks.blocks.other_norms import Centering, Scaling, Whitening

KINDS = [Centering, Scaling, Whitening]
SHAPES = [(64, 4), (16, 4, 5, 3)]


def mixed(shape):
    """Input whose channels differ in mean and deviation and go together in part."""
    X = np.random.RandomState(0).randn(*shape)
    mix = np.array([[2, 0, 0, 0], [1, 1, 0, 0], [0, 1, .5, 0], [0, 0, 1, 1]])
    return np.moveaxis(np.tensordot(mix, X, (1, 1)), 0, 1) + np.arange(4).reshape(
        (1, 4) + (1,) * (len(shape) - 2))


def rows(X):
    return np.moveaxis(np.asarray(X, 'float64'), 1, 0).reshape(4, -1)  # a channel each


def made(kind, shape, **kwargs):
    layer = kind(4, num_dims=len(shape), **kwargs)
    layer.initialize()
    return layer


def trained(layer, X):
    with autograd.train_mode():
        return layer(nd.array(X)).asnumpy()


def inverse_root(X, eps=1e-5):
    values, vectors = np.linalg.eigh(np.cov(rows(X), bias=True) + eps * np.eye(4))
    return vectors / np.sqrt(values) @ vectors.T


def expected(kind, X):
    Z = rows(X)
    mean, std = Z.mean(1, keepdims=True), np.sqrt(Z.var(1, keepdims=True) + 1e-5)
    return {Centering: lambda: Z - mean, Scaling: lambda: Z / std,
            Whitening: lambda: inverse_root(X) @ (Z - mean)}[kind]()


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('kind', KINDS)
def test_in_training_the_output_is_that_of_the_definition(kind, shape):
    X = mixed(shape)
    more = {'num_iterations': 20} if kind is Whitening else {}
    close(rows(trained(made(kind, shape, **more), X)), expected(kind, X), 1e-3)


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('kind', KINDS)
def test_predicting_with_averages_of_one_repeated_batch_is_training_on_it(kind, shape):
    layer, X = made(kind, shape), mixed(shape)
    for _ in range(150):  # 0.9 to the power 150 is nothing
        Y = trained(layer, X)
    before = [param.data().asnumpy() for param in layer.collect_params().values()]
    close(layer(nd.array(X)), Y, 1e-3)
    for param, old in zip(layer.collect_params().values(), before):
        np.testing.assert_array_equal(param.data().asnumpy(), old)


def test_whitening_stays_finite_with_fewer_images_than_features():
    layer = Whitening(120, num_dims=2)
    layer.initialize()
    X = nd.random.normal(shape=(16, 120))
    X.attach_grad()
    with autograd.record():
        Y = layer(X)
        Y.square().sum().backward()
    assert np.isfinite(X.grad.asnumpy()).all() and np.abs(Y.asnumpy()).max() < 100


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('kind', KINDS)
def test_gradients_are_those_of_finite_differences(kind, shape):
    rng, X = np.random.RandomState(1), mixed(shape)
    weights, step = rng.randn(*shape), 1e-2 * rng.randn(*shape)
    layer = made(kind, shape, num_iterations=20) if kind is Whitening else made(kind, shape)
    X_nd = nd.array(X)
    X_nd.attach_grad()
    with autograd.record():
        loss = (layer(X_nd) * nd.array(weights)).sum()
    loss.backward()
    up, down = [(expected(kind, X + s * step) * rows(weights)).sum() for s in (1, -1)]
    got = (X_nd.grad.asnumpy() * step).sum()
    np.testing.assert_allclose(got, (up - down) / 2, rtol=5e-3, atol=1e-4)


@pytest.mark.parametrize('kind', KINDS)
def test_each_device_keeps_averages_of_its_own_and_they_are_saved(kind, tmp_path):
    devices, layer, X = [mx.cpu(0), mx.cpu(1)], kind(4, num_dims=2), mixed((64, 4))
    layer.initialize(ctx=devices)
    for i, ctx in enumerate(devices):
        with autograd.train_mode():
            layer(nd.array(X * (i + 1), ctx=ctx)).wait_to_read()
    for name, param in layer.collect_params('.*moving').items():
        one, two = [param.data(ctx).asnumpy() for ctx in devices]
        assert np.abs(one).max() > 0 and np.abs(one - two).max() > 1e-3, name
    layer.collect_params().reset_ctx(devices[0])
    layer.save_parameters(str(tmp_path / 'layer'))
    other = kind(4, num_dims=2)
    other.load_parameters(str(tmp_path / 'layer'))
    np.testing.assert_array_equal(other(nd.array(X)).asnumpy(), layer(nd.array(X)).asnumpy())


@pytest.mark.parametrize('kind', KINDS)
def test_other_shapes_are_refused_with_what_it_takes(kind):
    with pytest.raises(ValueError, match=r'expected .* \(N, 4, H, W\), got \(2, 3, 5, 5\)'):
        made(kind, SHAPES[1])(nd.zeros((2, 3, 5, 5)))
    with pytest.raises(ValueError, match=r'got \(2, 4\)'):
        made(kind, SHAPES[1])(nd.zeros((2, 4)))
    with pytest.raises(ValueError, match='num_dims must be 2 .*, got 3'):
        kind(4, num_dims=3)
    with pytest.raises(ValueError, match='num_features must be .* got 0'):
        kind(0, num_dims=2)
