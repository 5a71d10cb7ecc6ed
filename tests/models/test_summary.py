"""The layer table against the shapes the notebooks print and counts done by hand."""
import re

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn
from test_notebook_cells import cells

import gluonblocks as gb
from gluonblocks.models.summary import format_table


def initialized(name):
    net = gb.get_model(name)
    net.initialize(mx.init.Xavier())
    return net, (1, 1, 28, 28)


def test_resnets_shapes_are_the_printed_ones():
    printed = {cell.title: cell.output for cell in cells('section_5_12')}['In [23]']
    want = [(re.match(r'[a-z]+', line).group(), line.split('\t ')[1]) for line in printed]
    rows = gb.layer_shapes(*initialized('resnet'))
    assert len(want) == 18
    assert [(re.match(r'[a-z]+', row.name).group(), str(row.output_shape)) for row in rows] == want
    table = gb.models.format_summary(rows).splitlines()
    assert len({len(line) for line in table}) == 1 and len(table) == 20
    assert '17,451,018' in table[-1]


@pytest.mark.parametrize('name', ['resnet', 'densenet'])
def test_the_books_stem_takes_the_largest_of_each_window_of_3x3_pixels(name):
    pooling, X = gb.get_model(name)[3], np.random.normal(size=(2, 5, 4, 4)).astype('float32')
    padded = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    for i, j in np.ndindex(2, 2):
        window = padded[:, :, 2 * i:2 * i + 3, 2 * j:2 * j + 3]
        assert (pooling(nd.array(X)).asnumpy()[:, :, i, j] == window.max(axis=(2, 3))).all()


def test_densenets_trace_is_the_printed_one(capsys):
    printed = {cell.title: cell.output for cell in cells('section_5_13')}['In [42]'][1:]
    net = gb.get_model('densenet', trace=True)
    net.initialize()
    net(nd.zeros((1, 1, 96, 96))).wait_to_read()
    assert [line.replace('(1, ', '(256, ') for line in capsys.readouterr().out.splitlines()
            ] == printed


@pytest.mark.parametrize('hybridize', [False, True])
def test_parameters_and_multiply_adds_are_those_counted_by_hand(hybridize):
    net, shape = initialized('lenet_bn')
    net.hybridize(hybridize)
    rows = gb.layer_shapes(net, shape)
    # 28 - 5 + 1 = 24, halved 12; 12 - 5 + 1 = 8, halved 4; then 120, 84, 10.
    assert [row.output_shape[1:] for row in rows] == (
        [(6, 24, 24)] * 3 + [(6, 12, 12)] + [(16, 8, 8)] * 3 + [(16, 4, 4)] +
        [(120,)] * 3 + [(84,)] * 3 + [(10,)])
    # (inputs * kernel) * outputs: 25 * 6 * 24 * 24, 150 * 16 * 8 * 8, 256 * 120, 120 * 84, 84 * 10
    costs = [row.multiply_adds for row in rows if row.multiply_adds]
    assert costs == [86400, 153600, 30720, 10080, 840]
    assert [row.parameters for row in rows if row.parameters] == [
        156, 12, 2416, 32, 30840, 240, 10164, 168, 850]


def test_layers_of_another_block_are_its_children_and_its_cost_grows_with_the_batch():
    net = gb.Residual(4, use_1x1conv=True, strides=2)
    net.initialize()
    rows = gb.layer_shapes(net, (1, 3, 6, 6))
    # 3x3 from 3 channels, 3x3 from 4, 1x1 from 3, each to 4 of 3 x 3.
    assert [row.multiply_adds for row in rows if row.multiply_adds] == [972, 1296, 108]
    assert {row.output_shape for row in rows} == {(1, 4, 3, 3)}
    outer = nn.Sequential()
    outer.add(net)
    assert gb.layer_shapes(outer, (5, 3, 6, 6))[0].multiply_adds == 5 * (972 + 1296 + 108)


def test_layers_with_an_activation_of_their_own_and_layers_used_twice_cost_what_they_compute():
    net, pair = nn.HybridSequential(), nn.HybridSequential()
    pair.add(*[nn.Dense(4, activation='relu')] * 2)
    net.add(nn.Conv2D(2, kernel_size=3, activation='relu'), nn.Dense(4), pair)
    net.initialize()
    # 3x3 from 1 channel to 2 of 4 x 4; 32 to 4; twice 4 to 4.
    assert [row.multiply_adds for row in gb.layer_shapes(net, (1, 1, 6, 6))] == [288, 128, 32]


def test_layer_shapes_leaves_statistics_hooks_and_hybridization_as_they_were():
    net, shape = initialized('lenet_bn')
    net(nd.zeros(shape))
    net[0].bias.set_data(nd.ones(6))  # so that the mean is not 0, where it starts
    net.hybridize()
    with autograd.record():
        gb.layer_shapes(net, shape)
    with pytest.raises(Exception, match='(?i)shape'):
        gb.layer_shapes(net, (1, 1, 2, 2))
    assert (net[1].moving_mean.data() == 0).asnumpy().all()
    assert net._active and not any(layer._forward_hooks for layer in net)


def test_a_net_without_parameters_is_summarized():
    net = nn.HybridSequential()
    net.add(nn.Flatten())
    assert gb.layer_shapes(net, (2, 3, 4))[0].output_shape == (2, 12)


def test_columns_stand_to_the_left_where_asked_and_else_to_the_right():
    rows = [('class', 'images', 'note'), ('大衣', 1000, 'warm'), ('bag', 7, '')]
    assert format_table(rows, left=(0, 2)).splitlines() == [
        'class  images  note',
        '大衣     1000  warm',  # two characters, four columns
        'bag         7']
