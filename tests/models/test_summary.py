"""The layer table against the shapes the notebooks print and counts done by hand."""
import re

import mxnet as mx
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn
from test_notebook_cells import cells

import gluonblocks as gb


def initialized(name, side=28):
    net = gb.get_model(name)
    net.initialize(mx.init.Xavier())
    return net, (1, 1, side, side)


def test_resnets_shapes_are_the_printed_ones():
    printed = {cell.title: cell.output for cell in cells('section_5_12')}['In [23]']
    want = [(re.match(r'[a-z]+', line).group(), line.split('\t ')[1]) for line in printed]
    rows = gb.layer_shapes(*initialized('resnet'))
    assert len(want) == 18
    assert [(re.match(r'[a-z]+', row.name).group(), str(row.output_shape)) for row in rows] == want


def test_densenets_trace_is_the_printed_one(capsys):
    printed = {cell.title: cell.output for cell in cells('section_5_13')}['In [42]'][1:]
    net = gb.get_model('densenet', trace=True)
    net.initialize()
    net(nd.zeros((256, 1, 96, 96))).wait_to_read()
    assert capsys.readouterr().out.splitlines() == printed


def test_parameters_and_multiply_adds_are_those_counted_by_hand():
    # (inputs * kernel) * outputs: 25 * 6 * 24 * 24, 150 * 16 * 8 * 8, 256 * 120, 120 * 84, 84 * 10
    rows = gb.layer_shapes(*initialized('lenet_bn'))
    costs = [row.multiply_adds for row in rows if row.multiply_adds]
    assert costs == [86400, 153600, 30720, 10080, 840]
    assert [row.parameters for row in rows if row.parameters] == [
        156, 12, 2416, 32, 30840, 240, 10164, 168, 850]


def test_the_summary_of_a_model_adds_up_to_its_number_of_parameters(model_name):
    side = gb.get_recipe(model_name).resize or 28
    net, shape = initialized(model_name, side)
    rows = gb.layer_shapes(net, shape)
    assert rows[-1].output_shape == (1, 10)
    assert sum(row.parameters for row in rows) == sum(
        p.data().size for p in net.collect_params().values() if p.grad_req != 'null')
    assert gb.models.format_summary(rows).splitlines()[-1].startswith('total')


def test_multiply_adds_inside_blocks_are_counted_and_grow_with_the_batch():
    net = nn.Sequential()
    net.add(gb.Residual(4, use_1x1conv=True, strides=2))
    net.initialize()
    # On 3 channels of 6 x 6, halved: 3x3 from 3, 3x3 from 4, 1x1 from 3, each to 4 of 3 x 3.
    assert gb.layer_shapes(net, (1, 3, 6, 6))[0].multiply_adds == (27 + 36 + 3) * 4 * 9
    assert gb.layer_shapes(net, (5, 3, 6, 6))[0].multiply_adds == 5 * (27 + 36 + 3) * 4 * 9


def test_layer_shapes_leaves_statistics_and_hooks_as_they_were():
    net, shape = initialized('lenet_bn')
    net(nd.zeros(shape))
    net[0].bias.set_data(nd.ones(6))  # so that the mean is not 0, where it starts
    with autograd.record():
        gb.layer_shapes(net, shape)
    assert (net[1].moving_mean.data() == 0).asnumpy().all()
    assert not net[0]._forward_hooks


def test_the_summary_table_is_aligned_and_groups_thousands():
    table = gb.models.format_summary(gb.layer_shapes(*initialized('resnet'))).splitlines()
    assert len({len(line) for line in table}) == 1 and len(table) == 20
    assert '17,451,018' in table[-1]


def test_layers_of_a_block_of_another_kind_are_its_children_in_the_order_of_use():
    net = gb.Residual(4, use_1x1conv=True, strides=2)
    net.initialize()
    rows = gb.layer_shapes(net, (1, 3, 6, 6))
    # 3x3 from 3 channels, 3x3 from 4, 1x1 from 3, each to 4 of 3 x 3.
    assert [row.multiply_adds for row in rows if row.multiply_adds] == [972, 1296, 108]
    assert {row.output_shape for row in rows} == {(1, 4, 3, 3)}


def test_layer_shapes_refuses_a_hybridized_net():
    net, shape = initialized('lenet_bn')
    net.hybridize()
    with pytest.raises(ValueError, match=r'is hybridized.* before net.hybridize\(\)'):
        gb.layer_shapes(net, shape)


def test_layer_shapes_refuses_a_net_that_is_not_initialized():
    with pytest.raises(ValueError, match=r'is not initialized: call net.initialize\(\) first'):
        gb.layer_shapes(gb.get_model('lenet_bn'), (1, 1, 28, 28))


@pytest.mark.parametrize('shape', [(1, 28), (1, 1, 2, 2)])
def test_after_an_input_of_a_wrong_shape_the_layers_are_without_hooks(shape):
    net, _ = initialized('lenet_bn')
    with pytest.raises(Exception, match='(?i)shape'):
        gb.layer_shapes(net, shape)
    assert not any(layer._forward_hooks for layer in net)


def test_a_net_whose_first_layer_has_no_parameters_is_summarized_on_its_device():
    net = nn.HybridSequential()
    net.add(nn.Flatten())
    assert gb.layer_shapes(net, (2, 3, 4))[0].output_shape == (2, 12)
