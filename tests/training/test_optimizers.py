"""The optimizer by the options: its steps against closed forms."""
import mxnet as mx
import pytest
from mxnet import autograd, init, nd
from mxnet.gluon import nn

from gluonblocks.training.optimizers import make_trainer


def options(**changes):
    return dict({'optimizer': 'sgd', 'lr': 0.5, 'momentum': None, 'weight_decay': None,
                 'dtype': 'float32'}, **changes)


def weight_after_two_steps(**changes):
    """The weight after two steps from 1 with gradient 1."""
    net = nn.Dense(1, use_bias=False, in_units=1)
    net.initialize(init.One())
    trainer = make_trainer(net, mx.cpu(), options(**changes))
    for _ in range(2):
        with autograd.record():
            loss = net(nd.ones((1, 1)))
        loss.backward()
        trainer.step(1)
    return net.weight.data().asnumpy().item()


@pytest.mark.parametrize('changes, expected', [
    ({}, 1 - 0.5 - 0.5),
    ({'momentum': 0.9}, 1 - 0.5 - (0.45 + 0.5)),
    ({'weight_decay': 0.1}, (1 - 0.55) * 0.95 - 0.5),
    ({'optimizer': 'signum', 'momentum': 0.0}, 0.0),
])
def test_two_steps_of_an_optimizer_are_those_of_its_formula(changes, expected):
    assert weight_after_two_steps(**changes) == pytest.approx(expected, abs=1e-6)


def test_an_unknown_optimizer_is_refused_with_the_list():
    with pytest.raises(ValueError, match="no optimizer 'adamw'; the optimizers are: .*sgd"):
        weight_after_two_steps(optimizer='adamw')


def test_what_an_optimizer_does_not_take_is_refused():
    with pytest.raises(ValueError, match='momentum is 0.9, but the optimizer adam has none'):
        weight_after_two_steps(optimizer='adam', momentum=0.9)
