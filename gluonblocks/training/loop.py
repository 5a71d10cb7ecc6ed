"""The training loop and its record of each epoch: D2L 5.5, 5.11 to 5.13."""
import time
from typing import NamedTuple

from mxnet import autograd, gluon

from ..devices import devices_of
from ..graphs import Net, operators
from ..mxnet_private import is_hybridized, sparse_label_of
from .feed import LabelCheck, batches_of, check_net, split
from .interrupt import DeferredInterrupt
from .metrics import RunningSum, count_hits, evaluate


class EpochRecord(NamedTuple):
    """One epoch, counted from 1.

    `loss` is the mean training loss of an image, `train_acc` and `test_acc` are the fractions of
    images classified correctly, from 0 to 1, and `seconds` is what training and test took together.
    """

    epoch: int
    loss: float
    train_acc: float
    test_acc: float
    seconds: float


class History(list):
    """A list with an `EpochRecord` for each epoch, which shows itself in a line."""

    def __repr__(self):
        if not self:
            return '<History of no epoch>'
        best = self[best_epoch(self) - self[0].epoch]
        return '<History of %d epoch%s: loss %.4f, test acc %.3f, the best %.3f in epoch %d>' % (
            len(self), 's' * (len(self) > 1), self[-1].loss, self[-1].test_acc, best.test_acc,
            best.epoch)


def epoch_line(record):
    """The line the book prints for an epoch."""
    return ('epoch %d, loss %.4f, train acc %.3f, test acc %.3f, time %.1f sec' % record)


def best_epoch(history):
    """Return the first epoch with the highest test accuracy, from 1."""
    return max(history, key=lambda record: (record.test_acc, -record.epoch)).epoch


class TrainingState:
    """The progress of the loop: hooks see it, and a resumed run starts from it.

    `history` has an `EpochRecord` for each finished epoch. `epoch`, from 1, is the number of the
    epoch under way; in `Hook.epoch_end`, and when the run has ended, it is that of the next one.
    `step` counts the optimizer's steps in all epochs, `batch` the steps of this epoch. `images`,
    `losses` and `hits` are sums over this epoch, of this worker. `rate` is the number of images
    trained on per second in the last finished epoch, or None. A hook that sets `stop` ends the run
    after the epoch.
    """

    def __init__(self):
        self.step, self.history, self.stop, self.rate = 0, [], False, None
        self.begin_epoch()

    @property
    def epoch(self):
        return len(self.history) + 1

    @property
    def seconds(self):
        """The seconds of this epoch up to now, those before a resume too."""
        return self._seconds_before + time.time() - self.start

    def begin_epoch(self, batch=0, images=0, loss=0.0, hits=0.0, seconds=0.0):
        """Begin an epoch, or resume within one whose sums are `loss` and `hits`."""
        self.batch, self.images = batch, images
        self.start, self._seconds_before = time.time(), seconds
        self.losses, self.hits = RunningSum(loss, batch), RunningSum(hits, batch)


class Alone:
    """The only process of a run; a `ProcessGroup` has the same attributes for several.

    `shard` is its shard of the data, `trainer` makes its Trainer and `interrupt` the context within
    which Ctrl-C waits.
    """

    shard, rank, world_size = None, 0, 1
    trainer, interrupt = gluon.Trainer, DeferredInterrupt

    def devices(self, devices):
        """Return those of a run's `devices` that this process uses."""
        return devices

    def join(self, facts):
        """Meet the others, for whom `facts()`, a dict, must be the same."""

    def all_reduce(self, *values):
        """Return the sums of `values` over all workers."""
        return values

    def synchronize(self, net, num_images):
        """Average the statistics of all workers after an epoch of `num_images` here."""

    def mark(self, phase='training', step=None):
        """Note what this process does, and after which step."""


def train_ch5(net, train_iter, test_iter, batch_size, trainer, ctx, num_epochs, *older, loss=None,
              hooks=(), state=None, workers=None):
    """Train `net` by softmax cross-entropy, print the book's lines, and return the `History`.

    `train_iter` and `test_iter` give (X, y), X (N, C, H, W), y (N,) integers, or are an
    `mx.io.DataIter` such as NDArrayIter; `trainer` is the `gluon.Trainer` of the net's parameters;
    `ctx` is the device they are on. The book's older form works too, which has the loss function as
    its fourth of eight arguments.

    Not in the book: another `loss`, (y_hat, y) -> (N,); labels (N, num_classes), probabilities as
    of one-hot or mixed labels, by `SoftmaxCrossEntropyLoss(sparse_label=False)`, whose largest is
    the class for the accuracy; `hooks`, each a `Hook`, called in their order; the `TrainingState`
    to resume from; a list of devices as `ctx`, over which each batch is split; and the
    `ProcessGroup` of which this process is a rank: the iterators give its shard of each batch.

    Raises ValueError if there is no data, if the net is not initialized on the devices `ctx`, for
    labels that are not from 0 to num_classes - 1, for a loss that is not (N,), and for an iterator
    that does not give each image once in every pass.
    """
    if len(older) > 1:
        raise TypeError('train_ch5() takes 7 arguments, or 8 with the loss as the fourth, but got '
                        '%d' % (7 + len(older)))
    if loss is None:
        loss = gluon.loss.SoftmaxCrossEntropyLoss()
        loss.hybridize(static_alloc=True)
    if older:
        loss, batch_size, trainer, ctx, num_epochs = (
            (batch_size, trainer, ctx, num_epochs) + older)
    # Book: every step is for batch_size images, also that of the last, shorter batch.
    return _fit(net, train_iter, test_iter, loss, batch_size, trainer, ctx, num_epochs,
                hooks, state or TrainingState(), workers or Alone())


def train(train_iter, test_iter, net, loss, trainer, ctx, num_epochs):
    """As `train_ch5`, by any `loss`; each step is for the number of images in its batch.

    The errors are those of `train_ch5`, and a ValueError for the shard of a worker, which cannot
    know how many images the others have.
    """
    if getattr(train_iter, 'part', None):
        raise ValueError('train_iter is a share, part %s, of each batch, by whose own size a step '
                         'would be wrong: train it by train_ch5' % (train_iter.part,))
    return _fit(net, train_iter, test_iter, loss, None, trainer, ctx, num_epochs, (),
                TrainingState(), Alone())


def _fit(net, train_iter, test_iter, loss, batch_size, trainer, ctx, num_epochs, hooks, state,
         workers):
    devices = devices_of(ctx)
    check_net(net, devices, training=True)
    if isinstance(net, Net) and is_hybridized(net) and devices[0].device_type == 'cpu':
        operators.available()  # compiled, if need be, before the clock of an epoch runs
    if not state.step:
        # Book: a list of devices is printed as a list.
        print('training on', devices if isinstance(ctx, (list, tuple)) or len(devices) > 1
              else devices[0], flush=True)
    workers.mark('training', state.step)
    for hook in hooks:
        hook.begin(state)
    while state.epoch <= num_epochs and not state.stop:
        state.start = time.time()
        _train_epoch(net, train_iter, loss, batch_size, trainer, devices, hooks, state)
        images, train_loss, train_hits = workers.all_reduce(
            state.images, state.losses.read(), state.hits.read())
        state.rate = images / state.seconds
        workers.synchronize(net, state.images)
        tested = evaluate(net, test_iter, devices)
        test_hits, num_tested = workers.all_reduce(tested.num_correct, len(tested.labels))
        if not num_tested:
            raise ValueError('test_iter gave no image, so there is no test accuracy')
        # Book: the seconds are those of training and testing together.
        state.history.append(EpochRecord(state.epoch, train_loss / images, train_hits / images,
                                         test_hits / num_tested, state.seconds))
        print(epoch_line(state.history[-1]), flush=True)
        state.begin_epoch()
        workers.mark('busy')  # what follows may take longer than a step
        for hook in hooks:
            hook.epoch_end(state)
    return History(state.history)


def _train_epoch(net, train_iter, loss, batch_size, trainer, devices, hooks, state):
    """One pass over `train_iter`, whose sums are then in `state`."""
    labels = LabelCheck()
    for X, y in batches_of(train_iter):
        shards = split((X, y), devices)
        with autograd.record():
            y_hats = [net(X) for X, _ in shards]
            if shards:
                labels.add(y, y_hats[0])
            ls = [_losses(loss, y_hat, y) for y_hat, (_, y) in zip(y_hats, shards)]
            idle = _zero_losses(net, devices[len(shards):])
        autograd.backward(ls + idle)  # of vectors: the gradient of their sum, as the book's
        trainer.step(batch_size or X.shape[0])
        state.hits.add([count_hits(y_hat, y) for y_hat, (_, y) in zip(y_hats, shards)])
        state.losses.add(ls)
        state.losses.read(leave=2)
        state.step, state.batch, state.images = (
            state.step + 1, state.batch + 1, state.images + sum(y.shape[0] for _, y in shards))
        for hook in hooks:
            hook.batch_end(state)
    if not state.images:
        raise ValueError('train_iter gave no image, so there is nothing to train on')
    state.losses.read()
    labels.check()


def _losses(loss, y_hat, y):
    """Return `loss(y_hat, y)`; ValueError if the labels y are not for it, or it is not (N,)."""
    sparse = sparse_label_of(loss)
    if sparse is not None and sparse != (len(y.shape) == 1):
        raise ValueError('for labels of shape %s the loss must be gluon.loss.'
                         'SoftmaxCrossEntropyLoss(sparse_label=%s)' % (y.shape, not sparse))
    losses = loss(y_hat, y if sparse is not False else y.astype(y_hat.dtype, copy=False))
    if losses.shape != y.shape[:1]:
        raise ValueError('the loss must have shape (N,), a number for each image, got %s for %d '
                         'images: leave out its mean or sum' % (losses.shape, y.shape[0]))
    return losses


def _zero_losses(net, devices):
    """Return what to differentiate on devices that got no images, for gradients of zero.

    Without it the Trainer would add those of the step before, or refuse them as old.
    """
    return [param.data(ctx) * 0 for ctx in devices for param in net.collect_params().values()
            if param.grad_req != 'null']
