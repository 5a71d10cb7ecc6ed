"""The optimizer and the learning rate by the options."""
import sys
from math import cos, pi

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, init, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.runs.options import FEATURES
from gluonblocks.training.optimizers import make_trainer
from gluonblocks.training.schedules import make_schedule


def options(**changes):
    return dict(FEATURES, lr=0.5, **changes)


def rates(num_epochs, **changes):
    """The learning rates of all steps, four to an epoch."""
    schedule = make_schedule(options(**changes), num_epochs, 4)
    return [schedule(step) for step in range(1, 4 * num_epochs + 1)]


def test_the_books_is_no_schedule_and_needs_no_gluoncv(monkeypatch):
    monkeypatch.setitem(sys.modules, 'gluoncv.utils', None)
    assert make_schedule(options(), 5, 4) is None


@pytest.mark.gluoncv
def test_warm_up_rises_evenly_then_stays():
    assert rates(3, warmup_epochs=2) == pytest.approx(
        [0.5 * step / 7 for step in range(1, 8)] + [0.5] * 5)


@pytest.mark.gluoncv
def test_cosine_falls_from_the_rate_to_nothing():
    assert rates(2, lr_schedule='cosine') == pytest.approx(
        [0.25 * (1 + cos(pi * min(step, 7) / 7)) for step in range(1, 9)])


@pytest.mark.gluoncv
def test_steps_lower_the_rate_by_the_factor_also_after_warm_up():
    # GluonCV counts steps from 0 and MXNet from 1, so the last step of an epoch has the new rate.
    expected = [0.5] * 7 + [0.05] * 4 + [0.005] * 5
    assert rates(4, lr_schedule='step', lr_decay_epochs=[2, 3]) == pytest.approx(expected)
    warm = rates(4, lr_schedule='step', lr_decay_epochs=[2, 3], warmup_epochs=1)
    assert warm[4:] == pytest.approx(expected[4:])


@pytest.mark.parametrize('changes, said', [
    ({'lr_schedule': 'linear'}, "no schedule 'linear'; the schedules are: constant, step, cosine"),
    ({'lr_schedule': 'step'}, 'goes with --lr-decay-epochs'),
    ({'lr_decay_epochs': [1]}, 'that with it'),
    ({'warmup_epochs': 4}, '4 epochs of warm-up leave none of the 4'),
    ({'lr_schedule': 'step', 'lr_decay_epochs': [1], 'warmup_epochs': 2}, 'must come after the 2'),
])
def test_schedules_that_do_not_go_together_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        make_schedule(options(**changes), 4, 4)


def test_a_schedule_needs_two_batches():
    with pytest.raises(ValueError, match='at least 2 batches'):
        make_schedule(options(lr_schedule='cosine'), 4, 1)


def hide_gluoncv(monkeypatch):
    for name in [name for name in sys.modules if name.split('.')[0] == 'gluoncv']:
        monkeypatch.delitem(sys.modules, name)


def test_without_gluoncv_it_says_what_to_install(monkeypatch):
    hide_gluoncv(monkeypatch)
    monkeypatch.setattr(sys, 'path', [])
    with pytest.raises(ImportError, match='not installed: pip install gluoncv==0.10.5'):
        make_schedule(options(lr_schedule='cosine'), 4, 4)


def test_a_gluoncv_that_does_not_import_is_explained(monkeypatch, tmp_path):
    hide_gluoncv(monkeypatch)
    (tmp_path / 'gluoncv').mkdir()
    (tmp_path / 'gluoncv' / '__init__.py').write_text('raise AttributeError("torch has no x")')
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImportError, match='torch has no x. It does not import beside PyTorch 2'):
        make_schedule(options(warmup_epochs=1), 4, 4)


def one_step(**changes):
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
def test_two_steps_are_those_of_the_formula(changes, expected):
    assert one_step(**changes) == pytest.approx(expected, abs=1e-6)


def test_an_unknown_optimizer_is_refused_with_the_list():
    with pytest.raises(ValueError, match="no optimizer 'adamw'; the optimizers are: .*sgd"):
        one_step(optimizer='adamw')


def test_what_an_optimizer_does_not_take_is_refused():
    with pytest.raises(ValueError, match="optimizer adam does not take .*'momentum'"):
        one_step(optimizer='adam', momentum=0.9)


@pytest.mark.gluoncv
def test_a_run_is_trained_by_its_schedule():
    def last_rate(**features):
        rows = []

        class Rate(gb.Hook):
            def __init__(self, trainer):
                self.trainer = trainer

            def batch_end(self, state):
                rows.append(self.trainer.learning_rate)
        net = nn.Dense(2)
        net.initialize()
        batches = [(nd.ones((2, 3)), nd.array([0, 1], dtype='int32'))] * 4
        trainer = make_trainer(net, mx.cpu(), options(), make_schedule(options(**features), 2, 4))
        gb.train_ch5(net, batches, batches, 2, trainer, mx.cpu(), 2, hooks=[Rate(trainer)])
        return rows
    assert last_rate(lr_schedule='cosine') == rates(2, lr_schedule='cosine')
    assert np.allclose(last_rate(), 0.5)
