"""What can be attached to the training loop: `train_ch5(..., hooks=[...])`."""
import re

import mxnet as mx
import numpy as np

from ..graphs.graph import Graph
from .loop import best_epoch


class Hook:
    """Called by the loop with its `TrainingState`; a subclass overrides what it needs.

    A hook ends the run after the epoch under way by setting `state.stop` to the reason, in words.
    """

    def begin(self, state):
        """Before the first epoch, also of a resumed run: then `state.step` is not 0."""

    def batch_end(self, state):
        """After each optimizer step. MXNet may still be computing; reading a number waits."""

    def epoch_end(self, state):
        """After an epoch's line is printed; `state` stands at the start of the next epoch."""

    def close(self):
        """When the run has ended, in whatever way; `train_ch5` leaves this to who made the hook."""


class NonFiniteLoss(ArithmeticError):
    """The loss, or a weight, is no longer a finite number."""


class FiniteLoss(Hook):
    """Raises NonFiniteLoss at the first loss, and at the end of an epoch for a weight, that is
    infinite or NaN.

    Losses are read two batches behind, so that MXNet is never idle; the error names the step of the
    loss. `num_batches` is the number of batches in an epoch: the last one's loss is read at once.
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
                    'a lower learning rate, or a warm-up'
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
                'try a lower learning rate, or a warm-up'
                % (state.epoch, step, batch, self._num_batches,
                   schedule(step) if schedule else self._trainer.learning_rate))


class EarlyStop(Hook):
    """Ends the run when the test accuracy has not risen above its best for `patience` epochs.

    A run that has reached the last of its `num_epochs` ends by itself, so it is left alone.
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
    """Return True if the training pass of `net` draws random numbers, as dropout does.

    Seeding takes over a millisecond a step, so nets that draw none are spared it. A net that cannot
    be traced is taken to draw.
    """
    try:
        nodes = Graph(net(mx.sym.var('data'))).nodes
    except Exception:  # whatever a block raises that takes no symbols
        return True
    return any(re.search('dropout|random|sample|shuffle|rrelu|RNN',
                         node.op + node.attrs.get('act_type', ''), re.I) for node in nodes)


class Reseed(Hook):
    """Seeds MXNet's generators before each step but the first, from `seed`, the step and `rank`.

    Their state cannot be read, so it could not be resumed. The first step is left alone, because it
    draws the initial weights.
    """

    def __init__(self, seed, rank=0):
        self._seed, self._rank = seed, rank

    def begin(self, state):
        if state.step:
            self.batch_end(state)

    def batch_end(self, state):
        drawn_from = [self._seed, state.step] + [self._rank] * (self._rank > 0)
        mx.random.seed(int(np.random.RandomState(drawn_from).randint(2 ** 31 - 1)))
