"""The optimizers: their steps against closed forms, and our SGD against MXNet's."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import nn
from mxnet.lr_scheduler import FactorScheduler

from gluonblocks.training import SGD, optimizers
from gluonblocks.training.optimizers import make_trainer


def options(**changes):
    return dict({'optimizer': 'sgd', 'lr': 0.5, 'momentum': None, 'weight_decay': None,
                 'dtype': 'float32'}, **changes)


def weight_after_two_steps(**changes):
    """The weight after two steps from 1 with gradient 1."""
    net = nn.Embedding(1, 1)
    net.initialize(init.One())
    net.cast(changes.get('dtype', 'float32'))
    trainer = make_trainer(net, mx.cpu(), options(**changes))
    for _ in range(2):
        with autograd.record():
            loss = net(nd.zeros(1))
        loss.backward()
        trainer.step(1)
    return net.weight.data().asnumpy().item()


@pytest.mark.parametrize('changes, expected', [
    ({}, 1 - 0.5 - 0.5),
    ({'momentum': 0.9}, 1 - 0.5 - (0.45 + 0.5)),
    ({'weight_decay': 0.1}, (1 - 0.55) * 0.95 - 0.5),
    ({'optimizer': 'signum', 'momentum': 0.0}, 0.0),
    ({'dtype': 'float16', 'lr': 2 ** -12}, 1 - 2 ** -11),  # a single step rounds to 1
])
def test_two_steps_of_an_optimizer_are_those_of_its_formula(changes, expected):
    assert weight_after_two_steps(**changes) == pytest.approx(expected, abs=1e-6)


def trained(optimizer, dtype='float32', sparse=False, factor=None, steps=4, **how):
    """(net, trainer) after steps of a net of six arrays, whose rate is multiplied by `factor`."""
    mx.random.seed(3)
    net = nn.Sequential()
    if sparse:
        net.add(nn.Embedding(9, 30, sparse_grad=True), nn.Flatten())
    net.add(nn.Dense(40), nn.Dense(20), nn.Dense(5))
    net.initialize(mx.init.Xavier(), ctx=mx.cpu())
    net.cast(dtype)
    schedule = FactorScheduler(1, factor) if factor else None
    trainer = gluon.Trainer(net.collect_params(), optimizer(learning_rate=0.01,
                                                            lr_scheduler=schedule, **how))
    step(net, trainer, steps, dtype)
    return net, trainer


def step(net, trainer, steps=1, dtype='float32'):
    X = (nd.arange(24).reshape((8, 3)) % 9).astype(dtype)
    for i in range(steps):
        with autograd.record():
            loss = (net(X) ** 2).mean()
        loss.backward()
        trainer.step(8 if i else 5)


def arrays(net):
    return [param.data().asnumpy() for param in net.collect_params().values()]


@pytest.mark.parametrize('large', [1, 50, 10 ** 6], ids='large mixed small'.split())
@pytest.mark.parametrize('how', [
    {'wd': 0.01, 'factor': 0.5}, {'momentum': 0.5, 'wd': 0.1, 'multi_precision': True},
    {'clip_gradient': 0.01}, {'momentum': 0.9, 'clip_gradient': 0.01}, {'dtype': 'float64'},
    {'sparse': True}], ids=str)
def test_sgd_is_mxnets_for_large_and_small_arrays(how, large, monkeypatch):
    monkeypatch.setattr(optimizers, 'LARGE', large)
    (net, one), (plain, other) = [trained(kind, **how) for kind in (SGD, mx.optimizer.SGD)]
    for ours, theirs in zip(arrays(net), arrays(plain)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
    assert one.optimizer._index_update_count == other.optimizer._index_update_count


@pytest.mark.parametrize('momentum', [0.0, 0.9])
def test_an_optimizer_that_trained_in_float32_keeps_the_master_weights_of_a_half_net(momentum):
    found = []
    for kind in (SGD, mx.optimizer.SGD):
        optimizer = kind(learning_rate=1e-4, momentum=momentum, multi_precision=True)
        for dtype in ('float32', 'float16'):
            param = gluon.Parameter('w', shape=(3,), dtype=dtype, init=init.One())
            param.initialize()
            trainer = gluon.Trainer([param], optimizer)
            for _ in range(20):  # steps too small for float16
                with autograd.record():
                    loss = param.data().sum()
                loss.backward()
                trainer.step(1)
        found.append(param.data().asnumpy())
    assert (found[0] == found[1]).all() and (found[0] < 1).all()


def test_each_parameter_has_its_own_rate_and_decay(monkeypatch):
    monkeypatch.setattr(optimizers, 'LARGE', 50)
    found = []
    for kind in (SGD, mx.optimizer.SGD):
        net, trainer = trained(kind, wd=0.1)
        net[0].weight.lr_mult, net[1].bias.wd_mult = 0.1, 0.0
        step(net, trainer)
        found.append(arrays(net))
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
