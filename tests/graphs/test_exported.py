"""Files of `export`, Gluon's and ours, loaded into nets that were built again."""
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
    """Registers its layers in another order than it computes them."""

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
    """(the file of parameters that `net.export` writes, the net's output for X)."""
    net.initialize(mx.init.Normal(1))
    net.hybridize()
    want = net(X)
    for param in net.collect_params().values():  # no two alike, running averages too
        param.set_data(nd.array(np.random.uniform(0.5, 2, param.shape)))
    want = net(X)
    net.export(str(folder / 'x'))
    return str(folder / 'x-0000.params'), want


def reordered(file, key):
    """Write the parameters again in the order of `key`, as older versions and Python 2 did."""
    arrays = nd.load(file)
    nd.save(file, {name: arrays[name] for name in sorted(arrays, key=key)})


@pytest.mark.parametrize('state', ['new', 'deferred', 'after a batch'])
@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('kind', [nn.HybridSequential, Net])
def test_an_export_loads_into_a_net_built_again(tmp_path, kind, hybridize, state, capfd):
    file, want = exported(tmp_path, build(kind, prefix='net_'))
    net = build(Net, prefix='net_')
    if state != 'new':
        net.initialize()
    net.hybridize(hybridize)
    if state == 'after a batch':
        net(X)
    net.load_parameters(file)
    np.testing.assert_allclose(net(X).asnumpy(), want.asnumpy(), rtol=1e-5)
    assert re.search(r'16 parameters matched by the graph; net_branches0_conv\d_weight is '
                     r'net_branches0_conv\d_weight in the file\n', capfd.readouterr().err)


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


def test_an_order_that_fits_in_two_ways_is_not_guessed(tmp_path):
    file, _ = exported(tmp_path, build(Net))
    shutil.move(file, str(tmp_path / 'alone.params'))
    net = Net()
    net.add(Branches(), nn.BatchNorm(), nn.Dense(3))
    with pytest.raises(ValueError, match='alone.params.*Put the symbol file that export wrote'):
        net.load_parameters(str(tmp_path / 'alone.params'))


def test_norms_of_both_kinds_load_each_others_parameters(tmp_path):
    ours, theirs = (lambda: gb.BatchNorm(2, num_dims=4)), nn.BatchNorm
    for there, here in ((ours, theirs), (theirs, ours)):
        for kind in (Net, nn.HybridSequential):  # which writes (1, C, 1, 1)
            file, want = exported(tmp_path, build(kind, there))
            net = build(Net, here)
            net.load_parameters(file)
            np.testing.assert_allclose(net(X).asnumpy(), want.asnumpy(), rtol=1e-3)


@pytest.mark.parametrize('make, said', [
    (lambda: build(Net, classes=4), r'layer 6 is FullyConnected with \w+weight \(3, 128\), '
     r'\w+bias \(3,\) there, and FullyConnected with \w+weight \(4, 0\), \w+bias \(4,\) here'),
    (lambda: build(Net, lambda: nn.Conv2D(2, 1)), 'layer 5 is BatchNorm .* there, and Convolution'),
    (lambda: build(Net)[:-1], '6 layers there have parameters and 5 here')])
def test_a_file_of_another_net_is_refused_with_the_first_difference(tmp_path, make, said):
    file, _ = exported(tmp_path, build(Net))
    net = make()
    with pytest.raises(ValueError, match=said):
        net.load_parameters(file)
    assert all(param._data is None for param in net.collect_params().values())


class Sum(nn.HybridBlock):
    """Two convolutions in a row, and one beside them, all of one shape."""

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


def test_all_layers_but_the_last_load_where_extra_ones_may_be_ignored(tmp_path):
    source, net = build(Net), build(Net, classes=7)
    file, _ = exported(tmp_path, source)
    net[:-1].load_parameters(file, ignore_extra=True)
    assert (net.features(X) == source.features(X)).asnumpy().all()


def test_another_type_is_refused_unless_it_may_be_cast(tmp_path):
    source = build(Net)
    exported(tmp_path, source)
    source.cast('float16')
    source.graph_for(X.shape)
    _, file = source.export(str(tmp_path / 'x'))
    with pytest.raises(ValueError, match='as float16, and .* is float32: load it with cast_dtype'):
        build(Net).load_parameters(file)
    build(Net).load_parameters(file, cast_dtype=True)
