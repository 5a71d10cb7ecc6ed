"""Rows of batch normalization's numbers, against float64 NumPy and the normal distribution."""
import math

import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, init, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.training.norm_layers import NormLayer
from gluonblocks.training.norms import (
    STATISTICS,
    NormStats,
    dead_and_saturated,
    layer_statistics,
    read_norm_stats,
)

RNG = np.random.RandomState(5)
BATCHES = [(nd.array(RNG.rand(8, 1, 4, 4)), nd.array(RNG.randint(0, 3, 8), dtype='int32'))
           for _ in range(5)]


def make(norm=None):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(6, kernel_size=3), norm or gb.BatchNorm(6, num_dims=4),
            nn.Activation('sigmoid'), nn.Dense(3))
    net.initialize(init.Xavier())
    net.hybridize(static_alloc=True)
    return net


def train(net, folder, every=None, num_epochs=2):
    """Train from a seed; record in `folder`, if it is given."""
    mx.random.seed(3)  # the first step draws the weights
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.5})
    hooks = [NormStats(str(folder), net, every)] if folder else []
    history = gb.train_ch5(net, BATCHES, BATCHES, 8, trainer, mx.cpu(), num_epochs, hooks=hooks)
    for hook in hooks:
        hook.close()
    return [record[:4] for record in history], [
        param.data().asnumpy().tobytes() for param in net.collect_params().values()]


@pytest.mark.parametrize('make_norm', [lambda: gb.BatchNorm(6, num_dims=4), nn.BatchNorm])
def test_the_quantiles_are_those_of_the_channels_to_six_digits(tmp_path, make_norm):
    net = make(make_norm())
    train(net, tmp_path, num_epochs=1)
    params = net[1]._collect_params_with_prefix()
    rows = read_norm_stats(str(tmp_path))
    assert [row.statistic for row in rows] == list(STATISTICS)
    for row in rows:
        values, = [np.sort(param.data().asnumpy().astype('float64').reshape(-1))
                   for name, param in params.items()
                   if name in (row.statistic, row.statistic.replace('moving', 'running'))]
        # Of six sorted values the share q lies at position 5 q.
        expected = [np.interp(5 * q, range(6), values) for q in (0, .05, .25, .5, .75, .95, 1)]
        np.testing.assert_allclose(row[4:11], expected, rtol=5e-6, atol=1e-9)


@pytest.mark.parametrize('every, taken', [
    (None, [(1, 5), (2, 10)]), (2, [(1, 2), (1, 4), (1, 5), (2, 6), (2, 8), (2, 10)]),
    (5, [(1, 5), (2, 10)])])
def test_rows_are_of_each_epochs_end_and_of_each_so_many_steps_once(tmp_path, every, taken):
    train(make(), tmp_path, every)
    rows = read_norm_stats(str(tmp_path))
    assert [row[:2] for row in rows[::4]] == taken and len(rows) == 4 * len(taken)


def test_recording_changes_no_number_of_the_training(tmp_path):
    assert train(make(), tmp_path, 1) == train(make(), None)


def test_devices_statistics_are_averaged():
    layer = gb.BatchNorm(2, num_dims=2)
    layer.initialize(ctx=[mx.cpu(0), mx.cpu(1)])
    layer.moving_mean.list_data()[0][:] = nd.array([[1, 2]])
    layer.moving_mean.list_data()[1][:] = nd.array([[3, 6]])
    np.testing.assert_array_equal(layer_statistics(layer), [[1, 1], [0, 0], [2, 4], [0, 0]])


def test_a_gamma_that_the_operator_takes_as_one_is_recorded_as_one():
    layer = nn.BatchNorm(scale=False, in_channels=2)
    layer.initialize()
    layer.gamma.set_data(nd.array([5, 7]))
    np.testing.assert_array_equal(layer_statistics(layer)[0], [1, 1])


def shares(activation, gamma, beta, var=None):
    """(dead, saturated) of a layer whose averages are as they come; eps is 1e-5."""
    layer = gb.BatchNorm(len(gamma), num_dims=2)
    values = np.array([gamma, beta, [0] * len(gamma), var or [1] * len(gamma)], 'float64')
    return dead_and_saturated(NormLayer('0', layer, activation), values)


@pytest.mark.parametrize('activation, expected', [('', 0.25), ('sigmoid', 0.25), ('relu', 0.75)])
def test_dead_are_channels_without_spread_and_before_a_relu_those_below_zero(activation, expected):
    # The last two: P(2 x - 6.3 > 0) = 0.0008 and P(x - 4 > 0) = 0.00003 of a normal x.
    dead, saturated = shares(activation, [1, 0.009, -2, 1], [0, 5, -6.3, -4])
    assert dead == expected and math.isnan(saturated) == (activation != 'sigmoid')


def test_dead_is_also_a_channel_whose_input_hardly_varies():
    assert shares('', [1, 1], [0, 0], var=[1, 1e-10])[0] == 0.5


@pytest.mark.parametrize('gamma, beta, saturated', [
    # P(|x| > 4) of a normal x with this deviation and mean: 0.51, 0.49, 0.50, 0.48, 0, 1.
    (6.05, 0, 1), (5.85, 0, 0), (1, 4.01, 1), (1, 3.95, 0), (0, 3.9, 0), (0, -4.1, 1)])
def test_saturated_is_a_channel_most_of_which_the_sigmoid_flattens(gamma, beta, saturated):
    assert shares('sigmoid', [gamma], [beta])[1] == saturated
    assert shares('tanh', [gamma / 2], [beta / 2])[1] == saturated


def test_a_net_without_batch_normalization_is_told_and_has_no_file(tmp_path, capsys):
    net = nn.HybridSequential(prefix='plain_')
    net.add(nn.Dense(3))
    net.initialize()
    train(net, tmp_path)
    assert 'plain has no batch normalization layers: norms.csv is not written' in (
        capsys.readouterr().err)
    assert read_norm_stats(str(tmp_path)) == [] and not list(tmp_path.iterdir())


@pytest.fixture
def written(tmp_path):
    train(make(), tmp_path)
    return tmp_path / 'norms.csv'


def test_a_last_line_cut_short_is_left_out(written):
    complete = read_norm_stats(str(written.parent))
    written.write_text(written.read_text()[:-5])
    assert read_norm_stats(str(written.parent)) == complete[:-1]


@pytest.mark.parametrize('old, new, said', [
    ('epoch,step', 'epoch,stop', 'line 1: expected the columns epoch,step,layer'),
    ('1,5,1,beta', '1,5,beta', "line 3: expected a row of 13 columns, found '1,5,beta"),
    ('1,5,1,beta', '1,x,1,beta', 'line 3: expected a row of 13 columns')])
def test_a_file_that_was_changed_is_refused_with_the_line(written, old, new, said):
    written.write_text(written.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=said):
        read_norm_stats(str(written.parent))
