"""Norms of concatenations, divided: the results stay, and no array is stored twice."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.graphs.graph import Graph
from gluonblocks.graphs.net import Net
from gluonblocks.graphs.passes import divide_norms

GROWTH = 16


def small_net(*layers, growth=GROWTH, seed=0):
    net = Net()
    net.add(nn.Conv2D(16, 3, padding=1), gb.DenseBlock(3, growth), *layers)
    mx.random.seed(seed)
    net.initialize(mx.init.Xavier())
    return net


def head():
    return [gb.transition_block(16), gb.DenseBlock(2, GROWTH), nn.BatchNorm(),
            nn.Activation('relu'), nn.GlobalAvgPool2D(), nn.Dense(5)]


def images(seed=0):
    return nd.array(np.random.RandomState(seed).normal(2, 3, size=(6, 2, 8, 8)))


def copy_of(net, make):
    """A new net, `make()`, with the numbers of `net`."""
    other = make()
    other(images())
    for param, old in zip(other.collect_params().values(), net.collect_params().values()):
        param.set_data(old.data())
    return other


def train(net, steps=2):
    """(outputs, gradients, all numbers) after `steps` by SGD."""
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


def divided(symbol, **shapes):
    """The graph of `symbol`, all of whose parameters learn, after the pass."""
    requests = {name: 'write' for name in symbol.list_arguments()}
    requests.update((name, 'null') for name in symbol.list_auxiliary_states())
    return divide_norms(Graph(symbol, True, requests=requests, **(shapes or {'X': (2, 16, 3, 3)})))


def divided_net(*layers, **kwargs):
    net = small_net(*layers, **kwargs)
    net(images())
    return divided(net(mx.sym.var('data')), data=(6, 2, 8, 8))


def nodes(graph, op):
    return [node for node in graph.nodes if node.op == op]


def test_divided_norms_train_as_whole_ones_do():
    net = small_net(*head())
    net(images())
    other = copy_of(net, lambda: small_net(*head()))
    net.hybridize(static_alloc=True)
    fast, slow = train(net), train(other)
    assert '_split_v2' in net.graph_for((6, 2, 8, 8)).tojson()
    for ours, theirs in zip(fast, slow):
        # Some gradients are zero but for rounding: of biases that a norm takes off again.
        largest = max(abs(b).max() for b in theirs)
        for a, b in zip(ours, theirs):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6 * largest)


def test_a_block_needs_no_concatenation_but_for_what_cannot_be_added_up():
    graph = divided_net(*head())
    # Of 3 + 2 concatenations the one that is left is of norms, before the net's last layers.
    (joint,) = nodes(graph, 'Concat')
    assert {node.op for node, _, _ in joint.inputs} == {'BatchNorm'}
    # Norms of 1, 2, 3 and 4 pieces, and of 1, 2 and 3 in the second block; convolutions the same,
    # but for the last, which has none, and the net's first.
    assert len(nodes(graph, 'BatchNorm')) == (1 + 2 + 3 + 4) + (1 + 2 + 3)
    assert len(nodes(graph, 'Convolution')) == 1 + (1 + 2 + 3 + 4) + (1 + 2)
    assert len(graph.slices) == 2 * (2 + 3 + 4 + 2 + 3)


@pytest.mark.parametrize('filters, left', [(32, 0), (33, 1)])
def test_a_convolution_is_added_up_where_its_sums_are_no_more_than_what_is_saved(filters, left):
    Y = mx.sym.Convolution(concatenated(), kernel=(3, 3), num_filter=filters)
    assert len(nodes(divided(Y), 'Concat')) == left


def test_a_convolution_by_groups_is_left_whole():
    Y = mx.sym.Convolution(concatenated(), kernel=(1, 1), num_filter=2, num_group=2)
    assert len(nodes(divided(Y), 'Convolution')) == 1


def test_a_bias_is_added_once():
    Y = mx.sym.Convolution(concatenated(), kernel=(1, 1), num_filter=4)
    assert [len(node.inputs) for node in nodes(divided(Y), 'Convolution')] == [3, 2]


def test_parts_are_all_channels_of_each_average_once():
    net, ranges = small_net(*head()), {}
    net(images())
    graph = divided(net(mx.sym.var('data')), data=(6, 2, 8, 8))
    for name, begin, end in graph.slices.values():
        ranges.setdefault(name, []).append((begin, end))
    for name, found in ranges.items():
        found.sort()
        assert found[0][0] == 0 and (found[-1][1],) == net.collect_params()[name].shape
        assert all(a[1] == b[0] for a, b in zip(found, found[1:]))


def test_pieces_that_are_no_whole_vectors_are_left_alone():
    assert not divided_net(*head()[2:], growth=12).slices


def concatenated(**norm):
    """A norm of two maps of 16 channels side by side."""
    X, Y = mx.sym.var('X', shape=(2, 16, 3, 3)), mx.sym.var('Y', shape=(2, 16, 3, 3))
    return mx.sym.BatchNorm(mx.sym.concat(X, Y, dim=1), name='norm', fix_gamma=False, **norm)


def test_a_norm_of_inputs_side_by_side_is_divided():
    graph = divided(concatenated())
    assert len(nodes(graph, 'BatchNorm')) == 2
    assert graph.slices['norm_moving_mean_16_32'] == ('norm_moving_mean', 16, 32)


@pytest.mark.parametrize('norm', [{'use_global_stats': True}, {'axis': 2},
                                  {'output_mean_var': True}])
def test_a_norm_of_another_kind_is_left_alone(norm):
    assert not divided(concatenated(**norm)).slices


def test_norms_that_share_their_averages_are_left_alone():
    X, Y = mx.sym.var('X', shape=(2, 16, 3, 3)), mx.sym.var('Y', shape=(2, 16, 3, 3))
    shared = [mx.sym.var('norm_' + name) for name in ('gamma', 'beta', 'mean', 'var')]
    both = [mx.sym.BatchNorm(mx.sym.concat(*pair, dim=1), *shared, fix_gamma=False)
            for pair in ((X, Y), (Y, X))]
    assert not divided(both[0] + both[1]).slices


def test_a_concatenation_that_is_an_output_is_left_alone():
    X, Y = mx.sym.var('X', shape=(2, 16, 3, 3)), mx.sym.var('Y', shape=(2, 16, 3, 3))
    both = mx.sym.concat(X, Y, dim=1)
    norm = mx.sym.BatchNorm(both, name='norm', fix_gamma=False)
    assert not divided(mx.sym.Group([norm, both])).slices


def test_two_devices_move_their_own_averages():
    net = small_net(*head())
    net.collect_params().reset_ctx([mx.cpu(0), mx.cpu(1)])
    net.hybridize()
    for ctx, seed in [(mx.cpu(0), 0), (mx.cpu(1), 1), (mx.cpu(0), 2)]:
        with autograd.record():
            Y = net(images(seed).as_in_context(ctx))
        Y.backward()
    mx.nd.waitall()
    one, two = copy_of(net, lambda: small_net(*head())), copy_of(net, lambda: small_net(*head()))
    for other, seeds in ((one, [0, 2]), (two, [1])):
        for param in other.collect_params('.*running_mean').values():
            param.set_data(nd.zeros(param.shape))
        for param in other.collect_params('.*running_var').values():
            param.set_data(nd.ones(param.shape))
        for seed in seeds:
            with autograd.record():
                Y = other(images(seed))
            Y.backward()
    for param, a, b in zip(*(net.collect_params('.*running').values() for net in (net, one, two))):
        np.testing.assert_allclose(param.data(mx.cpu(0)).asnumpy(), a.data().asnumpy(), rtol=1e-4,
                                   atol=1e-5)
        np.testing.assert_allclose(param.data(mx.cpu(1)).asnumpy(), b.data().asnumpy(), rtol=1e-4,
                                   atol=1e-5)
