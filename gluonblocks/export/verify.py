"""Whether a file computes what the net does: every test image through both.

An engine is a callable, X float32 (n, C, H, W) -> logits (n, classes), NumPy arrays.
"""
import time
from typing import NamedTuple, Optional

import mxnet as mx
import numpy as np

BATCHES = (1, 3, 256)  # sizes that are tried first: a file may be right for one only


class VerificationError(ValueError):
    """A file does not compute what the net does."""


class Verified(NamedTuple):
    """A comparison of a file with the net."""

    images: int
    accuracy_here: Optional[float]  #: of the net in MXNet, None without labels
    accuracy_there: Optional[float]  #: of the file
    largest_difference: float  #: of two logits
    agreement: float  #: the fraction of images with the same class

    @property
    def drop(self):
        """The accuracy lost, in percentage points; without labels, the agreement lost."""
        there = self.agreement if self.accuracy_here is None else self.accuracy_there
        return 100 * ((1.0 if self.accuracy_here is None else self.accuracy_here) - there)


def mxnet_engine(net, ctx):
    """The Gluon block `net` as an engine, predicting on the device `ctx`."""
    def run(X):
        return net(mx.nd.array(X, ctx=ctx)).asnumpy()
    return run


def logits_of(engine, images):
    """The logits that `engine` gives for all of `images`, an `Images`: (n, classes)."""
    return np.concatenate([engine(batch.X) for batch in images])


def accuracy_of(logits, labels):
    """The fraction of `labels` that are the largest logit's, or None without labels."""
    return None if labels is None else float((logits.argmax(axis=1) == labels).mean())


def verify(name, here, written, images, atol=1e-4, max_drop=1.0):
    """Return the `Verified` of a format's `Written` on all of `images`, an `Images`.

    `here` (n, classes) are the net's logits for `images`. Each logit a of the net and b of the file
    must have |a - b| <= atol * max(1, |a|): an absolute bound up to 1, a relative one beyond. A
    file that is not `exact`, such as one in 8 bits, may lose `max_drop` points of accuracy instead.
    `name` is the format's, for the errors.

    Raises VerificationError otherwise, and for logits of another shape or that are not finite.
    """
    largest = 0.0

    def check(taken, wanted, first):
        nonlocal largest
        logits, size = np.asarray(written.engine(taken)), len(taken)
        if logits.shape != wanted.shape:
            raise VerificationError('%s: a batch of %d gives an array of shape %s, but must give '
                                    '%s' % (name, size, logits.shape, wanted.shape))
        if not np.isfinite(logits).all():
            raise VerificationError('%s: the logits are not finite, in a batch of %d from image '
                                    '%d' % (name, size, first))
        difference = np.abs(wanted - logits)
        wrong = difference > atol * np.maximum(1, np.abs(wanted))
        if written.exact and wrong.any():
            i = int(np.argmax(np.where(wrong, difference, 0).max(axis=1)))
            raise VerificationError(
                "%s: in a batch of %d, image %d's logits differ by %.3g from the net's, which is "
                'beyond %g * max(1, |logit|)' % (name, size, first + i, difference[i].max(), atol))
        largest = max(largest, float(difference.max()))
        return logits

    few = written.input_of(images.first(max(BATCHES)))
    for size in BATCHES:
        check(few[:size], here[np.arange(size) % len(here)], 0)
    found, start = [], 0
    for batch in images:
        found.append(check(written.input_of(batch), here[start:start + len(batch.X)], start))
        start += len(batch.X)
    there, labels = np.concatenate(found), images.labels()
    agreement = float((there.argmax(axis=1) == here.argmax(axis=1)).mean())
    verified = Verified(len(there), accuracy_of(here, labels), accuracy_of(there, labels), largest,
                        agreement)
    # Accuracies are fractions of images: rounding must not refuse a file.
    if not written.exact and verified.drop > max_drop + 1e-9:
        falls = (('agreement', 1.0, agreement) if labels is None else
                 ('accuracy', verified.accuracy_here, verified.accuracy_there))
        raise VerificationError('%s: %s falls from %.4f to %.4f, by %.2f points, and at most %g '
                                'are allowed' % ((name,) + falls + (verified.drop, max_drop)))
    return verified


def milliseconds(engine, X, seconds=0.3, least=2):
    """How long `engine(X)` takes: the median of the calls within `seconds`, of `least` or more."""
    engine(X)  # engines prepare for a new size in the first call
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        engine(X)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))
