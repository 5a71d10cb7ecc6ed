"""The state of a `BatchNorm`: in files, on devices, in an exported net."""
import warnings

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn
from reference import bn_block as block
from reference import close

import gluonblocks as gb
from gluonblocks.graphs.net import Net


def new_net(kind=nn.HybridSequential):
    net = kind()
    net.add(nn.Conv2D(6, kernel_size=5), gb.BatchNorm(6, num_dims=4), nn.Activation('sigmoid'),
            nn.Dense(4), gb.BatchNorm(4, num_dims=2))
    return net


def trained_net():
    net, X = new_net(), nd.random.uniform(shape=(8, 1, 12, 12))
    net.initialize()
    net.hybridize()
    with autograd.record():
        loss = net(X).sum()
    loss.backward()
    return net, X


def test_statistics_are_saved_and_loaded_with_the_net(tmp_path):
    net, X = trained_net()
    net.save_parameters(str(tmp_path / 'net.params'))
    other = new_net()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        other.load_parameters(str(tmp_path / 'net.params'))
    close(other(X), net(X).asnumpy(), 1e-6)


def without_statistics(path):
    """Rewrite a parameter file as the book's own block would have written it."""
    nd.save(path, {k: v for k, v in nd.load(path).items() if 'moving' not in k})
    return path


@pytest.mark.parametrize('initialized', [False, True])
def test_a_file_of_the_books_block_loads_into_a_net_of_ours_with_a_warning(tmp_path, initialized):
    net, X = trained_net()
    net.save_parameters(str(tmp_path / 'book.params'))
    other = new_net(Net)
    if initialized:
        other.initialize()
    with pytest.warns(UserWarning, match='book.params.* lacks moving_mean and moving_var'):
        other.load_parameters(without_statistics(str(tmp_path / 'book.params')))
    with autograd.train_mode():
        close(other(X), net(X).asnumpy(), 1e-6)
    close(other[1].moving_mean.data(), net[1].moving_mean.data().asnumpy(), 1e-5)


def test_a_file_without_gamma_is_still_refused(tmp_path):
    path = str(tmp_path / 'net.params')
    net, _ = trained_net()
    net.save_parameters(path)
    nd.save(path, {k: v for k, v in nd.load(path).items() if k != '1.gamma'})
    with pytest.raises(AssertionError, match="'1.gamma' is missing"):
        new_net(Net).load_parameters(path)


@pytest.mark.parametrize('hybridize', [False, True])
def test_each_device_keeps_statistics_of_its_own(hybridize):
    devices = [mx.cpu(0), mx.cpu(1)]
    layer = block((8, 3), hybridize=hybridize, ctx=devices)
    for ctx, value in zip(devices, (1, 5)):
        with autograd.record():
            layer(nd.full((8, 3), value, ctx=ctx)).backward()
    means = [layer.moving_mean.data(ctx).asnumpy() for ctx in devices]
    close(means[0], np.full((1, 3), 0.1), 1e-6)
    close(means[1], np.full((1, 3), 0.5), 1e-6)


def test_statistics_saved_right_after_a_step_are_those_of_that_step(tmp_path):
    # Without waiting, one file in five is of an earlier step.
    net, path = nn.HybridSequential(), str(tmp_path / 'net.params')
    net.add(nn.Conv2D(16, 5), nn.BatchNorm(), nn.Activation('sigmoid'),
            nn.Conv2D(16, 5), gb.BatchNorm(16, num_dims=4), nn.Dense(10))
    net.initialize()
    net.hybridize(static_alloc=True, static_shape=True)
    X = nd.random.uniform(shape=(64, 1, 28, 28))
    for step in range(40):
        with autograd.record():
            loss = net(X + step % 7).sum()
        loss.backward()
        net.save_parameters(path)
        nd.waitall()
        for name in ('moving_mean', 'moving_var'):
            assert (nd.load(path)['4.' + name] == getattr(net[4], name).data()).asnumpy().all()
