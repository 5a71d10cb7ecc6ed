"""Hooks for the training loop: `train_ch5(..., hooks=[...])`."""
import re

import mxnet as mx
import numpy as np

from ..graphs.graph import Graph
from .loop import best_epoch


class Hook:
    """Base class for hooks, whose methods the training loop calls with its `TrainingState`.

    To stop the run after the current epoch, set `state.stop` to a string that gives the reason.
    """

    def begin(self, state):
        """Called before training begins. In a resumed run, `state.step` is not 0."""

    def batch_end(self, state):
        """Called after each optimizer step. Reading an array here makes the loop wait for MXNet."""

    def epoch_end(self, state):
        """Called after an epoch's line is printed; `state` already refers to the next epoch."""

    def close(self):
        """Release resources after the run. Call this method yourself; `train_ch5` does not."""


class NonFiniteLoss(ArithmeticError):
    """Raised when the loss or a weight becomes NaN or infinite."""


class FiniteLoss(Hook):
    """Raise NonFiniteLoss if a loss or, at the end of an epoch, a weight is infinite or NaN.

    Losses are read two batches late, so that the loop does not wait for MXNet; the error names the
    step that produced the loss. After the `num_batches` batches of an epoch, all losses are read.
    """

    def __init__(self, trainer, num_batches):
        self._trainer, self._num_batches = trainer, num_batches

    def batch_end(self, state):
        self.check(state, leave=0 if state.batch == self._num_batches else 2)

    def epoch_end(self, state):
        # Check the weights too: oneDNN's max pooling ignores NaN, so the loss may stay finite.
        for param in self._trainer._params:
            if not all(np.isfinite(array.asnumpy()).all() for array in param.list_data()):
                raise NonFiniteLoss(
                    'the parameter %s is not finite after epoch %d, step %d, learning rate %g: try '
                    'a lower learning rate or a warm-up'
                    % (param.name, len(state.history), state.step, self._trainer.learning_rate))

    def check(self, state, leave=0):
        """Read the losses of all batches except the last `leave` batches, which MXNet may still be
        computing; raise NonFiniteLoss if a loss is not finite."""
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


class SavedState(Hook):
    """Raise ValueError if the first step changes an array of `net` that is not a parameter.

    Such an array, for example a running average in the book's BatchNorm class, is not saved.
    """

    def __init__(self, net):
        self._net, self._before = net, self._arrays(net)

    def batch_end(self, state):
        for key, values in (self._arrays(self._net) if self._before else {}).items():
            if values != self._before.get(key, values):
                raise ValueError(
                    'expected a net that changes only its parameters, but the first step changed '
                    '%s.%s, an array that would not be saved: create it with self.params.get(%r, '
                    "shape=..., init=..., grad_req='null'), or use gb.BatchNorm" % (*key, key[1]))
        self._before = None

    def _arrays(self, net):
        found = {}
        net.apply(lambda block: found.update(
            ((block.name, name), value.asnumpy().tobytes()) for name, value in vars(block).items()
            if isinstance(value, mx.nd.NDArray)))
        return found


class EarlyStop(Hook):
    """Stop the run after `patience` epochs without a new best test accuracy.

    After the last of the `num_epochs` epochs, the hook does nothing, because the run ends anyway.
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


def needs_reseeding(net):
    """Return True if `net` draws random numbers in training, as dropout does, or cannot be traced.

    Other nets do not need `Reseed`, which takes over a millisecond per step.
    """
    try:
        nodes = Graph(net(mx.sym.var('data'))).nodes
    except Exception:  # any error of a block that does not accept symbols
        return True
    return any(re.search('dropout|random|sample|shuffle|rrelu|RNN',
                         node.op + node.attrs.get('act_type', ''), re.I) for node in nodes)


class Reseed(Hook):
    """Reseed MXNet's random number generators before each step except the first step of a run.

    The new seed depends on `seed`, the step and `rank`, so a resumed run draws the same numbers,
    although a checkpoint cannot save the generators' state, which MXNet does not expose. The first
    step does not reseed the generators, because it also draws the initial weights.
    """

    def __init__(self, seed, rank=0):
        self._seed, self._rank = seed, rank

    def begin(self, state):
        if state.step:
            self.batch_end(state)

    def batch_end(self, state):
        seeds = [self._seed, state.step] + [self._rank] * (self._rank > 0)
        mx.random.seed(int(np.random.RandomState(seeds).randint(2 ** 31 - 1)))
