"""Our SGD in the place of MXNet's: the same weights, by our operator where it can."""
import mxnet as mx
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn
from mxnet.lr_scheduler import FactorScheduler

from gluonblocks.training import sgd
from gluonblocks.training.sgd import SGD


@pytest.fixture
def calls(monkeypatch):
    """How many arrays each call of our operator was given."""
    counts, update = [], sgd.sgd_update

    def counted(weights, *args):
        counts.append(len(weights))
        update(weights, *args)
    monkeypatch.setattr(sgd, 'sgd_update', counted)
    monkeypatch.setattr(sgd, 'MIN_SIZE', 0)
    monkeypatch.delenv('GLUONBLOCKS_OPERATORS', raising=False)
    return counts


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
    trainer = gluon.Trainer(net.collect_params(), optimizer(learning_rate=0.3,
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


def bits(net):
    return [param.data().asnumpy().tobytes() for param in net.collect_params().values()]


@pytest.mark.usefixtures('operators')
@pytest.mark.parametrize('how', [
    {}, {'momentum': 0.9}, {'wd': 0.01}, {'momentum': 0.5, 'wd': 0.1, 'multi_precision': True},
    {'factor': 0.5}], ids=str)
def test_weights_are_mxnets_to_the_bit_by_our_operator(calls, how):
    assert bits(trained(SGD, **how)[0]) == bits(trained(mx.optimizer.SGD, **how)[0])
    assert calls == 4 * [4, 2]


@pytest.mark.usefixtures('operators')
def test_each_parameter_has_its_own_rate_and_decay(calls):
    nets = []
    for kind in (SGD, mx.optimizer.SGD):
        net, trainer = trained(kind, wd=0.1)
        net[0].weight.lr_mult, net[1].bias.wd_mult = 0.1, 0.0
        step(net, trainer)
        nets.append(bits(net))
    assert nets[0] == nets[1] and len(calls) == 10


@pytest.mark.usefixtures('operators')
@pytest.mark.parametrize('how', [
    {'clip_gradient': 0.01}, {'dtype': 'float64'}, {'sparse': True}], ids=str)
def test_what_our_operator_does_not_take_is_mxnets(calls, how):
    assert bits(trained(SGD, **how)[0]) == bits(trained(mx.optimizer.SGD, **how)[0])
    assert calls == (4 * [4] if 'sparse' in how else [])  # the other three are with the sparse one


def test_with_the_operators_off_the_step_is_mxnets(calls, monkeypatch):
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', '0')
    trained(SGD)
    assert not calls


def test_a_trainers_states_are_saved_and_loaded(tmp_path):
    net, trainer = trained(SGD, momentum=0.9)
    trainer.save_states(str(tmp_path / 'states'))
    net.save_parameters(str(tmp_path / 'net'))
    step(net, trainer)
    after = bits(net)
    net, trainer = trained(SGD, momentum=0.9, steps=1)
    net.load_parameters(str(tmp_path / 'net'))
    trainer.load_states(str(tmp_path / 'states'))
    step(net, trainer)
    assert bits(net) == after
