"""Metrics: running sums, accuracy, per-class scores and confusion matrices."""
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
    """The scores of a net for one class.

    `name` is the name of the class and `count` the number of its images. `precision` is the
    fraction of correct predictions among the images predicted as this class. `recall` is the
    fraction of the images of this class that are predicted correctly. Each is None if its
    denominator is 0. `confused_with` is the most frequent wrong prediction for this class, or None.
    """

    name: str
    count: int  # type: ignore[assignment]  # shadows tuple.count
    precision: Optional[float]
    recall: Optional[float]
    confused_with: Optional[str]


class RunningSum:
    """A sum over batches, in double precision, of values that MXNet may still be computing.

    MXNet computes asynchronously. Reading values immediately would block the training loop, and
    reading them only at the end would keep an epoch's images in memory, so the loop reads values
    two batches late. `total` is the sum of the values read so far. `first_bad` is the number,
    counted from 1, of the batch that made `total` infinite or NaN, or None if `total` is finite.
    """

    def __init__(self, total=0.0, num_batches=0):
        self.total, self.first_bad = total, None
        self._num_read, self._waiting = num_batches, collections.deque()

    def add(self, arrays):
        """Add the NDArrays of a batch: one array (n,) per device, with one value per image.

        `read` sums them with NumPy, because MXNet takes as long to sum a few hundred values as to
        compute a layer.
        """
        self._waiting.append(arrays)

    def read(self, leave=0):
        """Read the values of all added batches except the last `leave` batches, which MXNet may
        still be computing; return the sum of the values read so far."""
        while len(self._waiting) > leave:
            for array in self._waiting.popleft():
                self.total += float(array.asnumpy().sum(dtype='float64'))
            self._num_read += 1
            if self.first_bad is None and not math.isfinite(self.total):
                self.first_bad = self._num_read
        return self.total


class Evaluation(NamedTuple):
    """The predictions of a net for n images, as NumPy arrays; returned by `evaluate`.

    `labels` contains the true classes and `classes` the predicted classes; both are int64 arrays of
    shape (n,). `logits`, of shape (n, num_classes), contains the outputs of the net.
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
        """The fraction of images classified correctly. Raises ValueError if there are no images."""
        if not len(self.labels):
            raise ValueError('data_iter must yield at least one image, got none')
        return self.num_correct / len(self.labels)

    @property
    def probabilities(self):
        """The softmax of the logits, computed in float32; the shape is (n, num_classes)."""
        return nd.softmax(nd.array(self.logits, dtype='float32')).asnumpy()

    def matrix(self):
        """Return the confusion matrix. Rows are true classes, and columns are predicted classes."""
        return count_pairs(self.labels, self.classes, self.logits.shape[1])


def evaluate(net, data_iter, ctx=mx.cpu()):
    """Run `net` on every image in `data_iter`; return the `Evaluation`.

    Arguments and errors are the same as for `evaluate_accuracy`, except that `data_iter` may be
    empty, because a rank of a distributed run may have no images.
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
        if len(found) > 2:  # let MXNet compute the last two batches asynchronously
            found[-3][-1][-1].wait_to_read()
    labels.check()
    if not found:
        return Evaluation(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 0)))
    y, classes, logits = (np.concatenate([array.asnumpy() for array in arrays])
                          for arrays in zip(*itertools.chain(*found)))
    return Evaluation(y.astype(np.int64), classes.astype(np.int64), logits)


def evaluate_accuracy(data_iter, net, ctx=mx.cpu()):
    """Return the fraction of images in `data_iter` that `net` classifies correctly, from 0 to 1.

    `data_iter` yields (X, y) or is an `mx.io.DataIter` such as NDArrayIter. The labels y are
    classes (N,), or probabilities (N, num_classes), whose argmax is the class. `net(X)` has
    shape (N, num_classes). `ctx` is a device, or a list of devices across which batches are split.

    Raises ValueError if there is no data, if the net is not initialized on `ctx`, if a label is
    outside 0 to num_classes - 1, or if the iterator may skip or repeat images.
    """
    return evaluate(net, data_iter, ctx).accuracy


def confusion_matrix(data_iter, net, ctx=mx.cpu(), num_classes=10):
    """Return the confusion matrix of `net`, an int64 array of shape (num_classes, num_classes).

    Rows are true classes; columns are predicted classes. See `evaluate_accuracy` for the other
    arguments and errors. Also raises ValueError unless the net returns num_classes logits.
    """
    found = evaluate(net, data_iter, ctx)
    if not len(found.labels):
        raise ValueError('data_iter must yield at least one image, got none')
    if found.logits.shape[1:] != (num_classes,):
        raise ValueError('the net must return num_classes = %d logits per image, got %d'
                         % (num_classes, found.logits.shape[1]))
    return found.matrix()


def count_pairs(truth, guess, num_classes):
    """Return the confusion matrix for NumPy arrays of true and predicted classes, of shape (N,)."""
    matrix = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(matrix, (truth.astype(np.int64), guess.astype(np.int64)), 1)
    return matrix


def accuracy_of(matrix):
    """Return the accuracy, from 0 to 1: the fraction of images on the diagonal of `matrix`."""
    return matrix.trace() / matrix.sum()


def class_scores(matrix, names):
    """Return a `ClassScore` for each row of a confusion matrix; `names` are the class names."""
    scores = []
    for i, name in enumerate(names):
        count, predicted, right = matrix[i].sum(), matrix[:, i].sum(), matrix[i, i]
        wrong = matrix[i].copy()
        wrong[i] = 0
        scores.append(ClassScore(name, int(count), right / predicted if predicted else None,
                                 right / count if count else None,
                                 names[wrong.argmax()] if wrong.any() else None))
    return scores


def count_hits(y_hat, y):
    """Return an int32 NDArray of shape (N,): 1 for correct predictions and 0 for wrong ones."""
    return largest(y_hat) == classes_of(y)


def classes_of(y):
    """Convert labels y to classes; return an int32 NDArray of shape (N,).

    If y contains probabilities, with shape (N, num_classes), return each row's most probable class.
    """
    return y.astype('int32', copy=False) if len(y.shape) == 1 else largest(y)


def largest(scores):
    """Return the index of the largest score in each row: (N, num_classes) -> (N,) int32."""
    if scores.dtype == np.float16:  # argmax returns float16, which is exact only up to 2,048
        scores = scores.astype('float32')
    return scores.argmax(axis=1).astype('int32')
