"""The losses against closed forms."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd

from gluonblocks.training.losses import (
    LossAndHits,
    SmoothedSoftmaxCrossEntropyLoss,
    make_loss,
    with_hits,
)

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


def test_cross_entropy_without_smoothing_is_gluons():
    gluons = gluon.loss.SoftmaxCrossEntropyLoss()(nd.array(Y_HAT), nd.array(Y))
    ours = SmoothedSoftmaxCrossEntropyLoss(0)(nd.array(Y_HAT), nd.array(Y))
    np.testing.assert_allclose(ours.asnumpy(), gluons.asnumpy(), rtol=1e-6)


def test_unset_loss_options_leave_the_books_loss():
    assert make_loss(0.0) is None and make_loss() is None


def test_half_precision_outputs_are_summed_up_in_float32():
    found = make_loss(dtype='float16')(nd.array(Y_HAT, dtype='float16', ctx=mx.cpu()), nd.array(Y))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.asnumpy(), by_hand(0), rtol=1e-2)


HALF = (Y_HAT.argmax(axis=1) + [0, 0, 0, 1, 2, 3]) % 4  # labels of which the first half is hit


def loss_hits_and_gradient(score, dtype):
    y_hat = nd.array(Y_HAT)
    y_hat.attach_grad()
    with autograd.record():
        loss, hits = score(y_hat, nd.array(HALF, dtype=dtype))
    loss.backward()
    return loss.asnumpy(), hits.asnumpy(), y_hat.grad.asnumpy()


@pytest.mark.parametrize('dtype', ['int32', 'float32', 'int64'])
@pytest.mark.parametrize('hybridized', [True, False])
def test_loss_and_hits_in_one_are_gluons_loss_and_the_largest_outputs(hybridized, dtype):
    score = LossAndHits()
    score.hybridize(hybridized, static_alloc=True)
    found = loss_hits_and_gradient(score, dtype)
    wanted = loss_hits_and_gradient(with_hits(gluon.loss.SoftmaxCrossEntropyLoss()), dtype)
    for ours, theirs in zip(found, wanted):
        assert (ours == theirs).all()
    assert found[1].tolist() == [1, 1, 1, 0, 0, 0]


def test_hits_beside_a_loss_of_ones_own_are_in_no_graph():
    y_hat = nd.array(Y_HAT)
    y_hat.attach_grad()
    with autograd.record():
        _, hits = with_hits(lambda y_hat, y: y_hat[:, 0])(y_hat, nd.array(Y))
    with pytest.raises(mx.MXNetError, match='not in a computational graph'):
        hits.backward()
