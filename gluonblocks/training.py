"""Devices, the accuracy, and the training loop: D2L 5.5 and 5.11 to 5.13."""
import re
import time

import mxnet as mx
from mxnet import autograd, gluon, nd

from .history import EpochRecord, epoch_line


def try_gpu():
    """mx.gpu(0) if there is a GPU that works, else mx.cpu()."""
    return try_all_gpus()[0]


def try_all_gpus():
    """All GPUs that work, at most 16, or [mx.cpu()] if there is none."""
    gpus = []
    for i in range(16):
        if not _works(mx.gpu(i)):
            break
        gpus.append(mx.gpu(i))
    return gpus or [mx.cpu()]


def get_ctx(name):
    """The device that `name` says: 'cpu', 'gpu', 'gpu:1', ... -> mx.Context.

    Raises ValueError for other names and for a GPU that is not there, with what is missing.
    """
    match = re.match(r'(cpu|gpu)(?::(\d+))?$', name)
    if not match:
        raise ValueError('there is no device %r; name one as cpu, gpu, or gpu:1' % name)
    ctx = mx.Context(match.group(1), int(match.group(2) or 0))
    if ctx.device_type == 'cpu' or _works(ctx):
        return ctx
    if not mx.runtime.Features().is_enabled('CUDA'):
        reason = ('this MXNet %s is built without CUDA. Install a build for your CUDA version, '
                  'such as mxnet-cu112' % mx.__version__)
    else:
        found = [str(gpu) for gpu in try_all_gpus() if gpu.device_type == 'gpu']
        reason = ('MXNet finds %s. See what nvidia-smi lists'
                  % (', '.join(found) if found else 'no GPU that works'))
    raise ValueError('%s cannot be used: %s, or use cpu' % (ctx, reason))


def _works(ctx):
    try:
        nd.array([0], ctx=ctx).wait_to_read()
    except mx.base.MXNetError:
        return False
    return True


def evaluate_accuracy(data_iter, net, ctx=mx.cpu()):
    """The share of images in `data_iter` that `net` classifies rightly, from 0 to 1.

    `data_iter` gives (X, y), y of shape (N,); `net(X)` is (N, num_classes); `ctx` is a device or
    a list of devices, over which each batch is split. Raises ValueError if there is no data.
    """
    hits, n = [], 0
    for X, y in data_iter:
        hits.append([_hits(net(X), y) for X, y in _shards(X, y, ctx)])
        _let_finish(hits)
        n += y.shape[0]
    if not n:
        raise ValueError('data_iter gave no batch, so there is no accuracy')
    return _total(hits) / n


def train_ch5(net, train_iter, test_iter, batch_size, trainer, ctx, num_epochs, *older):
    """Train `net` by softmax cross-entropy and print the book's lines; return its `EpochRecord`s.

    `train_iter` and `test_iter` give (X, y): X (N, C, H, W), y (N,) whole numbers; `trainer` is
    the `gluon.Trainer` of the net's parameters; `ctx` is the device they are on.

    The book's older form works too, which has the loss function as its fourth of eight arguments:
    (net, train_iter, test_iter, loss, batch_size, trainer, ctx, num_epochs).
    """
    if len(older) > 1:
        raise TypeError('train_ch5() takes 7 arguments, or 8 with the loss as the fourth, but got '
                        '%d' % (7 + len(older)))
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    if older:
        loss, batch_size, trainer, ctx, num_epochs = (
            (batch_size, trainer, ctx, num_epochs) + older)
    # Book: every step is for batch_size images, also that of the last, shorter batch.
    return _fit(net, train_iter, test_iter, loss, batch_size, trainer, ctx, num_epochs)


def train(train_iter, test_iter, net, loss, trainer, ctx, num_epochs):
    """As `train_ch5`, by any `loss`, on a device or a list of devices that share each batch.

    `loss(y_hat, y)` is a number for each image; each step is for the images of its batch.
    """
    return _fit(net, train_iter, test_iter, loss, None, trainer, ctx, num_epochs)


def _fit(net, train_iter, test_iter, loss, batch_size, trainer, ctx, num_epochs):
    print('training on', ctx, flush=True)
    history = []
    for epoch in range(1, num_epochs + 1):
        start = time.time()
        train_loss, train_acc = _train_epoch(net, train_iter, loss, batch_size, trainer, ctx)
        test_acc = evaluate_accuracy(test_iter, net, ctx)
        # Book: the seconds are those of training and testing together.
        history.append(EpochRecord(epoch, train_loss, train_acc, test_acc, time.time() - start))
        print(epoch_line(history[-1]), flush=True)
    return history


def _train_epoch(net, train_iter, loss, batch_size, trainer, ctx):
    """One pass over `train_iter`; return the mean loss per image and the training accuracy."""
    losses, hits, n = [], [], 0
    for X, y in train_iter:
        shards = _shards(X, y, ctx)
        with autograd.record():
            y_hats = [net(X) for X, _ in shards]
            ls = [loss(y_hat, y).sum() for y_hat, (_, y) in zip(y_hats, shards)]
        autograd.backward(ls)
        trainer.step(batch_size or X.shape[0])
        losses.append(ls)
        hits.append([_hits(y_hat, y) for y_hat, (_, y) in zip(y_hats, shards)])
        _let_finish(losses)
        n += X.shape[0]
    if not n:
        raise ValueError('train_iter gave no batch, so there is nothing to train on')
    return _total(losses) / n, _total(hits) / n


def _shards(X, y, ctx):
    """The batch, split over the devices `ctx`, one or a list: a list of (X, y), one for each."""
    devices = [ctx] if isinstance(ctx, mx.Context) else ctx
    return list(zip(*(gluon.utils.split_and_load(z, devices, even_split=False) for z in (X, y))))


def _hits(y_hat, y):
    """How many of the predictions (N, num_classes) hit the labels (N,): an NDArray (1,)."""
    return (y_hat.argmax(axis=1) == y.astype('float32')).sum()


def _total(batches):
    """The sum over lists of NDArrays (1,), one list for each batch, in double precision."""
    return sum(float(number.asscalar()) for batch in batches for number in batch)


def _let_finish(results, batches=2):
    """Wait for the batch that is `batches` back.

    MXNet computes behind Python's back. Reading each batch's numbers at once would idle it, and
    never waiting would queue an epoch's images in memory.
    """
    if len(results) > batches:
        for result in results[-batches - 1]:
            result.wait_to_read()
