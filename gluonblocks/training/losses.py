"""The loss of a run, from its options."""
from mxnet import gluon


class SmoothedSoftmaxCrossEntropyLoss(gluon.loss.Loss):
    """Softmax cross-entropy against smoothed labels: (N, num_classes), (N,) -> (N,).

    A label is 1 - smoothing on its class plus smoothing / num_classes on each class, its own too.
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
    """The loss function (y_hat, y) -> (N,) by these options, or None where they leave the book's.

    It computes in float32 where `dtype`, which is that of `y_hat`, is 'float16'.
    """
    loss = SmoothedSoftmaxCrossEntropyLoss(label_smoothing) if label_smoothing else None
    if dtype == 'float32':
        return loss
    loss = loss or gluon.loss.SoftmaxCrossEntropyLoss()
    return lambda y_hat, y: loss(y_hat.astype('float32'), y)
