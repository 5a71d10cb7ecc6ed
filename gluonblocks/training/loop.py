"""The training loop, and a record of each epoch (see D2L, sections 5.5 and 5.11 to 5.13)."""
import time
from typing import NamedTuple

from mxnet import autograd, gluon

from ..devices import devices_of
from ..graphs import Net, operators
from ..mxnet_private import is_hybridized
from .feed import LabelCheck, batches_of, check_net, split
from .interrupt import DeferredInterrupt
from .losses import make_score
from .metrics import RunningSum, evaluate


class EpochRecord(NamedTuple):
    """The results of one epoch; `epoch` is its number, counted from 1.

    `loss` is the mean training loss per image. `train_acc` and `test_acc` are the fractions of
    images classified correctly, from 0 to 1. `seconds` is the duration of training and testing.
    """

    epoch: int
    loss: float
    train_acc: float
    test_acc: float
    seconds: float


class History(list):
    """A list of `EpochRecord` objects, one per epoch, with a one-line repr."""

    def __repr__(self):
        if not self:
            return '<History of 0 epochs>'
        best = self[best_epoch(self) - self[0].epoch]
        return '<History of %d epoch%s: loss %.4f, test acc %.3f, the best %.3f in epoch %d>' % (
            len(self), 's' * (len(self) > 1), self[-1].loss, self[-1].test_acc, best.test_acc,
            best.epoch)


def epoch_line(record):
    """Return the line that the book prints for an epoch."""
    return ('epoch %d, loss %.4f, train acc %.3f, test acc %.3f, time %.1f sec' % record)


def best_epoch(history):
    """Return the 1-based number of the first epoch with the highest test accuracy."""
    return max(history, key=lambda record: (record.test_acc, -record.epoch)).epoch


class TrainingState:
    """The progress of the loop. Hooks receive it, and a resumed run starts from it.

    `history` contains an `EpochRecord` for each finished epoch. `epoch` is the number, counted from
    1, of the current epoch or, in `Hook.epoch_end` and after the run, of the next epoch. `step`
    counts the optimizer's steps in all epochs, and `batch` counts those in this epoch. `images`,
    `losses.read()` and `hits.read()` (correct predictions) are this worker's sums for this epoch;
    `read` waits for MXNet. `rate` is the number of training images per second in the last finished
    epoch, or None. If a hook sets `stop`, the run ends after the current epoch.
    """

    def __init__(self):
        self.step, self.history, self.stop, self.rate = 0, [], False, None
        self.begin_epoch()

    @property
    def epoch(self):
        return len(self.history) + 1

    @property
    def seconds(self):
        """Seconds spent on this epoch so far, including the time before an interruption."""
        return self._seconds_before + time.monotonic() - self.start

    def begin_epoch(self, batch=0, images=0, loss=0.0, hits=0.0, seconds=0.0):
        """Begin an epoch, or resume one; the arguments are the totals over its finished batches."""
        self.batch, self.images = batch, images
        self.start, self._seconds_before = time.monotonic(), seconds
        self.losses, self.hits = RunningSum(loss, batch), RunningSum(hits, batch)


class Alone:
    """The interface of `ProcessGroup`, implemented for a process that trains alone.

    `shard` selects the process's images from each batch (None: all of them), `trainer` creates its
    Trainer, and `interrupt` creates the context manager that delays Ctrl-C.
    """

    shard, rank, world_size = None, 0, 1
    trainer, interrupt = gluon.Trainer, DeferredInterrupt

    def devices(self, devices):
        """Return the subset of a run's `devices` that this process uses."""
        return devices

    def join(self, facts):
        """Wait for the other processes, and check that `facts()` returns the same dict in each."""

    def all_reduce(self, *values):
        """Return a tuple of the `values`, each summed across all workers."""
        return values

    def synchronize(self, net, num_images):
        """Average the running statistics of `net` over workers, weighted by their `num_images`."""

    def mark(self, phase='training', step=None):
        """Record this process's phase and step for the next heartbeat to the launcher."""


def train_ch5(net, train_iter, test_iter, batch_size, trainer, ctx, num_epochs, *older, loss=None,
              hooks=(), state=None, workers=None):
    """Train `net` with softmax cross-entropy, print a line per epoch, and return the `History`.

    `train_iter` and `test_iter` yield batches (X, y): images (N, C, H, W) and integer labels (N,).
    An `mx.io.DataIter` such as NDArrayIter works too. `trainer` is a `gluon.Trainer` for the net's
    parameters, which are on the device `ctx`. The book's older signature is accepted too: eight
    arguments, with the loss function as the fourth.

    Arguments that are not in the book: `loss` is any function (y_hat, y) -> (N,). With
    `SoftmaxCrossEntropyLoss(sparse_label=False)`, labels may be probabilities (N, num_classes),
    such as one-hot or mixed labels; for the accuracy, the most probable class is the label. `hooks`
    are called in order. `state` is the `TrainingState` to resume from. If the state is in the
    middle of an epoch, `train_iter` must first yield the rest of that epoch (see
    `BatchLoader.start_at`); to repeat the epoch instead, call `state.begin_epoch()`. `ctx` may be a
    list of devices across which each batch is split. `workers` is the `ProcessGroup` of this
    process; the iterators then yield its shard of each batch.

    Raises ValueError if there is no data, if the net is not initialized on `ctx`, if a label is
    outside 0 to num_classes - 1, if the loss does not have shape (N,), or if an iterator may skip
    or repeat images.
    """
    if len(older) > 1:
        raise TypeError('train_ch5() takes 7 positional arguments, or 8 if the fourth is the '
                        'loss, got %d' % (7 + len(older)))
    if older:
        loss, batch_size, trainer, ctx, num_epochs = (
            (batch_size, trainer, ctx, num_epochs) + older)
    # As in the book, divide the gradients by batch_size, even if the last batch is smaller.
    return _fit(net, train_iter, test_iter, loss, batch_size, trainer, ctx, num_epochs,
                hooks, state or TrainingState(), workers or Alone())


def train(train_iter, test_iter, net, loss, trainer, ctx, num_epochs):
    """Train like `train_ch5`, but divide the gradients by the actual number of images in each step.

    Raises the errors of `train_ch5`, and ValueError if `train_iter` yields only a worker's shard of
    each batch, because the total number of images in a step is then unknown.
    """
    if getattr(train_iter, 'part', None):
        raise ValueError('train_iter must yield complete batches, got only shard %s of each batch: '
                         'use train_ch5 instead' % (train_iter.part,))
    return _fit(net, train_iter, test_iter, loss, None, trainer, ctx, num_epochs, (),
                TrainingState(), Alone())


def _fit(net, train_iter, test_iter, loss, batch_size, trainer, ctx, num_epochs, hooks, state,
         workers):
    devices = devices_of(ctx)
    check_net(net, devices, training=True)
    # Compile the C++ operators now, if necessary, so that no epoch's time includes compilation.
    score = make_score(loss, with_operators=isinstance(net, Net) and is_hybridized(net)
                       and devices[0].device_type == 'cpu' and operators.available())
    if not state.step:
        # As in the book, print a list of devices as a list, even if it has only one item.
        print('training on', devices if isinstance(ctx, (list, tuple)) or len(devices) > 1
              else devices[0], flush=True)
    workers.mark('training', state.step)
    for hook in hooks:
        hook.begin(state)
    while state.epoch <= num_epochs and not state.stop:
        state.start = time.monotonic()
        _train_epoch(net, train_iter, score, batch_size, trainer, devices, hooks, state)
        images, train_loss, train_hits = workers.all_reduce(
            state.images, state.losses.read(), state.hits.read())
        if not images:
            raise ValueError('train_iter must yield at least one image, got none')
        state.rate = images / state.seconds
        workers.synchronize(net, state.images)
        tested = evaluate(net, test_iter, devices)
        test_hits, num_tested = workers.all_reduce(tested.num_correct, len(tested.labels))
        if not num_tested:
            raise ValueError('test_iter must yield at least one image, got none')
        # As in the book, the printed time covers both training and testing.
        state.history.append(EpochRecord(state.epoch, train_loss / images, train_hits / images,
                                         test_hits / num_tested, state.seconds))
        print(epoch_line(state.history[-1]), flush=True)
        state.begin_epoch()
        workers.mark('busy')  # hooks may exceed the time limit of a step
        for hook in hooks:
            hook.epoch_end(state)
    return History(state.history)


def _train_epoch(net, train_iter, score, batch_size, trainer, devices, hooks, state):
    """Train for one pass over `train_iter`; add losses and correct predictions to `state`."""
    labels = LabelCheck()
    for X, y in batches_of(train_iter):
        shards = split((X, y), devices)
        with autograd.record():
            y_hats = [net(X) for X, _ in shards]
            if shards:
                labels.add(y, y_hats[0])
            scores = [score(y_hat, y) for y_hat, (_, y) in zip(y_hats, shards)]
            idle = _zero_losses(net, devices[len(shards):])
        ls = [losses for losses, _ in scores]
        autograd.backward(ls + idle)  # the gradient of a vector is that of its sum, as in the book
        trainer.step(batch_size or X.shape[0])
        state.hits.add([hits for _, hits in scores])
        state.losses.add(ls)
        state.losses.read(leave=2)
        state.step, state.batch, state.images = (
            state.step + 1, state.batch + 1, state.images + sum(y.shape[0] for _, y in shards))
        for hook in hooks:
            hook.batch_end(state)
    state.losses.read()
    labels.check()


def _zero_losses(net, devices):
    """Return losses with zero gradients for `devices`, which have no images in this step.

    Their backward pass sets the gradients on these devices to zero. Otherwise, the Trainer would
    use the gradients of the previous step again, or reject them as stale.
    """
    return [param.data(ctx) * 0 for ctx in devices for param in net.collect_params().values()
            if param.grad_req != 'null']
