"""The running statistics of norms: corrected for their start, measured again, put back."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn

import gluonblocks as gb
from tools.experiments.averages import as_they_are, measure_anew, norms, replace, without_start

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
    norm, = norms(net)
    return [p.data().asnumpy().reshape(-1) for p in (norm.running_mean, norm.running_var)]


def train(net, times):
    for _ in range(times):
        with autograd.record():
            Y = net(X)
        Y.backward()


def test_without_their_start_the_averages_of_one_batch_repeated_are_its_statistics(net):
    start = averages(net)[1][0]  # 0 of ours, 1 of Gluon's
    train(net, 3)
    mean, var = without_start(*averages(net), 0.9 ** 3, start)
    np.testing.assert_allclose(mean, MEAN, rtol=1e-4)
    np.testing.assert_allclose(var, VAR, rtol=1e-3)


def test_measured_again_the_averages_are_the_batchs_statistics_until_the_context_ends(net):
    train(net, 1)
    before = averages(net)
    with as_they_are(net):
        measure_anew(net, X)
        np.testing.assert_allclose(averages(net)[0], MEAN, rtol=1e-4)
        np.testing.assert_allclose(averages(net)[1], VAR, rtol=1e-3)
        norm, = norms(net)
        replace(norm, 0 * norm.running_mean.data(), 0 * norm.running_var.data())
        train(net, 1)  # with the momentum that it had
        np.testing.assert_allclose(averages(net)[0], 0.1 * MEAN, rtol=1e-4)
    np.testing.assert_array_equal(averages(net), before)
