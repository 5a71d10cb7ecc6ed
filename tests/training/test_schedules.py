"""The learning rate of each step against closed forms, and against MXNet's schedulers."""
from math import cos, pi

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.training.optimizers import OPTIMIZERS, make_trainer
from gluonblocks.training.schedules import make_schedule

BOOKS = {'lr': 0.5, 'lr_schedule': 'constant', 'warmup_epochs': 0, 'lr_decay': 0.1,
         'lr_decay_epochs': None, 'optimizer': 'sgd', 'momentum': None, 'weight_decay': None,
         'dtype': 'float32'}
FALLING = {'lr_schedule': 'step', 'lr_decay_epochs': [2, 3]}
CHOICES = [{'warmup_epochs': 2}, FALLING, dict(FALLING, warmup_epochs=1),
           {'lr_schedule': 'cosine'}, {'lr_schedule': 'cosine', 'warmup_epochs': 1}]


def schedule_of(num_epochs, **changes):
    """The schedule of a run with four steps to an epoch."""
    return make_schedule(dict(BOOKS, **changes), num_epochs, 4)


def rates(num_epochs, **changes):
    """The learning rates of all steps, four to an epoch."""
    schedule = schedule_of(num_epochs, **changes)
    return [schedule(step) for step in range(1, 4 * num_epochs + 1)]


HALF_COSINE = [0.25 * (1 + cos(pi * step / 8)) for step in range(1, 9)]
WARM_UP = [0.125, 0.25, 0.375, 0.5]


@pytest.mark.parametrize('num_epochs, changes, expected', [
    (3, {'warmup_epochs': 2}, [0.5 * step / 8 for step in range(1, 9)] + [0.5] * 4),
    (2, {'lr_schedule': 'cosine'}, HALF_COSINE),
    (3, {'lr_schedule': 'cosine', 'warmup_epochs': 1}, WARM_UP + HALF_COSINE),
    (4, FALLING, [0.5] * 8 + [0.05] * 4 + [0.005] * 4),
    (4, dict(FALLING, warmup_epochs=1), WARM_UP + [0.5] * 4 + [0.05] * 4 + [0.005] * 4)])
def test_the_rates_of_all_steps_are_those_of_the_formula(num_epochs, changes, expected):
    assert rates(num_epochs, **changes) == pytest.approx(expected, rel=1e-12)


def test_a_rate_begins_and_ends_at_nothing():
    assert schedule_of(3, warmup_epochs=2)(0) == schedule_of(2, lr_schedule='cosine')(100) == 0


@pytest.mark.parametrize('changes', CHOICES)
def test_a_steps_rate_does_not_depend_on_the_steps_asked_for_before(changes):
    fresh = [schedule_of(4, **changes)(step) for step in range(20)]
    used = schedule_of(4, **changes)
    steps = np.random.RandomState(0).permutation(np.repeat(np.arange(20), 3))
    assert [used(int(step)) for step in steps] == [fresh[step] for step in steps]


@pytest.mark.parametrize('optimizer', OPTIMIZERS)
def test_a_trainer_takes_over_the_schedule_without_a_word(optimizer, capsys):
    net = nn.Dense(2, in_units=3)
    net.initialize()
    schedule = schedule_of(4, lr_schedule='cosine', warmup_epochs=1)
    schedule(9)  # as a run does that goes on, to compare two schedules
    trainer = make_trainer(net, mx.cpu(), dict(BOOKS, optimizer=optimizer), schedule)
    assert trainer.learning_rate == 0 and trainer.optimizer.lr_scheduler is schedule
    assert schedule(4) == 0.5 and capsys.readouterr() == ('', '')


class Rates(gb.Hook):
    """Notes the learning rate of each step."""

    def __init__(self, trainer):
        self.trainer, self.seen = trainer, []

    def batch_end(self, state):
        self.seen.append(self.trainer.learning_rate)


def test_a_run_is_trained_by_its_schedule():
    net = nn.Dense(2)
    net.initialize()
    batches = [(nd.ones((2, 3)), nd.array([0, 1], dtype='int32'))] * 4
    hook = Rates(make_trainer(net, mx.cpu(), BOOKS, schedule_of(4, **FALLING)))
    gb.train_ch5(net, batches, batches, 2, hook.trainer, mx.cpu(), 4, hooks=[hook])
    assert hook.seen == rates(4, **FALLING)
