"""The training loop: D2L 5.5 and 5.11 to 5.13."""
import time

from mxnet import autograd, gluon

from ..devices import devices_of
from .feed import LabelCheck, batches_of, check_net, split
from .history import EpochRecord, epoch_line
from .metrics import RunningSum, count_hits, count_right
from .workers import Alone


class TrainingState:
    """How far the loop is: what hooks see, and what a run that is continued starts from.

    `history` has an `EpochRecord` for each epoch done and `epoch` is the one under way, from 1;
    `step` counts the optimizer's steps in all, `batch` and `images` what is done of this epoch, and
    `losses` and `hits` are its sums; of workers that share each batch `images`, `losses` and
    `hits` are each one's own. `rate` is the number of images trained on in a second
    of the epoch before. A hook that sets `stop` ends the run after the epoch.
    """

    def __init__(self):
        self.step, self.history, self.stop, self.rate = 0, [], False, None
        self.begin_epoch()

    @property
    def epoch(self):
        return len(self.history) + 1

    @property
    def seconds(self):
        """What this epoch has taken up to now, also before the run was continued."""
        return self._seconds_before + time.time() - self.start

    def begin_epoch(self, batch=0, images=0, loss=0.0, hits=0.0, seconds=0.0):
        """Stand at the start of an epoch, or within one whose sums are `loss` and `hits`."""
        self.batch, self.images = batch, images
        self.start, self._seconds_before = time.time(), seconds
        self.losses, self.hits = RunningSum(loss, batch), RunningSum(hits, batch)


def train_ch5(net, train_iter, test_iter, batch_size, trainer, ctx, num_epochs, *older, loss=None,
              hooks=(), state=None, workers=None):
    """Train `net` by softmax cross-entropy and print the book's lines.

    Returns the history, an `EpochRecord` for each epoch.

    `train_iter` and `test_iter` give (X, y), X (N, C, H, W), y (N,) whole numbers, or are an
    `mx.io.DataIter`; `trainer` is the `gluon.Trainer` of the net's parameters; `ctx` is the device
    they are on.

    The book's older form works too, which has the loss function as its fourth of eight arguments:
    (net, train_iter, test_iter, loss, batch_size, trainer, ctx, num_epochs).

    Not in the book: another `loss`; `hooks`, each a `Hook`, called in their order; the
    `TrainingState` to go on from; a list of devices as `ctx`, which share each batch; and the
    `Workers` of which this process is one: then the iterators give its share of each batch,
    `trainer` sums the gradients over all, and the numbers of an epoch are those of all.

    Raises ValueError if there is no data, if the net is not initialized on the devices `ctx`, and
    for labels that are not from 0 to num_classes - 1.
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
    """As `train_ch5`, by any `loss`, on a device or a list of devices that share each batch.

    `loss(y_hat, y)` is a number for each image; each step is for the images of its batch. The
    errors are those of `train_ch5`, and a ValueError for the share of a worker, which cannot know
    how many images the others have.
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
    if not state.step:
        print('training on', ctx, flush=True)
    for hook in hooks:
        hook.begin(state)
    while state.epoch <= num_epochs and not state.stop:
        state.start = time.time()
        _train_epoch(net, train_iter, loss, batch_size, trainer, devices, hooks, state)
        images, train_loss, train_hits = workers.total(
            state.images, state.losses.read(), state.hits.read())
        state.rate = images / state.seconds
        workers.meet(net, state.images)
        test_hits, num_tested = workers.total(*count_right(test_iter, net, devices))
        # Book: the seconds are those of training and testing together.
        state.history.append(EpochRecord(state.epoch, train_loss / images, train_hits / images,
                                         test_hits / num_tested, state.seconds))
        print(epoch_line(state.history[-1]), flush=True)
        state.begin_epoch()
        for hook in hooks:
            hook.epoch_end(state)
    return state.history


def _train_epoch(net, train_iter, loss, batch_size, trainer, devices, hooks, state):
    """One pass over `train_iter`, whose sums are then in `state`."""
    labels = LabelCheck()
    for X, y in batches_of(train_iter):
        shards = split((X, y), devices)
        with autograd.record():
            y_hats = [net(X) for X, _ in shards]
            if shards:
                labels.add(y, y_hats[0])
            ls = [loss(y_hat, y) for y_hat, (_, y) in zip(y_hats, shards)]
            idle = _zero_losses(net, devices[len(shards):])
        autograd.backward(ls + idle)  # of vectors: the gradient of their sum, as the book's
        trainer.step(batch_size or X.shape[0])
        state.hits.add([count_hits(y_hat, y) for y_hat, (_, y) in zip(y_hats, shards)])
        state.losses.add(ls)
        state.losses.wait()
        labels.check(leave=2)  # no more are ready for sure
        state.step, state.batch, state.images = (
            state.step + 1, state.batch + 1, state.images + sum(y.shape[0] for _, y in shards))
        for hook in hooks:
            hook.batch_end(state)
    if not state.images:
        raise ValueError('train_iter gave no batch, so there is nothing to train on')
    state.losses.read()
    labels.check()


def _zero_losses(net, devices):
    """What to differentiate on devices that got no images, so that their gradients are zero.

    Without it the Trainer adds those of the step before, or refuses the step as they are old.
    """
    return [param.data(ctx) * 0 for ctx in devices for param in net.collect_params().values()
            if param.grad_req != 'null']
