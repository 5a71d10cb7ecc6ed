"""Read batches from an iterator, check them, and split them across devices."""
import collections

import mxnet as mx
import numpy as np
from mxnet import gluon, nd

from ..checks import check_classic_arrays
from ..mxnet_private import loader_of


def batches_of(data_iter):
    """Yield (X, y) for each batch of `data_iter`: NDArrays whose first axis is the batch.

    `data_iter` is an iterable of (X, y), such as a list, a `BatchLoader` or Gluon's DataLoader. It
    can also be an `mx.io.DataIter`, such as NDArrayIter: it is then reset first, and the padding of
    its last batch is removed, so that each image appears once per pass. A batch (None, None), in
    which this worker has no images, is yielded unchanged.

    Raises ValueError if the iterator may carry images over to the next pass, if X or y is an mx.np
    array, if X and y differ in length, or if a batch of an `mx.io.DataIter` does not contain
    exactly one image array and one label array.
    """
    _check_passes(data_iter)
    if isinstance(data_iter, mx.io.DataIter):
        data_iter.reset()
    for batch in data_iter:
        if isinstance(batch, mx.io.DataBatch):
            if len(batch.data) != 1 or len(batch.label or ()) != 1:
                raise ValueError('expected one image array and one label array per batch, '
                                 'got %d and %d' % (len(batch.data), len(batch.label or ())))
            X, y = (z[:z.shape[0] - (batch.pad or 0)] for z in batch.data + batch.label)
        else:
            X, y = batch
        if X is not None:
            check_classic_arrays('the net', X, y)
            X, y = (z if isinstance(z, nd.NDArray) else nd.array(z) for z in (X, y))
            if X.shape[:1] != y.shape[:1]:
                raise ValueError('expected one label per image, got images of shape %s and labels '
                                 'of shape %s' % (X.shape, y.shape))
        yield X, y


def _check_passes(data_iter):
    """Raise ValueError if `data_iter`, or an iterator that it wraps, may skip or repeat images."""
    if isinstance(data_iter, (mx.io.PrefetchingIter, mx.io.ResizeIter)):
        for inner in getattr(data_iter, 'iters', None) or [data_iter.data_iter]:
            _check_passes(inner)
    if isinstance(data_iter, mx.contrib.io.DataLoaderIter):
        _check_passes(loader_of(data_iter))
    if isinstance(data_iter, mx.io.MXDataIter):
        # Reject these iterators. CSVIter, LibSVMIter and ImageRecordIter fill the last batch with
        # images that the next pass then skips, and their reset() keeps prefetched batches.
        # ImageRecordIter also reports the wrong padding, or none. MNISTIter drops images.
        raise ValueError('MXNet iterators implemented in C++ (CSVIter, ImageRecordIter, '
                         'LibSVMIter, MNISTIter, ...) may skip or repeat images: read image '
                         'records with mx.image.ImageIter or '
                         'gluon.data.vision.ImageRecordDataset, and arrays with mx.io.NDArrayIter')
    loader = getattr(data_iter, '_batch_sampler', None)  # set by Gluon's DataLoader
    for owner, setting, good in [(data_iter, 'last_batch_handle', 'pad'),
                                 (loader, '_last_batch', 'keep')]:
        found, setting = getattr(owner, setting, None), setting.lstrip('_')
        if found in ('roll_over', 'rollover'):
            raise ValueError('%s=%r carries images over to the next pass, so passes contain '
                             'different images: create the iterator with %s=%r'
                             % (setting, found, setting, good))


def split(arrays, devices):
    """Split arrays (N, ...) along the first axis; return a list of shard tuples, one per device.

    If there are fewer images than devices, the list is shorter. It is empty if the arrays are None.
    """
    if arrays[0] is None:
        return []
    used = devices[:max(arrays[0].shape[0], 1)]
    return list(zip(*(gluon.utils.split_and_load(z, used, even_split=False) for z in arrays)))


def check_net(net, devices, training=False):
    """Raise ValueError unless `net` is initialized on `devices` and, for training, on no others.

    Also raise ValueError if `npx.set_np()` is active, because loaders and blocks use mx.nd arrays.
    Parameter shapes that MXNet infers from the first batch may still be unknown.
    """
    check_classic_arrays('training' if training else 'evaluation')
    if not isinstance(net, gluon.Block):
        return
    for param in net.collect_params().values():
        try:
            found = param.list_ctx()
        except RuntimeError:
            raise ValueError('the net is not initialized (parameter %s): call '
                             'net.initialize(ctx=%s) first' % (param.name, devices)) from None
        if set(devices) - set(found) or training and set(found) - set(devices):
            raise ValueError('the parameter %s of the net is on %s, but ctx is %s: set ctx to '
                             'the devices of the net, or move the net with '
                             'net.collect_params().reset_ctx()' % (
                                 param.name, *(', '.join(map(str, contexts))
                                               for contexts in (found, devices))))


class LabelCheck:
    """Reject labels that are not classes of the net; MXNet's loss would silently use another class.

    The labels of the first batch are read immediately. Later labels are read two batches late, so
    that the loop does not have to wait for MXNet.
    """

    def __init__(self):
        self._waiting, self._num_classes = collections.deque(), None

    def add(self, y, y_hat):
        """Add the labels y of a batch, and check labels added earlier.

        y has shape (N,) or (N, num_classes). y_hat, of shape (n, num_classes), is the net's output
        for one shard of this batch; only its shape is used. Raises ValueError if a shape is wrong,
        or if one of the checked labels is invalid.
        """
        if len(y_hat.shape) != 2:
            raise ValueError('the net must return logits of shape (N, num_classes), got %s'
                             % (y_hat.shape,))
        if y.shape[1:] not in ((), y_hat.shape[1:]):
            raise ValueError('labels must be integers of shape (N,) or probabilities of shape '
                             '(N, %d), got shape %s' % (y_hat.shape[1], y.shape))
        first, self._num_classes = self._num_classes is None, y_hat.shape[1]
        self._waiting.append(y)
        self.check(leave=0 if first else 2)

    def check(self, leave=0):
        """Raise ValueError if a label of an added batch is invalid. Skip the last `leave` batches,
        which MXNet may still be computing."""
        while len(self._waiting) > leave:
            check_labels(self._waiting.popleft().asnumpy(), self._num_classes)


def check_labels(y, num_classes):
    """Raise ValueError unless the labels y, a NumPy array, are valid for `num_classes` classes.

    Labels are integers from 0 to num_classes - 1, of shape (N,), or non-negative probabilities
    of shape (N, num_classes), where each row sums to 1, up to rounding.
    """
    if y.ndim == 2:
        sums = y.sum(axis=1, dtype='float64')
        if not (y.min() >= 0 and abs(sums - 1).max() < 0.01):  # `not` rejects NaN too
            raise ValueError('labels of shape %s must be non-negative class probabilities that '
                             'sum to 1, got a minimum of %g and a sum of %g'
                             % (y.shape, y.min(), sums[abs(sums - 1).argmax()]))
        return
    least, most = y.min(), y.max()
    if not (least >= 0 and most < num_classes):  # `not` rejects NaN too
        raise ValueError('labels must be from 0 to %d, because the net has %d outputs, but got %g '
                         'to %g: number the classes from 0, or create a net with more outputs'
                         % (num_classes - 1, num_classes, least, most))
    if y.dtype.kind == 'f' and (y != np.floor(y)).any():
        raise ValueError('labels must be integer class indices, got %g'
                         % y[y != np.floor(y)][0])
