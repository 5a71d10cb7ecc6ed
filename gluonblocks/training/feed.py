"""Batches on their way to the net: taken from an iterator, checked, shared among devices."""
import collections

import mxnet as mx
import numpy as np
from mxnet import gluon, nd

from ..checks import check_classic_arrays


def batches_of(data_iter):
    """Give (X, y) for each batch of `data_iter`, NDArrays with the images along their first axis.

    `data_iter` gives pairs (X, y), as a list, a `BatchLoader` and Gluon's DataLoader do, or it is
    an `mx.io.DataIter`, such as NDArrayIter, which is reset first. Each image comes once in every
    pass: the images that fill up the last batch of a `mx.io.DataIter` are left out. (None, None),
    for a batch without an image for this worker, is passed on.

    Raises ValueError for an iterator that moves images from one pass to another, for arrays of
    mx.np, for another number of labels than of images, and if a batch of an `mx.io.DataIter` has no
    labels, or several arrays.
    """
    _check_passes(data_iter)
    if isinstance(data_iter, mx.io.DataIter):
        data_iter.reset()
    for batch in data_iter:
        if isinstance(batch, mx.io.DataBatch):
            if len(batch.data) != 1 or len(batch.label or ()) != 1:
                raise ValueError('a batch has %d arrays of images and %d of labels, but must have '
                                 'one of each' % (len(batch.data), len(batch.label or ())))
            X, y = (z[:z.shape[0] - (batch.pad or 0)] for z in batch.data + batch.label)
        else:
            X, y = batch
        if X is not None:
            check_classic_arrays('the net', X, y)
            X, y = (z if isinstance(z, nd.NDArray) else nd.array(z) for z in (X, y))
            if X.shape[:1] != y.shape[:1]:
                raise ValueError('a batch has images of shape %s and labels of shape %s, but must '
                                 'have a label for each image' % (X.shape, y.shape))
        yield X, y


def _check_passes(data_iter):
    """Raise ValueError if a pass over `data_iter`, or over what it wraps, may not be complete."""
    if isinstance(data_iter, (mx.io.PrefetchingIter, mx.io.ResizeIter)):
        for inner in getattr(data_iter, 'iters', None) or [data_iter.data_iter]:
            _check_passes(inner)
    if isinstance(data_iter, mx.io.MXDataIter):
        # CSVIter, LibSVMIter and ImageRecordIter fill up the last batch from the next pass, which
        # then lacks those images, and are reset to where they have prefetched to. ImageRecordIter
        # reports the padding of another batch, or none. MNISTIter drops the last images.
        raise ValueError('the iterators that MXNet implements in C++ (CSVIter, ImageRecordIter, '
                         'LibSVMIter, MNISTIter, ...) do not give each image once in every pass: '
                         'read image records by mx.image.ImageIter or by '
                         'gluon.data.vision.ImageRecordDataset, and arrays by mx.io.NDArrayIter')
    loader = getattr(data_iter, '_batch_sampler', None)  # of Gluon's DataLoader
    for owner, setting, good in [(data_iter, 'last_batch_handle', 'pad'),
                                 (loader, '_last_batch', 'keep')]:
        found, setting = getattr(owner, setting, None), setting.lstrip('_')
        if found in ('roll_over', 'rollover'):
            raise ValueError('%s is %r, which moves images from one pass to the next, so passes '
                             'differ in their images: make the iterator with %s=%r'
                             % (setting, found, setting, good))


def split(arrays, devices):
    """Split arrays (N, ...) along N: a list with a tuple of shards for each device.

    With fewer images than devices the list is shorter, and it is empty for arrays that are None.
    """
    if arrays[0] is None:
        return []
    used = devices[:max(arrays[0].shape[0], 1)]
    return list(zip(*(gluon.utils.split_and_load(z, used, even_split=False) for z in arrays)))


def check_net(net, devices, training=False):
    """ValueError unless `net` is initialized, and on `devices`; for training on no others.

    Under `npx.set_np()` it is a ValueError too: loaders and blocks take arrays of mx.nd.
    A net that learns its input channels from the first batch passes once `initialize` was called.
    """
    check_classic_arrays('training' if training else 'evaluation')
    if not isinstance(net, gluon.Block):
        return
    for param in net.collect_params().values():
        try:
            found = param.list_ctx()
        except RuntimeError:
            raise ValueError('the parameter %s of the net has no values yet: call net.initialize() '
                             'first, with ctx=%s' % (param.name, devices)) from None
        if set(devices) - set(found) or training and set(found) - set(devices):
            raise ValueError('the parameter %s of the net is on %s, but ctx is %s: name the '
                             'devices of the net, or move it with net.collect_params()'
                             '.reset_ctx()' % (param.name, *(', '.join(map(str, contexts))
                                                             for contexts in (found, devices))))


class LabelCheck:
    """Refuses labels that are not classes of the net; MXNet's loss would use another class.

    The labels of the first batch are read at once, others two batches later: reading what MXNet may
    still have to compute would idle it.
    """

    def __init__(self):
        self._waiting, self._num_classes = collections.deque(), None

    def add(self, y, y_hat):
        """Take in the labels y of a batch, (N,) or (N, num_classes), and the net's output y_hat,
        (n, num_classes), for its shape.

        Raises ValueError for other shapes, and if a label that is read is not a class.
        """
        if len(y_hat.shape) != 2:
            raise ValueError('the net makes an output of shape %s, but must make (N, num_classes), '
                             'a number for each class' % (y_hat.shape,))
        if y.shape[1:] not in ((), y_hat.shape[1:]):
            raise ValueError('there are labels of shape %s, but they must be (N,), a whole number '
                             'for each image, or (N, %d), the probability of each class'
                             % (y.shape, y_hat.shape[1]))
        first, self._num_classes = self._num_classes is None, y_hat.shape[1]
        self._waiting.append(y)
        self.check(leave=0 if first else 2)

    def check(self, leave=0):
        """Raise ValueError if a label is not a class, except in the last `leave` batches."""
        while len(self._waiting) > leave:
            check_labels(self._waiting.popleft().asnumpy(), self._num_classes)


def check_labels(y, num_classes):
    """Raise ValueError unless the labels y, a NumPy array, are classes of the net.

    They are (N,), integers from 0 to num_classes - 1, or (N, num_classes), where the probabilities
    of each row must not be negative and sum to 1, up to rounding.
    """
    if y.ndim == 2:
        sums = y.sum(axis=1, dtype='float64')
        if not (y.min() >= 0 and abs(sums - 1).max() < 0.01):  # so that NaN is refused, too
            raise ValueError('labels of shape %s must be probabilities of the classes, from 0 on '
                             'and of sum 1, got %g with a sum of %g'
                             % (y.shape, y.min(), sums[abs(sums - 1).argmax()]))
        return
    least, most = y.min(), y.max()
    if not (least >= 0 and most < num_classes):  # so that NaN is refused, too
        raise ValueError('there are labels from %g to %g, but the classes are 0 to %d, one for '
                         'each output of the net: number the classes from 0, or make a net with '
                         'more outputs' % (least, most, num_classes - 1))
    if y.dtype.kind == 'f' and (y != np.floor(y)).any():
        raise ValueError('there is a label %g, but a label is the number of a class: a whole number'
                         % y[y != np.floor(y)][0])
