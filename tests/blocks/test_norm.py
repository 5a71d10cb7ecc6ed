"""`batch_norm` and `BatchNorm` compared with float64 closed forms and with `nn.BatchNorm`."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn
from reference import bn_block as block
from reference import close, example, net_with

import gluonblocks as gb

EPS, MOMENTUM = 1e-5, 0.9
SHAPES = [(8, 5), (256, 120), (4, 3, 6, 6), (256, 6, 24, 24), (7, 16, 8, 8), (3, 2, 5, 1)]


@pytest.fixture(params=[True, False], ids=['fused', "the chapter's lines"])
def fused(request):
    return request.param


def closed_form(X, gamma, beta, dY):
    """Y and the gradients of X, gamma and beta, in float64 from the formulas of the paper."""
    X, dY = X.astype('float64'), dY.astype('float64')
    axes, n = (0,) + tuple(range(2, X.ndim)), X.size / X.shape[1]
    mean, var = X.mean(axes, keepdims=True), X.var(axes, keepdims=True)
    X_hat = (X - mean) / np.sqrt(var + EPS)
    dgamma, dbeta = (dY * X_hat).sum(axes, keepdims=True), dY.sum(axes, keepdims=True)
    dX = gamma / np.sqrt(var + EPS) * (dY - dbeta / n - X_hat * dgamma / n)
    return gamma * X_hat + beta, dX, dgamma, dbeta, mean, var


# The largest error, relative to the largest value, for inputs of that mean and a deviation of 2.
@pytest.mark.parametrize('offset, rtol', [(0, 3e-5), (100, 3e-4), (1000, 3e-3)])
@pytest.mark.parametrize('shape', SHAPES)
def test_batch_norm_equals_closed_form_with_gradients(shape, offset, rtol, fused):
    X, gamma, beta, dY = example(shape, offset)
    arrays = [nd.array(a) for a in (X, gamma, beta)]
    for a in arrays:
        a.attach_grad()
    old_mean, old_var = nd.full(gamma.shape, 3), nd.full(gamma.shape, 2)
    with autograd.record():
        Y, new_mean, new_var = gb.batch_norm(*arrays, old_mean, old_var, EPS, MOMENTUM, fused)
    Y.backward(nd.array(dY))
    expected = closed_form(X, gamma, beta, dY)
    for got, want in zip([Y] + [a.grad for a in arrays], expected):
        close(got, want, rtol)
    close(new_mean, 0.9 * 3 + 0.1 * expected[4], 1e-5)
    close(new_var, 0.9 * 2 + 0.1 * expected[5], 1e-5)


@pytest.mark.parametrize('hybridize', [False, True])
def test_block_equals_gluons_over_several_steps(hybridize, fused):
    shape = (16, 4, 5, 5)
    layers = ours, gluons = block(shape, hybridize=hybridize, fused=fused), nn.BatchNorm()
    gluons.initialize()
    gluons(nd.zeros(shape))
    gluons.running_var.set_data(nd.zeros(4))  # Book: the moving variance starts at 0
    for layer in layers:
        trainer = gluon.Trainer(layer.collect_params(), 'sgd', {'learning_rate': 0.1})
        for step in range(4):
            X = nd.array(np.random.RandomState(step).randn(*shape) + step)
            with autograd.record():
                loss = (layer(X) ** 3).sum()
            loss.backward()
            trainer.step(16)
    nd.waitall()
    assert ours.running_mean is ours.moving_mean and ours.running_var is ours.moving_var
    for name in ('gamma', 'beta', 'running_mean', 'running_var'):
        close(getattr(ours, name).data().reshape(-1), getattr(gluons, name).data().asnumpy())
    close(ours(X), gluons(X).asnumpy())


@pytest.mark.parametrize('shape', [(16, 5), (8, 3, 6, 6)])
def test_hybridized_block_has_the_bits_of_gluons(shape):
    X, gamma, beta, dY = [nd.array(a) for a in example(shape)]
    ours, gluons = gb.BatchNorm(shape[1], len(shape)), nn.BatchNorm()
    results = []
    for layer in (ours, gluons):
        layer.initialize()
        layer(X)
        for param, value in ((layer.gamma, gamma), (layer.beta, beta), (layer.running_mean, beta),
                             (layer.running_var, gamma)):
            param.set_data(value.reshape(param.shape))
        layer.hybridize(static_alloc=True)
        x = X.copy()
        x.attach_grad()
        with autograd.record():
            Y = layer(x)
        Y.backward(dY)
        results.append([Y, x.grad, layer.gamma.grad(), layer.beta.grad(),
                        layer.running_mean.data(), layer.running_var.data(), layer(X)])
    for a, b in zip(*results):
        np.testing.assert_array_equal(a.asnumpy().ravel(), b.asnumpy().ravel())


def test_prediction_uses_the_averages_and_leaves_them(fused):
    X, gamma, beta, _ = example((4, 3, 6, 6))
    mean, var = nd.array([1, 2, 3], dtype=X.dtype), nd.array([4, 9, 16], dtype=X.dtype)
    mean, var = mean.reshape((1, 3, 1, 1)), var.reshape((1, 3, 1, 1))
    Y, new_mean, new_var = gb.batch_norm(nd.array(X), nd.array(gamma), nd.array(beta), mean, var,
                                         EPS, MOMENTUM, fused)
    close(Y, (X - mean.asnumpy()) / np.sqrt(var.asnumpy() + EPS) * gamma + beta, rtol=1e-6)
    assert (new_mean == mean).asnumpy().all() and (new_var == var).asnumpy().all()


@pytest.mark.parametrize('X', [[[1., 2, 3]], [[100.3, 0, 1e4]] * 7])
def test_a_variance_of_nothing_is_zero_and_not_below(X, fused):
    params = [nd.ones((1, 3))] * 4
    with autograd.train_mode():
        _, _, var = gb.batch_norm(nd.array(X), *params, eps=EPS, momentum=0.0, fused=fused)
    assert (var >= 0).asnumpy().all() and var.max().asscalar() < 1e-6


def test_train_mode_without_recording_trains_too(fused):
    layer = block((8, 5), fused=fused)
    X = nd.array(example((8, 5), offset=7)[0])
    with autograd.train_mode():
        Y = layer(X)
    np.testing.assert_allclose(Y.mean(axis=0).asnumpy(), np.zeros(5), atol=1e-6)
    close(layer.moving_mean.data(), 0.1 * X.asnumpy().mean(0, keepdims=True))


def test_averages_stay_out_of_the_autograd_graph(fused):
    X, gamma, beta = [nd.array(a) for a in example((4, 3))[:3]]
    gamma.attach_grad()
    mean = var = nd.zeros((1, 3))
    nodes = []
    for _ in range(4):  # the first meets X for the first time, which autograd notes
        with autograd.record():
            Y, mean, var = gb.batch_norm(X, gamma, beta, mean, var, EPS, MOMENTUM, fused)
            nodes.append(len(autograd.get_symbol(Y + mean + var).get_internals().list_outputs()))
    assert nodes[1] == nodes[2] == nodes[3]


@pytest.mark.parametrize('dtype, rtol', [('float16', 2e-3), ('float64', 1e-12)])
def test_function_computes_in_other_float_types(dtype, rtol, fused):
    X, gamma, beta, dY = example((64, 4, 8, 8), dtype=dtype)
    X_nd = nd.array(X, dtype=dtype)
    X_nd.attach_grad()
    params = [nd.array(a, dtype=dtype) for a in (gamma, beta, 0 * gamma, 0 * gamma)]
    with autograd.record():
        Y, mean, var = gb.batch_norm(X_nd, *params, eps=EPS, momentum=MOMENTUM, fused=fused)
    Y.backward(nd.array(dY, dtype=dtype))
    expected = closed_form(X, gamma.astype('float64'), beta, dY)
    close(Y, expected[0], rtol)
    close(X_nd.grad, expected[1], rtol)
    close(var, 0.1 * expected[5], rtol)
    assert Y.dtype == mean.dtype == var.dtype == np.dtype(dtype).type
    Y, _, _ = gb.batch_norm(X_nd, *params, eps=EPS, momentum=MOMENTUM, fused=fused)
    close(Y, gamma.astype('float64') * X / np.sqrt(EPS) + beta, rtol)


@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('dtype, stored', [('float16', 'float32'), ('float64', 'float64')])
def test_block_survives_cast_and_back(dtype, stored, hybridize):
    X, _, _, _ = example((16, 3, 6, 6))
    layer = block(X.shape)
    net = net_with(layer, hybridize)
    with autograd.record():
        net(nd.array(X)).backward()
    before = net(nd.array(X))
    net.cast(dtype)
    with autograd.record():
        Y = net(nd.array(X, dtype=dtype))
    Y.backward()
    assert Y.dtype == np.dtype(dtype).type
    assert layer.moving_var.data().dtype == np.dtype(stored).type
    close(layer.moving_mean.data(), 0.19 * X.astype('float64').mean((0, 2, 3), keepdims=True), 1e-2)
    net.cast('float32')
    assert net(nd.array(X)).shape == before.shape and layer.gamma.data().dtype == np.float32


def test_gradient_in_prediction_mode_is_that_of_a_fixed_scale():
    X, gamma, beta, dY = example((4, 3))
    for hybridize in (False, True):
        layer = block(X.shape, gamma, beta, hybridize)
        layer.moving_var.set_data(nd.full((1, 3), 4))
        X_nd = nd.array(X)
        X_nd.attach_grad()
        with autograd.record(train_mode=False):
            Y = layer(X_nd)
        Y.backward(nd.array(dY), train_mode=False)
        close(X_nd.grad, dY * gamma / np.sqrt(4 + EPS), 1e-6)


def test_parameters_have_the_books_shapes_and_start_values():
    for num_dims, shape in [(2, (1, 6)), (4, (1, 6, 1, 1))]:
        layer = gb.BatchNorm(6, num_dims=num_dims)
        layer.initialize(mx.init.Xavier())  # Book: gamma 1 and beta 0, whatever the net's init
        for name, value in [('gamma', 1), ('beta', 0), ('moving_mean', 0), ('moving_var', 0)]:
            data = getattr(layer, name).data().asnumpy()
            assert data.shape == shape and (data == value).all()
        assert [p.grad_req for p in (layer.gamma, layer.moving_mean)] == ['write', 'null']


@pytest.mark.skipif(gb.try_gpu() == mx.cpu(), reason='no GPU on this machine')
def test_gpu_computes_what_the_cpu_does():
    X, gamma, beta, _ = example((16, 3, 6, 6))
    outputs = []
    for ctx in (mx.cpu(), mx.gpu()):
        layer = block(X.shape, hybridize=True, ctx=ctx)
        with autograd.record():
            outputs.append(layer(nd.array(X, ctx=ctx)).asnumpy())
    close(outputs[1], outputs[0])
