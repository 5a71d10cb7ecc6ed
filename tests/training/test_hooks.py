"""What is attached to the loop sees it, and does not change it."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, init, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.training.hooks import EarlyStop, FiniteLoss, Reseed
from gluonblocks.training.loop import EpochRecord, best_epoch

RNG = np.random.RandomState(5)
BATCHES = [(nd.array(RNG.rand(2, 1, 2, 2)), nd.array([0, 1], dtype='int32')) for _ in range(5)]


def train(batches=BATCHES, num_epochs=2, hooks=(), lr=0.5):
    net = nn.Dense(3)
    net.initialize(init.Zero())
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': lr})
    hooks = [hook(trainer) if isinstance(hook, type(train)) else hook for hook in hooks]
    history = gb.train_ch5(net, batches, BATCHES, 2, trainer, mx.cpu(), num_epochs, hooks=hooks)
    return history, net.weight.data().asnumpy()


class Notes(gb.Hook):
    def __init__(self):
        self.seen = []

    def begin(self, state):
        self.seen.append(('begin', state.epoch, state.step))

    def batch_end(self, state):
        self.seen.append((state.epoch, state.batch, state.step, state.images))

    def epoch_end(self, state):
        self.seen.append(('end', len(state.history), state.batch, state.rate > 0))


def test_a_hook_is_told_of_each_step_and_epoch():
    notes = Notes()
    train(BATCHES[:2], hooks=[notes])
    assert notes.seen == [('begin', 1, 0), (1, 1, 1, 2), (1, 2, 2, 4), ('end', 1, 0, True),
                          (2, 1, 3, 2), (2, 2, 4, 4), ('end', 2, 0, True)]


def test_hooks_that_look_change_nothing():
    (plain, weights), (hooked, same) = train(), train(
        hooks=[Notes(), lambda trainer: FiniteLoss(trainer, 5)])
    assert [r[:4] for r in plain] == [r[:4] for r in hooked] and (weights == same).all()


def test_a_hook_that_stops_ends_the_run_after_the_epoch():
    class Once(gb.Hook):
        def batch_end(self, state):
            state.stop = 'enough'
    notes = Notes()
    history, _ = train(num_epochs=9, hooks=[Once(), notes])
    assert len(history) == 1 and len(notes.seen) == 1 + 5 + 1


@pytest.mark.parametrize('bad', [1, 3, 4, 5])
def test_the_loss_that_is_not_finite_is_found_with_its_step(bad):
    batches = list(BATCHES)
    batches[bad - 1] = (nd.full((2, 1, 2, 2), float('nan')), BATCHES[0][1])
    said = r'in epoch 1, step %d \(batch %d of 5\), learning rate 0.5: try a lower learning rate'
    with pytest.raises(gb.training.NonFiniteLoss, match=said % (bad, bad)):
        train(batches, hooks=[lambda trainer: FiniteLoss(trainer, 5)])


def test_a_weight_that_is_nan_ends_the_run_after_the_epoch_also_if_the_loss_is_finite():
    class Spoil(gb.Hook):
        def batch_end(self, state):
            if state.step == 10:  # the last of epoch 2: no loss shows it
                net.bias.set_data(nd.full((3,), np.nan))
    net = nn.Dense(3)
    net.initialize(init.Zero())
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.5})
    with pytest.raises(gb.training.NonFiniteLoss, match='bias is not finite after epoch 2, step 1'):
        gb.train_ch5(net, BATCHES, [(nd.zeros((1, 1, 2, 2)), nd.zeros(1))], 2, trainer, mx.cpu(), 3,
                     hooks=[Spoil(), FiniteLoss(trainer, 5)])


def history_of(*accuracies):
    return [EpochRecord(i, 1.0, 0.5, accuracy, 1.0) for i, accuracy in enumerate(accuracies, 1)]


def test_the_best_epoch_is_the_first_of_equals():
    assert best_epoch(history_of(0.2, 0.7, 0.7, 0.1)) == 2


@pytest.mark.parametrize('accuracies, num_epochs, stops', [
    ([], 9, False), ([0.5], 9, False), ([0.5, 0.4], 9, False), ([0.5, 0.4, 0.5], 9, True),
    ([0.5, 0.4, 0.6], 9, False), ([0.5, 0.6, 0.7, 0.7, 0.7], 9, True),
    ([0.5, 0.4, 0.4], 3, False)])  # a run after its last epoch
@pytest.mark.parametrize('when', [EarlyStop.epoch_end, EarlyStop.begin])  # begin: of a resumed run
def test_early_stop_waits_for_a_better_accuracy_for_so_many_epochs(accuracies, num_epochs, stops,
                                                                   when):
    state = gb.training.TrainingState()
    state.history = history_of(*accuracies)
    when(EarlyStop(2, num_epochs), state)
    assert bool(state.stop) == stops


def test_seeds_differ_by_step_and_by_seed_and_leave_the_first_step_alone():
    def drawn(seed, step):
        mx.random.seed(7)
        state = gb.training.TrainingState()
        state.step = step
        Reseed(seed).begin(state)
        return float(nd.random.uniform(shape=(1,)).asscalar())
    mx.random.seed(7)
    untouched = float(nd.random.uniform(shape=(1,)).asscalar())
    assert drawn(0, 0) == untouched and drawn(3, 4) == drawn(3, 4)
    assert len({drawn(0, 1), drawn(0, 2), drawn(1, 1), untouched}) == 4
