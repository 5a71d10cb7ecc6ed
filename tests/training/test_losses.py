"""The losses against closed forms."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from gluonblocks.training.losses import SmoothedSoftmaxCrossEntropyLoss, make_loss

RNG = np.random.RandomState(2)
Y_HAT, Y = RNG.randn(6, 4).astype('float32'), np.array([0, 1, 2, 3, 0, 1])


def by_hand(smoothing):
    log_p = Y_HAT - np.log(np.exp(Y_HAT).sum(axis=1, keepdims=True))
    labels = np.eye(4)[Y] * (1 - smoothing) + smoothing / 4
    return -(labels * log_p).sum(axis=1)


@pytest.mark.parametrize('smoothing', [0.0, 0.1, 0.7])
def test_smoothed_cross_entropy_is_that_of_smoothed_labels(smoothing):
    loss = SmoothedSoftmaxCrossEntropyLoss(smoothing)
    found = loss(nd.array(Y_HAT), nd.array(Y, dtype='int32'))
    np.testing.assert_allclose(found.asnumpy(), by_hand(smoothing), rtol=1e-5)


def test_unset_loss_options_leave_the_books_loss():
    assert make_loss(0.0) is None and make_loss() is None


def test_half_precision_outputs_are_summed_up_in_float32():
    found = make_loss(dtype='float16')(nd.array(Y_HAT, dtype='float16', ctx=mx.cpu()), nd.array(Y))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.asnumpy(), by_hand(0), rtol=1e-2)
