"""How good a net is: running sums, the accuracy, the confusion matrix. D2L 5.5."""
import collections
import math

import mxnet as mx
import numpy as np
from mxnet import gluon

ClassScore = collections.namedtuple('ClassScore', 'name count precision recall confused_with')
ClassScore.__doc__ = """One class: its name, how many images are of it, which share of those that
the net took for it are of it (precision; None if it took none), which share of its own images the
net recognized (recall; None if there are none), and the name of the class that it most often took
them for instead (None if it never erred)."""


class RunningSum:
    """A sum over batches, in double precision, of numbers that MXNet may still be computing.

    MXNet computes behind Python's back. Reading each batch's numbers at once would idle it, and
    never waiting would queue an epoch's images in memory: so `wait` is for the batch that is two
    back, and `read` for when the sum is wanted. `total` is the sum of what was read, `first_bad`
    the number of the batch, from 1, that made it infinite or no number (None: none did).
    """

    def __init__(self, total=0.0, num_batches=0):
        self.total, self.first_bad = total, None
        self._num_read, self._waiting = num_batches, collections.deque()

    def add(self, numbers):
        """Take in a batch's NDArrays (n,), one for each device, a number for each image.

        They are summed when they are read: MXNet's own sum of a few hundred numbers takes as long
        as a layer.
        """
        self._waiting.append(numbers)

    def wait(self, ahead=2):
        """Wait until no more than the last `ahead` batches are being computed."""
        if len(self._waiting) > ahead:
            for number in self._waiting[-ahead - 1]:
                number.wait_to_read()

    def read(self, leave=0):
        """Read what was added, but the last `leave` batches, in its order; return the sum."""
        while len(self._waiting) > leave:
            for number in self._waiting.popleft():
                self.total += float(number.asnumpy().sum(dtype='float64'))
            self._num_read += 1
            if self.first_bad is None and not math.isfinite(self.total):
                self.first_bad = self._num_read
        return self.total


def evaluate_accuracy(data_iter, net, ctx=mx.cpu()):
    """The share of images in `data_iter` that `net` classifies rightly, from 0 to 1.

    `data_iter` gives (X, y), y of shape (N,); `net(X)` is (N, num_classes); `ctx` is a device or
    a list of devices, over which each batch is split. Raises ValueError if there is no data.
    """
    hits, n = RunningSum(), 0
    for X, y in data_iter:
        hits.add([count_hits(net(X), y) for X, y in split(X, y, ctx)])
        hits.wait()
        n += y.shape[0]
    if not n:
        raise ValueError('data_iter gave no batch, so there is no accuracy')
    return hits.read() / n


def confusion_matrix(data_iter, net, ctx=mx.cpu(), num_classes=10):
    """How often `net` took images of one class for another: int64 (num_classes, num_classes).

    Rows are the true classes, columns what the net took them for; the diagonal is right.
    `data_iter` gives (X, y), y of shape (N,); `net(X)` is (N, num_classes); `ctx` is a device or
    a list of devices, over which each batch is split.

    Raises ValueError if there is no data, or another number of classes.
    """
    matrix = np.zeros((num_classes, num_classes), np.int64)
    for batch_X, batch_y in data_iter:
        for X, y in split(batch_X, batch_y, ctx):
            y_hat = net(X)
            if y_hat.shape[1:] != (num_classes,):
                raise ValueError('the net makes an output of shape %s, which is not (N, %d)'
                                 % (y_hat.shape, num_classes))
            truth = y.asnumpy().astype(np.int64)
            if truth.min() < 0 or truth.max() >= num_classes:
                raise ValueError('there are labels from %d to %d, but the classes are 0 to %d'
                                 % (truth.min(), truth.max(), num_classes - 1))
            np.add.at(matrix, (truth, y_hat.argmax(axis=1).asnumpy().astype(np.int64)), 1)
    if not matrix.sum():
        raise ValueError('data_iter gave no batch, so there is nothing to evaluate')
    return matrix


def accuracy_of(matrix):
    """The share of images on the diagonal of a confusion matrix, from 0 to 1."""
    return matrix.trace() / matrix.sum()


def class_scores(matrix, names):
    """A `ClassScore` for each row of a confusion matrix; `names` has one for each."""
    scores = []
    for i, name in enumerate(names):
        count, taken, right = matrix[i].sum(), matrix[:, i].sum(), matrix[i, i]
        wrong = matrix[i].copy()
        wrong[i] = 0
        scores.append(ClassScore(name, int(count), right / taken if taken else None,
                                 right / count if count else None,
                                 names[wrong.argmax()] if wrong.any() else None))
    return scores


def split(X, y, ctx):
    """The batch, split over the devices `ctx`, one or a list: a list of (X, y), one for each."""
    devices = [ctx] if isinstance(ctx, mx.Context) else ctx
    return list(zip(*(gluon.utils.split_and_load(z, devices, even_split=False) for z in (X, y))))


def count_hits(y_hat, y):
    """Which of the predictions (N, num_classes) hit the labels (N,): NDArray (N,) of 0 and 1."""
    return y_hat.argmax(axis=1) == y.astype(y_hat.dtype)
