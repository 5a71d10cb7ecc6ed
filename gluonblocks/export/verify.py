"""Whether a file gives what the net gives: every test image through both.

An engine is a callable, X float32 (n, C, H, W) -> logits (n, classes), NumPy arrays. What a net
computes is here, what the file's engine computes is there.
"""
import time
from typing import NamedTuple, Optional

import mxnet as mx
import numpy as np

BATCHES = (1, 3, 256)  # sizes that are tried first: a file may be right for one alone


class VerificationError(ValueError):
    """A file does not give what the net gives."""


class Verified(NamedTuple):
    """What became of a file's images."""

    images: int
    accuracy_here: Optional[float]  #: of the net, and None where nobody knows the labels
    accuracy_there: Optional[float]
    largest_difference: float  #: of two logits
    agreement: float  #: the part of the images that got the same class

    @property
    def drop(self):
        """Points, of 100, of accuracy that were lost; without labels, of agreement."""
        there = self.agreement if self.accuracy_here is None else self.accuracy_there
        return 100 * ((1.0 if self.accuracy_here is None else self.accuracy_here) - there)


def mxnet_engine(net, ctx):
    """The Gluon block `net` as an engine, predicting on the device `ctx`."""
    def run(X):
        return net(mx.nd.array(X, ctx=ctx)).asnumpy()
    return run


def logits_of(engine, images):
    """What `engine` gives for all of `images`, an `Images`: (n, classes)."""
    return np.concatenate([engine(batch.X) for batch in images])


def accuracy_of(logits, images):
    """The part of `images` whose label is the largest logit's, or None without labels."""
    labels = [batch.labels for batch in images]
    if any(part is None for part in labels):
        return None
    return float((logits.argmax(axis=1) == np.concatenate(labels)).mean())


def verify(name, here, written, images, atol=1e-4, max_drop=1.0):
    """`Verified` of what a format has written, a `Written`, by all of `images`, an `Images`.

    `here` (n, classes) is what the net gives for `images`. Each logit a of it and b of the file
    must have |a - b| <= atol * max(1, |a|): an absolute bound for those up to 1, a relative one
    beyond. A file that is not `exact`, as of 8 bits, may lose `max_drop` points of accuracy
    instead. `name` is the format's, for the errors.

    Raises VerificationError otherwise, and for logits of another shape or that are not finite.
    """
    def there(batch, n=None):
        taken = written.taken(batch)[:n]
        logits = np.asarray(written.engine(taken))
        if logits.shape != (len(taken),) + here.shape[1:]:
            raise VerificationError('%s: a batch of %d gives an array of shape %s, but must give '
                                    '%s' % (name, len(taken), logits.shape,
                                            (len(taken),) + here.shape[1:]))
        return logits

    def check(wanted, logits, first, size):
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
        return float(difference.max())

    largest = 0.0
    few = images.first(max(BATCHES))
    for size in BATCHES:
        index = np.arange(size) % len(here)
        largest = max(largest, check(here[index], there(few, size), 0, size))
    found, start = [], 0
    for batch in images:
        logits = there(batch)
        largest = max(largest, check(here[start:start + len(logits)], logits, start, len(logits)))
        found.append(logits)
        start += len(logits)
    found = np.concatenate(found)
    agreement = float((found.argmax(axis=1) == here.argmax(axis=1)).mean())
    verified = Verified(len(found), accuracy_of(here, images), accuracy_of(found, images), largest,
                        agreement)
    # Accuracies are whole images, of which rounding must not make a refusal.
    if not written.exact and verified.drop > max_drop + 1e-9:
        raise VerificationError(
            '%s: %s falls from %.4f to %.4f, by %.2f points, and at most %g are allowed' % (
                (name,) + (('agreement', 1.0, agreement) if verified.accuracy_here is None else
                           ('accuracy', verified.accuracy_here, verified.accuracy_there)) +
                (verified.drop, max_drop)))
    return verified


def milliseconds(engine, X, seconds=0.3, least=2):
    """How long `engine(X)` takes: the median of the calls in `seconds`, or of `least`."""
    engine(X)  # what is made for this size is made now
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        engine(X)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))
