"""How good a net is: running sums, the accuracy, the confusion matrix. D2L 5.5."""
import collections
import itertools
import math
from typing import NamedTuple, Optional

import mxnet as mx
import numpy as np
from mxnet import nd

from ..devices import devices_of
from .feed import LabelCheck, batches_of, check_net, split


class ClassScore(NamedTuple):
    """How good a net is at one class.

    `name` is that of the class and `count` the number of its images. `precision` is the fraction of
    this class among the images that the net assigned to it (None: there are none), `recall` the
    fraction of the images of this class that it recognized (None: there are none). `confused_with`
    is the class that it most often took them for instead (None: it never erred).
    """

    name: str
    count: int  # type: ignore[assignment]  # in the place of the tuple's own method
    precision: Optional[float]
    recall: Optional[float]
    confused_with: Optional[str]


class RunningSum:
    """A sum over batches, in double precision, of numbers that MXNet may still be computing.

    MXNet computes behind Python's back. Reading each batch's numbers at once would idle it, and
    never waiting would queue an epoch's images in memory: so the loop reads two batches behind.
    `total` is the sum of what was read, `first_bad` the number of the batch, from 1, that made it
    infinite or NaN (None: none did).
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

    def read(self, leave=0):
        """Read what was added, in its order, except the last `leave` batches; return the sum."""
        while len(self._waiting) > leave:
            for number in self._waiting.popleft():
                self.total += float(number.asnumpy().sum(dtype='float64'))
            self._num_read += 1
            if self.first_bad is None and not math.isfinite(self.total):
                self.first_bad = self._num_read
        return self.total


class Evaluation(NamedTuple):
    """The answers of a net for n images, as NumPy arrays: what `evaluate` returns.

    `labels` and `classes` are int (n,), the true classes and those with the largest logits;
    `logits` is (n, num_classes), what the net computed.
    """

    labels: np.ndarray
    classes: np.ndarray
    logits: np.ndarray

    @property
    def num_correct(self):
        """The number of images that the net classifies correctly."""
        return int((self.labels == self.classes).sum())

    @property
    def accuracy(self):
        """The fraction of images that the net classifies correctly; ValueError without images."""
        if not len(self.labels):
            raise ValueError('data_iter gave no image, so there is no accuracy')
        return self.num_correct / len(self.labels)

    @property
    def probabilities(self):
        """The softmax of the logits, computed in float32: (n, num_classes)."""
        return nd.softmax(nd.array(self.logits, dtype='float32')).asnumpy()

    def matrix(self):
        """The confusion matrix, as `confusion_matrix` gives it."""
        return count_pairs(self.labels, self.classes, self.logits.shape[1])


def evaluate(net, data_iter, ctx=mx.cpu()):
    """Run `net` on every image in `data_iter`; return the `Evaluation`.

    Arguments and errors are those of `evaluate_accuracy`, but no image at all is not an error: a
    rank may have none.
    """
    devices = devices_of(ctx)
    check_net(net, devices)
    labels, found = LabelCheck(), []
    for batch in batches_of(data_iter):
        shards = split(batch, devices)
        if not shards:
            continue
        logits = [net(X) for X, _ in shards]
        labels.add(batch[1], logits[0])
        found.append([(classes_of(y), largest(z), z) for z, (_, y) in zip(logits, shards)])
        if len(found) > 2:  # MXNet computes the last two while Python goes on
            found[-3][-1][-1].wait_to_read()
    labels.check()
    if not found:
        return Evaluation(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 0)))
    y, classes, logits = (np.concatenate([array.asnumpy() for array in arrays])
                          for arrays in zip(*itertools.chain(*found)))
    return Evaluation(y.astype(np.int64), classes.astype(np.int64), logits)


def evaluate_accuracy(data_iter, net, ctx=mx.cpu()):
    """The fraction of images in `data_iter` that `net` classifies correctly, from 0 to 1.

    `data_iter` gives (X, y), y (N,) or (N, num_classes), of which the largest counts, or is an
    `mx.io.DataIter` such as NDArrayIter; `net(X)` is (N, num_classes); `ctx` is a device or a list
    of devices, over which each batch is split.

    Raises ValueError if there is no data, if the net is not initialized on these devices, for
    labels that are not from 0 to num_classes - 1, and for an iterator that does not give each image
    once in every pass.
    """
    return evaluate(net, data_iter, ctx).accuracy


def confusion_matrix(data_iter, net, ctx=mx.cpu(), num_classes=10):
    """How often `net` took images of one class for another: int64 (num_classes, num_classes).

    Rows are the true classes, columns the net's. The other arguments and errors are those of
    `evaluate_accuracy`; another number of logits is a ValueError, too.
    """
    found = evaluate(net, data_iter, ctx)
    if not len(found.labels):
        raise ValueError('data_iter gave no image, so there is nothing to evaluate')
    if found.logits.shape[1:] != (num_classes,):
        raise ValueError('the net computes %d logits for each image, which is not num_classes, %d'
                         % (found.logits.shape[1], num_classes))
    return found.matrix()


def count_pairs(truth, guess, num_classes):
    """The confusion matrix of labels and answers, NumPy arrays (N,): as `confusion_matrix`."""
    matrix = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(matrix, (truth.astype(np.int64), guess.astype(np.int64)), 1)
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


def count_hits(y_hat, y):
    """Return which predictions (N, num_classes) are correct: NDArray (N,) int32 of 0 and 1."""
    return largest(y_hat) == classes_of(y)


def classes_of(y):
    """Return the classes of labels (N,), or (N, num_classes), of which the largest counts."""
    return y.astype('int32', copy=False) if len(y.shape) == 1 else largest(y)


def largest(scores):
    """Return the column of the largest score in each row: (N, num_classes) -> (N,) int32."""
    if scores.dtype == np.float16:  # whose integers are exact up to 2,048 only, as a result too
        scores = scores.astype('float32')
    return scores.argmax(axis=1).astype('int32')
