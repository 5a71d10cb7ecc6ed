"""The losses against closed forms."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd

from gluonblocks.training.losses import (
    SmoothedSoftmaxCrossEntropyLoss,
    make_loss,
    make_score,
)

RNG = np.random.RandomState(2)
Y_HAT, Y = RNG.randn(6, 4).astype('float32'), np.array([0, 1, 2, 3, 0, 1])


def by_hand(smoothing):
    log_p = Y_HAT - np.log(np.exp(Y_HAT).sum(axis=1, keepdims=True))
    labels = np.eye(4)[Y] * (1 - smoothing) + smoothing / 4
    return -(labels * log_p).sum(axis=1)


@pytest.mark.parametrize('smoothing', [0.0, 0.1, 0.7])
def test_smoothed_cross_entropy_is_that_of_smoothed_labels(smoothing):
    score = make_score(SmoothedSoftmaxCrossEntropyLoss(smoothing), with_operators=True)
    found, _ = score(nd.array(Y_HAT), nd.array(Y, dtype='int32'))
    np.testing.assert_allclose(found.asnumpy(), by_hand(smoothing), rtol=1e-5)


def test_unset_loss_options_leave_the_books_loss():
    assert make_loss(0.0) is None and make_loss() is None


def test_half_precision_outputs_are_summed_up_in_float32():
    found = make_loss(dtype='float16')(nd.array(Y_HAT, dtype='float16', ctx=mx.cpu()), nd.array(Y))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.asnumpy(), by_hand(0), rtol=1e-2)


def test_outputs_in_double_precision_are_scored_by_mxnet():
    losses, _ = make_score(with_operators=True)(nd.array(Y_HAT, dtype='float64'), nd.array(Y))
    np.testing.assert_allclose(losses.asnumpy(), by_hand(0), rtol=1e-5)


@pytest.mark.parametrize('scale', [1, 1e3, 1e10], ids=str)
def test_score_by_the_operator_is_cross_entropy_its_gradient_and_the_correct_predictions(
        operators, scale):
    y_hat = nd.array(scale * Y_HAT)
    logits = y_hat.asnumpy().astype('float64')
    y_hat.attach_grad()
    with autograd.record():
        losses, hits = make_score(with_operators=True)(y_hat, nd.array(Y))
    losses.backward(nd.arange(6))
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    expected = logits.max(axis=1) - logits[np.arange(6), Y] - np.log(p.max(axis=1))
    np.testing.assert_allclose(losses.asnumpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(hits.asnumpy(), Y_HAT.argmax(axis=1) == Y)
    np.testing.assert_allclose(y_hat.grad.asnumpy(), (p - np.eye(4)[Y]) * np.arange(6)[:, None],
                               atol=1e-5)


def test_score_counts_the_first_of_equal_logits_and_survives_labels_that_are_no_class(operators):
    score = make_score(with_operators=True)
    losses, hits = score(nd.array([[2, 2], [2, 2], [0, 1], [1e4, -1e4]]), nd.array([0, 1, -1, 7]))
    np.testing.assert_array_equal(hits.asnumpy(), [1, 0, 0, 0])
    np.testing.assert_allclose(losses.asnumpy(), [np.log(2), np.log(2), np.log(1 + np.e), 2e4],
                               rtol=1e-6)
