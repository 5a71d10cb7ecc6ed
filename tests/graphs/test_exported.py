"""Loading files of Gluon's and our `export` into newly built nets."""
import os
import re
import shutil

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.graphs import Net

X = nd.array(np.random.RandomState(0).rand(2, 1, 8, 8))


class Branches(nn.HybridBlock):
    """A block that registers its layers in a different order from the one it runs them in."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.last, self.first = nn.Conv2D(2, 3, padding=1), nn.Conv2D(2, 3, padding=1)
            self.norm, self.side = nn.BatchNorm(), nn.Conv2D(2, 1)

    def hybrid_forward(self, F, X):
        X = self.first(X)
        return self.norm(self.last(X)) + self.side(X)


def build(kind, norm=nn.BatchNorm, classes=3, **prefix):
    net = kind(**prefix)
    with net.name_scope():
        net.add(Branches(), norm(), nn.Dense(classes))
    return net


def exported(folder, net):
    """Export `net`; return (the file of its parameters, its output for X)."""
    net.initialize(mx.init.Normal(1))
    net.hybridize()
    want = net(X)
    for param in net.collect_params().values():  # all different, including the running averages
        param.set_data(nd.array(np.random.uniform(0.5, 2, param.shape)))
    want = net(X)
    net.export(str(folder / 'x'))
    return str(folder / 'x-0000.params'), want


def reordered(file, key):
    """Sort the parameters in the file by `key`, because older versions wrote another order."""
    arrays = nd.load(file)
    nd.save(file, {name: arrays[name] for name in sorted(arrays, key=key)})


@pytest.mark.parametrize('state', ['new', 'deferred', 'after a batch'])
@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('kind', [nn.HybridSequential, Net])
def test_an_exported_file_loads_into_a_newly_built_net(tmp_path, kind, hybridize, state, capfd):
    file, want = exported(tmp_path, build(kind, prefix='net_'))
    net = build(Net, prefix='net_')
    if state != 'new':
        net.initialize()
    net.hybridize(hybridize)
    if state == 'after a batch':
        net(X)
    net.load_parameters(file)
    np.testing.assert_allclose(net(X).asnumpy(), want.asnumpy(), rtol=1e-5)
    assert re.search(r'16 parameters matched by the graph; for example, net_branches0_conv\d_weight'
                     r' is net_branches0_conv\d_weight in the file\n', capfd.readouterr().err)


@pytest.mark.parametrize('key', [str, lambda name: name[::-1]])
def test_with_the_symbol_the_order_in_the_file_does_not_matter(tmp_path, key):
    file, want = exported(tmp_path, build(nn.HybridSequential))
    reordered(file, key)
    net = build(Net)
    net.load_parameters(file)
    np.testing.assert_allclose(net(X).asnumpy(), want.asnumpy(), rtol=1e-5)


@pytest.mark.parametrize('name', ['lenet_bn', 'resnet'])
def test_without_the_symbol_layers_are_matched_in_order(tmp_path, name, capfd):
    X = nd.array(np.random.RandomState(0).rand(2, 1, 28, 28))
    source, net = gb.get_model(name), gb.get_model(name)
    source.initialize(mx.init.Xavier())
    source.hybridize()
    want = source(X)
    _, file = source.export(str(tmp_path / 'x'))
    os.remove(str(tmp_path / 'x-symbol.json'))
    net.load_parameters(file)
    net.hybridize()
    assert (net(X) == want).asnumpy().all()
    assert 'matched by their order' in capfd.readouterr().err


def test_a_file_that_fits_in_two_ways_is_rejected(tmp_path):
    file, _ = exported(tmp_path, build(Net))
    shutil.move(file, str(tmp_path / 'alone.params'))
    net = Net()
    net.add(Branches(), nn.BatchNorm(), nn.Dense(3))
    with pytest.raises(ValueError, match='alone.params.*If you have the symbol file that export'):
        net.load_parameters(str(tmp_path / 'alone.params'))


def test_our_norm_and_gluons_load_the_parameters_of_the_other(tmp_path):
    ours, theirs = (lambda: gb.BatchNorm(2, num_dims=4)), nn.BatchNorm
    for source, target in ((ours, theirs), (theirs, ours)):
        for kind in (Net, nn.HybridSequential):  # which writes (1, C, 1, 1)
            file, want = exported(tmp_path, build(kind, source))
            net = build(Net, target)
            net.load_parameters(file)
            np.testing.assert_allclose(net(X).asnumpy(), want.asnumpy(), rtol=1e-3)


@pytest.mark.parametrize('make, message', [
    (lambda: build(Net, classes=4),
     r'layer 6 is FullyConnected with \w+weight \(4, 0\), \w+bias \(4,\) in the net, but '
     r'FullyConnected with \w+weight \(3, 128\), \w+bias \(3,\) in the file'),
    (lambda: build(Net, lambda: nn.Conv2D(2, 1)),
     'layer 5 is Convolution .* in the net, but BatchNorm .* in the file'),
    (lambda: build(Net)[:-1], 'the net has 5 layers with parameters, but the file has 6')])
def test_a_file_of_another_net_is_rejected_with_the_first_difference(tmp_path, make, message):
    file, _ = exported(tmp_path, build(Net))
    net = make()
    with pytest.raises(ValueError, match=message):
        net.load_parameters(file)
    assert all(param._data is None for param in net.collect_params().values())


class Sum(nn.HybridBlock):
    """A block of two convolutions in a row and a parallel one, all of the same shape."""

    def __init__(self, flip):
        super().__init__()
        self.flip, (self.a, self.b, self.c) = flip, [nn.Conv2D(1, 1) for _ in range(3)]

    def hybrid_forward(self, F, X):
        return self.c(X) + self.b(self.a(X)) if self.flip else self.b(self.a(X)) + self.c(X)


def test_branches_in_another_order_are_not_swapped(tmp_path):
    source, same, flipped = Net(), Net(), Net()
    for net, flip in ((source, False), (same, False), (flipped, True)):
        net.add(Sum(flip))
    file, want = exported(tmp_path, source)
    same.load_parameters(file)
    np.testing.assert_allclose(same(X).asnumpy(), want.asnumpy(), rtol=1e-5)
    with pytest.raises(ValueError, match='layer 2 is Convolution'):
        flipped.load_parameters(file)


def test_with_ignore_extra_all_layers_but_the_last_can_be_loaded(tmp_path):
    source, net = build(Net), build(Net, classes=7)
    file, _ = exported(tmp_path, source)
    net[:-1].load_parameters(file, ignore_extra=True)
    assert (net.features(X) == source.features(X)).asnumpy().all()


def test_another_type_is_rejected_without_cast_dtype(tmp_path):
    source = build(Net)
    exported(tmp_path, source)
    source.cast('float16')
    source.graph_for(X.shape)
    _, file = source.export(str(tmp_path / 'x'))
    with pytest.raises(ValueError, match='as float16, but .* is float32: pass cast_dtype=True'):
        build(Net).load_parameters(file)
    build(Net).load_parameters(file, cast_dtype=True)
