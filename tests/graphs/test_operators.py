"""Nets that train with the operators: where they are put, and that nothing but the time changes."""
import json
import os

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn
from reference import close

import gluonblocks as gb
from gluonblocks.graphs import net as net_module
from gluonblocks.graphs.net import Net
from gluonblocks.graphs.operators import use_operators

pytestmark = pytest.mark.usefixtures('operators')


def ours(symbol):
    return [node['op'] for node in json.loads(symbol.tojson())['nodes']
            if node['op'].startswith('_gluonblocks')]


@pytest.fixture
def placed(monkeypatch):
    """The operators in each graph that was made, as lists of names."""
    made = []

    def spy(*args, **kwargs):
        symbol = use_operators(*args, **kwargs)
        made.append([name.replace('_gluonblocks_', '') for name in ours(symbol)])
        return symbol
    monkeypatch.setattr(net_module, 'use_operators', spy)
    return made


def both_ways(monkeypatch, make, use, rtol=1e-4):
    """`use(make())` by graph and by operators has to give the same {name: array}."""
    results = []
    for way in ('graph', 'operators'):
        monkeypatch.setenv('GLUONBLOCKS_WAY', way)
        mx.random.seed(1)
        net = make()
        net.initialize(mx.init.Xavier(), ctx=[mx.cpu(0), mx.cpu(1)])
        net.hybridize(static_alloc=True)
        found = use(net)
        nd.waitall()
        results.append({name: array.asnumpy() for name, array in found.items()})
    for name, expected in results[0].items():
        close(results[1][name], expected, rtol)


def images(*shape, seed=0, offset=1.0):
    return nd.array(np.random.RandomState(seed).randn(*shape) + offset)


def loss_of(Y):
    """A sum whose gradient does not vanish in a norm, as that of the squares does."""
    return (Y * images(*Y.shape, seed=2).astype(Y.dtype)).sum()


def state(net):
    """Weights' gradients and averages of a net, in the order of its layers. A bias before a norm
    has true gradient 0, and what rounding leaves cannot be compared."""
    found = {}
    for i, (name, param) in enumerate(net.collect_params().items()):
        if param.grad_req == 'null':
            found['%d value' % i] = param.data()
        elif not name.endswith('bias'):
            found['%d gradient' % i] = param.grad()
    return found


def step(net, X, times=1):
    for _ in range(times):
        with autograd.record():
            Y = net(X)
            loss = loss_of(Y)
        loss.backward()
    return dict(state(net), out=Y)


def small(*layers):
    """A net of a convolution that is a stage, and `layers`."""
    net = Net()
    net.add(nn.Conv2D(3, 3), gb.BatchNorm(3, num_dims=4), nn.Activation('relu'), nn.MaxPool2D(2),
            *layers)
    return net


@pytest.mark.parametrize('name', ['lenet_bn', 'lenet_bn_gluon'])
def test_lenet_is_two_stages_and_two_norms_when_it_trains(monkeypatch, placed, name):
    X = images(20, 1, 28, 28)
    both_ways(monkeypatch, lambda: gb.get_model(name), lambda net: step(net, X, 3), 2e-3)
    assert placed == [['stage', 'stage', 'norm', 'norm']]


@pytest.mark.parametrize('name', ['resnet', 'densenet'])
def test_mxnets_norms_in_onednns_order_stay(monkeypatch, placed, name):
    monkeypatch.setenv('GLUONBLOCKS_WAY', 'operators')
    net = gb.get_model(name)
    net.initialize()
    net.hybridize()
    with autograd.record():
        net(images(1, 1, 32, 32)).wait_to_read()
    assert placed == [[]]


def test_prediction_and_files_have_no_operators(monkeypatch, placed, tmp_path):
    monkeypatch.setenv('GLUONBLOCKS_WAY', 'operators')
    net, X = small(), images(4, 1, 8, 8)
    net.initialize()
    net.hybridize()
    step(net, X)
    net(X).wait_to_read()
    with autograd.train_mode():  # trains, but nothing is recorded
        net(X).wait_to_read()
    assert len(placed) == 1 and len(net._graphs) == 3
    net.export(str(tmp_path / 'both'), for_training=True)
    net.export(str(tmp_path / 'one'))
    for name in ('both', 'one'):
        assert not ours(mx.sym.load(str(tmp_path / (name + '-symbol.json'))))


def test_averages_of_mxnets_norm_stay_in_a_pass_that_is_not_recorded(monkeypatch):
    def use(net):
        with autograd.train_mode():
            net(images(16, 1, 28, 28)).wait_to_read()
        return state(net)
    both_ways(monkeypatch, lambda: gb.get_model('lenet_bn_gluon'), use)


LAYERS = {
    'convolution without bias': lambda: [nn.Conv2D(5, 3, use_bias=False), nn.BatchNorm()],
    'tanh': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(), nn.Activation('tanh'), nn.MaxPool2D(2)],
    'average': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(), nn.Activation('relu'), nn.AvgPool2D(2)],
    'no activation': lambda: [nn.Conv2D(5, 3), gb.BatchNorm(5, num_dims=4), nn.MaxPool2D(2)],
    'stride': lambda: [nn.Conv2D(5, 3, strides=2), gb.BatchNorm(5, num_dims=4)],
    'padded pooling': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(), nn.MaxPool2D(3, 2, 1)],
    'full pooling': lambda: [nn.Conv2D(5, 2), nn.BatchNorm(), nn.MaxPool2D(2, ceil_mode=True)],
    'no scale': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(scale=False), nn.MaxPool2D(2)],
    'no shift': lambda: [nn.Conv2D(5, 3), nn.BatchNorm(center=False), nn.MaxPool2D(2)],
    'averages used': lambda: [nn.Conv2D(5, 3), gb.BatchNorm(5, 4, use_global_stats=True)],
    'other settings': lambda: [nn.Conv2D(5, 3), gb.BatchNorm(5, 4, eps=0.1, momentum=0.5)],
    'dense': lambda: [nn.Dense(7), nn.BatchNorm(), nn.Activation('sigmoid'), nn.Dense(3)],
    'eights': lambda: [nn.Conv2D(8, 3), gb.BatchNorm(8, num_dims=4), nn.Activation('relu'),
                       nn.Conv2D(16, 1), gb.BatchNorm(16, num_dims=4), nn.Activation('relu'),
                       nn.MaxPool2D(2)]}


@pytest.mark.parametrize('kind', LAYERS)
def test_each_kind_of_layer_learns_the_same(monkeypatch, placed, kind):
    X = images(18, 2, 13, 14)
    both_ways(monkeypatch, lambda: small(*LAYERS[kind]()), lambda net: step(net, X, 2), 5e-4)
    assert placed[0][0] == 'stage'


def test_batches_of_other_sizes_and_maps_run_in_between(monkeypatch):
    def use(net):
        for shape in ((17, 1, 8, 8), (3, 1, 8, 8), (40, 1, 9, 12), (17, 1, 8, 8)):
            found = step(net, images(*shape))
            net(images(5, 1, 8, 8))
        return found
    both_ways(monkeypatch, small, use)


def test_gradients_that_are_added_are_added(monkeypatch):
    def use(net):
        for name, param in net.collect_params().items():
            if name.endswith('weight') or name.endswith('gamma'):
                param.grad_req = 'add'
        return step(net, images(6, 1, 8, 8), 3)
    both_ways(monkeypatch, lambda: small(nn.Dense(3), nn.BatchNorm()), use, 5e-4)


@pytest.mark.parametrize('request_', ['write', 'add', 'null'])
def test_the_inputs_gradient_is_written_and_added(monkeypatch, request_):
    def use(net):
        X = images(6, 2, 8, 8)
        X.attach_grad(request_)
        step(net, X, 3)
        return {} if request_ == 'null' else {'X': X.grad}
    both_ways(monkeypatch, small, use)
    both_ways(monkeypatch, lambda: (lambda net: net.add(gb.BatchNorm(2, 4)) or net)(Net()), use)


def test_the_gradient_goes_on_to_what_came_before(monkeypatch):
    def use(net):
        w = images(6, 2, 8, 8)
        w.attach_grad()
        with autograd.record():
            loss = loss_of(net(w * 2))
        loss.backward()
        return {'w': w.grad}
    both_ways(monkeypatch, small, use)


@pytest.mark.parametrize('frozen', [':2', '2:4'])
def test_parameters_can_be_frozen_and_freed(monkeypatch, frozen):
    def use(net):
        found, X = {}, images(6, 1, 8, 8)
        step(net, X)
        params = list(net.collect_params('.*(weight|bias|gamma|beta)').values())
        for grad_req in ('null', 'write'):
            for param in params[slice(*[int(n) if n else None for n in frozen.split(':')])]:
                param.grad_req = grad_req
            found.update({grad_req + name: array.copy() for name, array in step(net, X).items()})
        return found
    both_ways(monkeypatch, small, use)


class Branches(nn.HybridBlock):
    """One layer twice, and what goes into a norm goes on beside it."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2D(3, 3, padding=1), gb.BatchNorm(3, num_dims=4)
        self.other = gb.BatchNorm(3, num_dims=4)

    def hybrid_forward(self, F, X):
        Y = self.conv(X)
        Y = F.relu(self.bn(Y)) + Y
        Y = self.bn(self.conv(Y)) + Y
        return self.other(Y * 2) + Y


def test_branches_and_layers_that_are_used_twice_learn_the_same(monkeypatch, placed):
    X = images(7, 3, 6, 6)
    both_ways(monkeypatch, lambda: small(Branches(), Branches()), lambda net: step(net, X, 3), 2e-3)
    assert placed[0] == ['stage', 'norm', 'norm']


def test_two_nets_on_the_same_parameters(monkeypatch):
    def use(net):
        twin = small(nn.Dense(3))
        for block, source in zip(twin, net):
            block._reg_params = source._reg_params
            for name, param in source._reg_params.items():
                object.__setattr__(block, name, param)
                block.params._params = source.params._params
        twin.hybridize()
        found = step(net, images(6, 1, 8, 8))
        return dict(found, twin=step(twin, images(9, 1, 8, 8, seed=4))['out'], **{
            'after ' + name: array for name, array in state(net).items()})
    both_ways(monkeypatch, lambda: small(nn.Dense(3)), use)


def test_two_devices_keep_their_numbers_apart(monkeypatch):
    def use(net):
        found, devices = {}, (mx.cpu(0), mx.cpu(1))
        with autograd.record():
            outputs = [net(images(6, 1, 8, 8, seed=i).as_in_context(ctx))
                       for i, ctx in enumerate(devices)]
            losses = [(Y ** 3).sum() for Y in outputs]
        for loss in losses:
            loss.backward()
        for i, param in enumerate(net.collect_params('.*(weight|running_.*|moving_.*)').values()):
            for j, ctx in enumerate(devices):
                found['%d %d' % (i, j)] = (param.data(ctx) if param.grad_req == 'null' else
                                           param.grad(ctx))
        return found
    both_ways(monkeypatch, small, use)


def test_several_passes_wait_for_their_backward(monkeypatch):
    def use(net):
        batches, found = [images(6, 1, 8, 8, seed=i) for i in range(2)], {}
        with autograd.record():
            losses = [loss_of(net(X)) for X in batches]
        for i, loss in enumerate(losses):
            for _ in range(2):
                loss.backward(retain_graph=True)
            found.update({'%d %s' % (i, name): array.copy() for name, array in state(net).items()})
        return found
    both_ways(monkeypatch, small, use)


def test_another_dtype_takes_the_graph(monkeypatch, placed):
    monkeypatch.setenv('GLUONBLOCKS_WAY', 'operators')
    net = small()
    net.initialize()
    net.cast('float64')
    net.hybridize()
    step(net, images(4, 1, 8, 8).astype('float64'))
    assert placed == []


def test_a_process_that_was_forked_off_trains(monkeypatch):
    monkeypatch.setenv('GLUONBLOCKS_WAY', 'operators')
    net, X = small(), images(40, 1, 8, 8)
    net.initialize()
    net.hybridize()
    expected = step(net, X)['out'].asnumpy()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, step(net, X)['out'].asnumpy().tobytes())
        os._exit(0)
    os.close(writing)
    with open(reading, 'rb') as pipe:
        got = np.frombuffer(pipe.read(), 'float32')
    os.waitpid(child, 0)
    close(got, expected.ravel(), 1e-6)
