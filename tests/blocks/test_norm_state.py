"""What `BatchNorm` keeps: in files, on devices, in an exported net."""
import warnings

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn
from reference import bn_block as block
from reference import close

import gluonblocks as gb


def trained_net(hybridize=True):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(6, kernel_size=5), gb.BatchNorm(6, num_dims=4), nn.Activation('sigmoid'),
            nn.Dense(4), gb.BatchNorm(4, num_dims=2))
    net.initialize()
    net.hybridize(hybridize)
    X = nd.random.uniform(shape=(8, 1, 12, 12))
    with autograd.record():
        loss = net(X).sum()
    loss.backward()
    return net, X


def new_net():
    net = nn.Sequential()
    net.add(nn.Conv2D(6, kernel_size=5), gb.BatchNorm(6, num_dims=4), nn.Activation('sigmoid'),
            nn.Dense(4), gb.BatchNorm(4, num_dims=2))
    return net


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
def test_a_file_of_the_books_block_loads_into_a_net_with_a_warning(tmp_path, initialized):
    net, X = trained_net()
    net.save_parameters(str(tmp_path / 'book.params'))
    other = new_net()
    if initialized:
        other.initialize()
    with pytest.warns(UserWarning, match='book.params.* holds no moving_mean and moving_var'):
        other.load_parameters(without_statistics(str(tmp_path / 'book.params')))
    with autograd.train_mode():
        close(other(X), net(X).asnumpy(), 1e-6)
    close(other[1].moving_mean.data(), net[1].moving_mean.data().asnumpy() / 1.9, 1e-5)


def test_a_file_of_the_books_block_loads_into_the_block_alone(tmp_path):
    path = str(tmp_path / 'block.params')
    layer = block((2, 3))
    layer.gamma.set_data(nd.full((1, 3), 5))
    layer.save_parameters(path)
    other = gb.BatchNorm(3, num_dims=2)
    with pytest.warns(UserWarning, match='holds no moving_mean'):
        other.load_parameters(without_statistics(path))
    assert (other.gamma.data() == 5).asnumpy().all()
    assert (other.moving_var.data() == 0).asnumpy().all()


def test_a_file_without_gamma_is_still_refused(tmp_path):
    path = str(tmp_path / 'net.params')
    net, _ = trained_net()
    net.save_parameters(path)
    nd.save(path, {k: v for k, v in nd.load(path).items() if k != '1.gamma'})
    with pytest.raises(AssertionError, match="'1.gamma' is missing"):
        new_net().load_parameters(path)


def test_an_exported_net_predicts_the_same_without_gluonblocks(tmp_path):
    net, X = trained_net()
    net.export(str(tmp_path / 'net'))
    imported = gluon.SymbolBlock.imports(str(tmp_path / 'net-symbol.json'), ['data'],
                                         str(tmp_path / 'net-0000.params'))
    close(imported(X), net(X).asnumpy(), 1e-6)


@pytest.mark.parametrize('hybridize', [False, True])
def test_each_device_keeps_statistics_of_its_own(hybridize):
    devices = [mx.cpu(0), mx.cpu(1)]
    layer = block((8, 3), hybridize=hybridize, ctx=devices)
    for ctx, value in zip(devices, (1, 5)):
        with autograd.train_mode():
            layer(nd.full((8, 3), value, ctx=ctx)).wait_to_read()
    means = [layer.moving_mean.data(ctx).asnumpy() for ctx in devices]
    close(means[0], np.full((1, 3), 0.1), 1e-6)
    close(means[1], np.full((1, 3), 0.5), 1e-6)


def test_statistics_follow_the_net_to_another_device():
    net, X = trained_net()
    expected = net(X).asnumpy()
    net.collect_params().reset_ctx(mx.cpu(1))
    assert net[1].moving_mean.list_ctx() == [mx.cpu(1)]
    close(net(X.as_in_context(mx.cpu(1))), expected, 1e-6)
