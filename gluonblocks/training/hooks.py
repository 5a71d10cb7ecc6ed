"""Hooks for the training loop: `train_ch5(..., hooks=[...])`."""
import re

import mxnet as mx
import numpy as np

from ..graphs.graph import Graph
from .loop import best_epoch


class Hook:
    """A set of methods that the loop calls with its `TrainingState`; subclasses override them.

    A hook stops the run after the current epoch by setting `state.stop` to a string, the reason.
    """

    def begin(self, state):
        """Called before the first epoch. In a resumed run, `state.step` is not 0."""

    def batch_end(self, state):
        """Called after each optimizer step. Reading a value waits until MXNet has computed it."""

    def epoch_end(self, state):
        """Called after printing the line of an epoch; `state` is at the start of the next epoch."""

    def close(self):
        """Release resources after the run. The creator of the hook calls this, not `train_ch5`."""


class NonFiniteLoss(ArithmeticError):
    """Raised when the loss or a weight becomes NaN or infinite."""


class FiniteLoss(Hook):
    """Raise NonFiniteLoss when a loss is infinite or NaN, or a weight at the end of an epoch.

    Losses are read two batches late, so that MXNet never waits; the error names the step of the
    loss. The last of the `num_batches` losses of an epoch is read immediately.
    """

    def __init__(self, trainer, num_batches):
        self._trainer, self._num_batches = trainer, num_batches

    def batch_end(self, state):
        self.check(state, leave=0 if state.batch == self._num_batches else 2)

    def epoch_end(self, state):
        # A layer may hide NaN from the loss: oneDNN's max-pooling ignores it.
        for param in self._trainer._params:
            if not all(np.isfinite(array.asnumpy()).all() for array in param.list_data()):
                raise NonFiniteLoss(
                    'the parameter %s is not finite after epoch %d, step %d, learning rate %g: try '
                    'a lower learning rate or a warm-up'
                    % (param.name, len(state.history), state.step, self._trainer.learning_rate))

    def check(self, state, leave=0):
        """Raise NonFiniteLoss if a loss of this epoch is not finite, except the last `leave`."""
        state.losses.read(leave)
        batch = state.losses.first_bad
        if batch is not None:
            step = state.step - state.batch + batch
            schedule = self._trainer.optimizer.lr_scheduler
            raise NonFiniteLoss(
                'the loss is not finite in epoch %d, step %d (batch %d of %d), learning rate %g: '
                'try a lower learning rate or a warm-up'
                % (state.epoch, step, batch, self._num_batches,
                   schedule(step) if schedule else self._trainer.learning_rate))


class EarlyStop(Hook):
    """Stop the run after `patience` epochs without a new best test accuracy.

    The hook does nothing after the last of the `num_epochs`, when the run ends anyway.
    """

    def __init__(self, patience, num_epochs):
        self._patience, self._num_epochs = patience, num_epochs

    def begin(self, state):
        self.epoch_end(state)

    def epoch_end(self, state):
        epochs_done = len(state.history)
        if not 0 < epochs_done < self._num_epochs:
            return
        if epochs_done - best_epoch(state.history) >= self._patience:
            state.stop = 'no better test accuracy for %d epoch%s' % (
                self._patience, 's' * (self._patience > 1))


def draws_numbers(net):
    """Return True if `net` draws random numbers in training, as dropout does.

    Seeding takes over a millisecond per step, so it is skipped for other nets. Return True if the
    net cannot be traced.
    """
    try:
        nodes = Graph(net(mx.sym.var('data'))).nodes
    except Exception:  # any error of a block that does not accept symbols
        return True
    return any(re.search('dropout|random|sample|shuffle|rrelu|RNN',
                         node.op + node.attrs.get('act_type', ''), re.I) for node in nodes)


class Reseed(Hook):
    """Seed MXNet's random generators before each step, from `seed`, the step and `rank`.

    Their state cannot be read, so a checkpoint cannot save it. The first step is not seeded,
    because it draws the initial weights.
    """

    def __init__(self, seed, rank=0):
        self._seed, self._rank = seed, rank

    def begin(self, state):
        if state.step:
            self.batch_end(state)

    def batch_end(self, state):
        seeds = [self._seed, state.step] + [self._rank] * (self._rank > 0)
        mx.random.seed(int(np.random.RandomState(seeds).randint(2 ** 31 - 1)))
