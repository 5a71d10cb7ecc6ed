"""Dividing the norms of concatenations keeps the results, and stores no array twice."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.graphs.graph import Graph
from gluonblocks.graphs.net import Net
from gluonblocks.graphs.passes import divide_norms

pytestmark = pytest.mark.skipif(mx.__version__.startswith('1.7.'),
                                reason='MXNet 1.7 keeps the concatenations')
GROWTH = 16


def small_net(*layers):
    net = Net()
    net.add(nn.Conv2D(16, 3, padding=1), gb.DenseBlock(3, GROWTH), *layers)
    net.initialize(mx.init.Xavier())
    return net


def head():
    return [gb.transition_block(16), gb.DenseBlock(2, GROWTH), nn.BatchNorm(),
            nn.Activation('relu'), nn.GlobalAvgPool2D(), nn.Dense(5)]


def images(seed=0):
    return nd.array(np.random.RandomState(seed).normal(2, 3, size=(6, 2, 8, 8)))


def copy_of(net, make):
    """Return a new net, `make()`, with the weights of `net`."""
    other = make()
    other(images())
    for param, old in zip(other.collect_params().values(), net.collect_params().values()):
        param.set_data(old.data())
    return other


def train(net, steps=2):
    """Train with SGD for some steps; return (outputs, gradients, parameters)."""
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.05})
    outputs = []
    for i in range(steps):
        with autograd.record():
            Y = net(images(i))
            loss = (Y * nd.arange(Y.size).reshape(Y.shape)).mean()
        loss.backward()
        trainer.step(1)
        outputs.append(Y.asnumpy())
    params = list(net.collect_params().values())
    return (outputs, [p.grad().asnumpy() for p in params if p.grad_req != 'null'],
            [p.data().asnumpy() for p in params])


def divided(symbol, request='write', **shapes):
    """Return the graph of `symbol` after the pass; all parameters have the `grad_req` request."""
    requests = {name: request for name in symbol.list_arguments()}
    requests.update((name, 'null') for name in symbol.list_auxiliary_states())
    return divide_norms(Graph(symbol, True, requests=requests, **shapes))


def nodes(graph, op):
    return [node for node in graph.nodes if node.op == op]


@pytest.mark.parametrize('request_', ['write', 'add'])
def test_a_net_with_divided_norms_trains_like_one_without(request_):
    net = small_net(*head())
    net(images())
    other = copy_of(net, lambda: small_net(*head()))
    for each in (net, other):
        each.collect_params('.*conv.*weight').setattr('grad_req', request_)
    net.hybridize(static_alloc=True)
    fast, slow = train(net), train(other)
    assert '_split_v2' in net.graph_for((6, 2, 8, 8)).tojson()
    for ours, theirs in zip(fast, slow):
        # The gradients of biases that a norm cancels are only rounding errors.
        largest = max(abs(b).max() for b in theirs)
        for a, b in zip(ours, theirs):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6 * largest)


def test_two_devices_update_their_own_averages():
    net, devices = small_net(*head()), [mx.cpu(0), mx.cpu(1)]
    net(images())
    other = copy_of(net, lambda: small_net(*head()))
    net.hybridize()
    for each in (net, other):
        each.collect_params().reset_ctx(devices)
        for ctx, seed in [(devices[0], 0), (devices[1], 1), (devices[0], 2)]:
            with autograd.record():
                Y = each(images(seed).as_in_context(ctx))
            Y.backward()
    nd.waitall()
    for ours, theirs in zip(*(each.collect_params('.*running').values() for each in (net, other))):
        for ctx in devices:
            np.testing.assert_allclose(ours.data(ctx).asnumpy(), theirs.data(ctx).asnumpy(),
                                       rtol=1e-4, atol=1e-5)


def test_the_only_concatenation_left_is_the_one_without_a_convolution_after_it():
    net, ranges = small_net(*head()), {}
    net(images())
    graph = divided(net(mx.sym.var('data')), data=(6, 2, 8, 8))
    # One of 3 + 2 concatenations remains. Its inputs are norms, and the net's last layers follow.
    (joint,) = nodes(graph, 'Concat')
    assert {node.op for node, _, _ in joint.inputs} == {'BatchNorm'}
    # The first block has norms of 1 to 4 pieces, the second of 1 to 3. There are as many
    # convolutions, plus the net's first, minus those after the last norm, which has none.
    assert len(nodes(graph, 'BatchNorm')) == (1 + 2 + 3 + 4) + (1 + 2 + 3)
    assert len(nodes(graph, 'Convolution')) == 1 + (1 + 2 + 3 + 4) + (1 + 2)
    # Each average is divided into slices that are all its channels, each once.
    for name, begin, end in graph.slices.values():
        ranges.setdefault(name, []).extend(range(begin, end))
    for name, found in ranges.items():
        assert sorted(found) == list(range(net.collect_params()[name].shape[0]))


def concatenated(dim=1, of=mx.sym.identity, **norm):
    """Return a norm of two concatenated inputs, and the concatenation."""
    both = mx.sym.concat(of(mx.sym.var('X')), of(mx.sym.var('Y')), dim=dim)
    return mx.sym.BatchNorm(both, name='norm', **dict({'fix_gamma': False}, **norm)), both


def divided_pair(symbol, channels=16, request='write'):
    return divided(symbol, request, X=(2, channels, 3, 3), Y=(2, channels, 3, 3))


@pytest.mark.parametrize('conv, inputs', [
    ({'kernel': (3, 3), 'num_filter': 32}, [3, 2]),  # the bias is added once
    ({'kernel': (3, 3), 'num_filter': 33}, [3]),  # the sum needs more than is saved
    ({'kernel': (1, 1), 'num_filter': 2, 'num_group': 2}, [3])])
def test_a_norm_of_a_concatenation_is_divided_and_a_convolution_if_that_saves_memory(conv, inputs):
    graph = divided_pair(mx.sym.Convolution(concatenated()[0], **conv))
    assert len(nodes(graph, 'BatchNorm')) == 2
    assert graph.slices['norm_moving_mean_16_32'] == ('norm_moving_mean', 16, 32)
    assert [len(node.inputs) for node in nodes(graph, 'Convolution')] == inputs


def sharing():
    """Return a net of two norms that share their averages."""
    X, Y = mx.sym.var('X'), mx.sym.var('Y')
    shared = {'moving_mean': mx.sym.var('mean'), 'moving_var': mx.sym.var('var')}
    one, two = [mx.sym.BatchNorm(mx.sym.concat(*pair, dim=1), fix_gamma=False, **shared)
                for pair in ((X, Y), (Y, X))]
    return one + two


@pytest.mark.parametrize('make, channels', [
    (lambda: concatenated(use_global_stats=True)[0], 16), (lambda: concatenated(axis=2)[0], 16),
    (lambda: concatenated(output_mean_var=True)[0], 16), (sharing, 16),
    (lambda: concatenated(2)[0], 16), (lambda: concatenated(of=mx.sym.flatten)[0], 16),
    (lambda: mx.sym.Group(concatenated()), 16),  # the concatenation is an output
    (lambda: concatenated()[0], 12)],  # not a multiple of VECTOR
    ids='global axis moments shared rows matrix output vectors'.split())
def test_other_norms_are_not_divided(make, channels):
    assert not divided_pair(make(), channels).slices


@pytest.mark.parametrize('request_', ['add', 'null'])
def test_norms_whose_gradients_are_added_or_not_computed_are_not_divided(request_):
    assert not divided_pair(concatenated()[0], request=request_).slices
