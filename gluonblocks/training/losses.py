"""Loss functions, and functions that compute a batch's losses and mark correct predictions."""
import numpy as np
from mxnet import gluon

from ..graphs.cross_entropy import cross_entropy_and_hits
from ..mxnet_private import sparse_label_of
from .metrics import count_hits


class SmoothedSoftmaxCrossEntropyLoss(gluon.loss.Loss):
    """Softmax cross-entropy with label smoothing: logits (N, num_classes), labels (N,) -> (N,).

    The target is 1 - smoothing for the label's class, plus smoothing / num_classes for every class.
    Source: Szegedy et al. 2016 (arXiv:1512.00567), section 7.
    """

    def __init__(self, smoothing, **kwargs):
        super().__init__(weight=None, batch_axis=0, **kwargs)
        self._smoothing = smoothing

    def hybrid_forward(self, F, y_hat, y):
        log_p = F.log_softmax(y_hat, axis=1)
        return -((1 - self._smoothing) * F.pick(log_p, y, axis=1)
                 + self._smoothing * F.mean(log_p, axis=1))


def make_loss(label_smoothing=None, dtype='float32'):
    """Return a run's loss function, (y_hat, y) -> (N,), or None for the book's softmax loss.

    `dtype` is the data type of `y_hat`. If it is 'float16', the loss is computed in float32.
    """
    loss = SmoothedSoftmaxCrossEntropyLoss(label_smoothing) if label_smoothing else None
    if dtype == 'float32':
        return loss
    loss = loss or gluon.loss.SoftmaxCrossEntropyLoss()
    return lambda y_hat, y: loss(y_hat.astype('float32'), y)


def make_score(loss=None, with_operators=False):
    """Return a function (y_hat, y) -> (losses (N,), hits (N,)); hits are 1 for correct predictions.

    `loss` is a function (y_hat, y) -> (N,), by default softmax cross-entropy. If `with_operators`
    is True, a C++ operator computes the default loss. The returned function raises ValueError if y
    contains classes but `loss` expects probabilities (or vice versa), or if `loss` does not return
    an array of shape (N,).
    """
    if loss is None:
        loss = gluon.loss.SoftmaxCrossEntropyLoss()
        loss.hybridize(static_alloc=True)
    else:
        with_operators = False
    sparse = sparse_label_of(loss)

    def score(y_hat, y):
        if sparse is not None and sparse != (len(y.shape) == 1):
            raise ValueError('for labels of shape %s, the loss must be gluon.loss.'
                             'SoftmaxCrossEntropyLoss(sparse_label=%s)' % (y.shape, not sparse))
        if with_operators and y_hat.dtype == np.float32:
            return cross_entropy_and_hits(y_hat, y)
        losses = loss(y_hat, y if sparse is not False else y.astype(y_hat.dtype, copy=False))
        if losses.shape != y.shape[:1]:
            raise ValueError('the loss must have shape (N,), one value per image, got shape %s for '
                             '%d images: do not average or sum over images'
                             % (losses.shape, y.shape[0]))
        return losses, count_hits(y_hat, y)
    return score
