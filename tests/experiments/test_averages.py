"""The moving averages of norms: corrected for their start, measured anew, put back."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn

import gluonblocks as gb
from experiments.averages import as_they_are, measure_anew, norms, pair, replace, without_start

X = nd.array(np.random.RandomState(0).uniform(1, 3, (16, 2, 4, 4)))
MEAN = X.asnumpy().mean(axis=(0, 2, 3))
VAR = X.asnumpy().var(axis=(0, 2, 3))


@pytest.fixture(params=['ours', "Gluon's"])
def net(request):
    net = nn.HybridSequential()
    net.add(gb.BatchNorm(2, 4) if request.param == 'ours' else nn.BatchNorm(), nn.Dense(3))
    net.initialize(mx.init.Xavier())
    net(X)
    return net


def averages(net):
    nd.waitall()
    return [param.data().asnumpy().reshape(-1) for param in pair(norms(net)[0])]


def train(net, times):
    for _ in range(times):
        with autograd.record():
            Y = net(X)
        Y.backward()


@pytest.mark.parametrize('times', [1, 3])
def test_without_their_start_the_averages_of_one_batch_repeated_are_its_statistics(net, times):
    start = averages(net)[1][0]  # 0 of ours, 1 of Gluon's
    train(net, times)
    mean, var = without_start(*averages(net), 0.9 ** times, start)
    np.testing.assert_allclose(mean, MEAN, rtol=1e-4)
    np.testing.assert_allclose(var, VAR, rtol=1e-3)


def test_measured_anew_the_averages_are_the_batchs_statistics_and_then_move_as_before(net):
    train(net, 2)
    measure_anew(net, X)
    np.testing.assert_allclose(averages(net)[0], MEAN, rtol=1e-4)
    np.testing.assert_allclose(averages(net)[1], VAR, rtol=1e-3)
    replace(norms(net)[0], *[0 * param.data() for param in pair(norms(net)[0])])
    train(net, 1)
    np.testing.assert_allclose(averages(net)[0], 0.1 * MEAN, rtol=1e-4)


def test_what_is_done_to_the_averages_is_undone(net):
    train(net, 1)
    before = averages(net)
    with as_they_are(net) as kept:
        (norm, values), = kept
        replace(norm, *[5 + value for value in values])
        assert averages(net)[0][0] != before[0][0]
    np.testing.assert_array_equal(averages(net), before)
