"""Loss functions, selected by the options of a run."""
from mxnet import gluon


class SmoothedSoftmaxCrossEntropyLoss(gluon.loss.Loss):
    """Softmax cross-entropy against smoothed labels: (N, num_classes), (N,) -> (N,).

    A label becomes 1 - smoothing for its class, plus smoothing / num_classes for every class.
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
    """Return the loss function (y_hat, y) -> (N,) for these options, or None for the book's loss.

    `dtype` is the type of `y_hat`. If it is 'float16', the loss is computed in float32.
    """
    loss = SmoothedSoftmaxCrossEntropyLoss(label_smoothing) if label_smoothing else None
    if dtype == 'float32':
        return loss
    loss = loss or gluon.loss.SoftmaxCrossEntropyLoss()
    return lambda y_hat, y: loss(y_hat.astype('float32'), y)
