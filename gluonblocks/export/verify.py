"""Compare a file with the net that it was made of, on every image.

An engine is a callable, inputs -> outputs: a tuple of NumPy arrays -> a list of NumPy arrays.
"""
import functools
import time
from typing import NamedTuple, Optional

import mxnet as mx
import numpy as np

from .checkpoints.params import leave_memory
from .graph import flat


class VerificationError(ValueError):
    """A file does not compute what the net does."""


class Verified(NamedTuple):
    """A comparison of a file with the net."""

    images: int
    accuracy_here: Optional[float]  #: of the net in MXNet, None without labels
    accuracy_there: Optional[float]  #: of the file
    largest_difference: float  #: of two outputs, in parts of the largest, from 1, of an image
    agreement: float  #: the fraction of images with the same class, or the least cosine

    @property
    def drop(self):
        """The accuracy lost, in percentage points; without labels, the agreement lost."""
        there = self.agreement if self.accuracy_here is None else self.accuracy_there
        return 100 * ((1.0 if self.accuracy_here is None else self.accuracy_here) - there)


def mxnet_engine(net, ctx, labels=()):
    """The Gluon block `net` as an engine, predicting on the device `ctx`.

    `labels` are (position, shape) of inputs that only losses need; they are zeros.
    """
    def run(inputs):
        arrays = list(inputs)
        for i, sides in labels:
            arrays.insert(i, np.zeros((len(inputs[0]),) + sides[1:]))
        outputs = flat(net(*[mx.nd.array(X, ctx=ctx) for X in arrays]))
        return [output.asnumpy() for output in outputs]
    return run


def symbol_engine(symbol, params, names):
    """A `symbol` with its parameters and the inputs of these `names`, as an engine on the CPU.

    Other inputs, the labels of losses, are zeros.
    """
    weights = {name: mx.nd.array(array, dtype=array.dtype) for name, array in params.items()}
    leave_memory(params.values())
    operation = mx.nd.CachedOp(symbol, [('static_alloc', True), ('static_shape', True)])

    @functools.lru_cache(maxsize=None)
    def labels(*shapes):
        found, _, _ = symbol.infer_shape(
            **{name: array.shape for name, array in weights.items()}, **dict(zip(names, shapes)))
        return {name: mx.nd.zeros(sides) for name, sides in zip(symbol.list_arguments(), found)
                if name not in weights and name not in names}

    def run(inputs):
        given = dict(weights, **{name: mx.nd.array(X) for name, X in zip(names, inputs)},
                     **labels(*[X.shape for X in inputs]))
        outputs = operation(*[given[name] for name in symbol.list_inputs()])
        return [output.asnumpy() for output in (
            outputs if isinstance(outputs, list) else [outputs])]
    return run


def outputs_of(engine, images):
    """The outputs that `engine` gives for each batch of `images.all_batches()`: a list of lists."""
    return [engine(batch.inputs) for batch in _shown(images, 'MXNet')]


def logits_of(outputs, images):
    """The first of `outputs_of` for all of `images`, one after another: (n, classes)."""
    return np.concatenate([found[0] for found in outputs[images.num_probes:]])


def accuracy_of(logits, labels):
    """The fraction of `labels` that are the largest logit's, or None without labels."""
    return None if labels is None else float((logits.argmax(axis=1) == labels).mean())


def verify(name, here, written, images, atol=1e-4, max_drop=1.0, classes=True, sorts=False):
    """Return the `Verified` of a format's `Written` on all of `images`, an `Images`.

    `here` are the net's `outputs_of` them. Each output a of the net and b of the file must have
    |a - b| <= atol * max(1, |a|), for the largest |a| of its image. A file that is not `exact`,
    such as one in 8 bits, may lose `max_drop` points of accuracy instead. `name` is the format's,
    for the errors; without `classes` the outputs are compared as vectors and not by their largest.
    Of a net that `sorts` rows by their scores, equal rows may be in another order: rounding decides
    which of two nearly equal scores comes first.

    Raises VerificationError otherwise, and for outputs of another shape or that are not finite.
    """
    there, largest, cosines, first = [], 0.0, [1.0], 0
    for i, (batch, wanted) in enumerate(zip(_shown(images, name, len(here)), here)):
        first = 0 if i == images.num_probes else first
        try:
            found = [np.asarray(output) for output in written.engine(written.inputs_of(batch))]
        except Exception as error:  # every engine has classes of its own
            raise VerificationError('%s: the file cannot be run on a batch of %d: %s'
                                    % (name, len(batch.X), error)) from error
        if len(found) != len(wanted):
            raise VerificationError('%s: the file gives %d outputs; expected %d'
                                    % (name, len(found), len(wanted)))
        if sorts:
            found = [_reordered(ours, theirs, atol) for ours, theirs in zip(wanted, found)]
        for k, (ours, theirs) in enumerate(zip(wanted, found)):
            where = '%s: output %d, in a batch of %d from image %d' % (name, k, len(batch.X), first)
            largest = max(largest, _difference(where, ours, theirs,
                                               atol if written.exact else None))
            cosines.append(_cosine(ours, theirs))
        there.append(found)
        first += len(batch.X)
    labels = None
    if classes:
        before, after, labels = logits_of(here, images), logits_of(there, images), images.labels()
        verified = Verified(
            first, accuracy_of(before, labels), accuracy_of(after, labels), largest,
            float((after.argmax(axis=1) == before.argmax(axis=1)).mean()))
    else:
        verified = Verified(first, None, None, largest, min(cosines))
    # Accuracies are fractions of images: rounding must not refuse a file.
    if not written.exact and verified.drop > max_drop + 1e-9:
        falls = (('agreement', 1.0, verified.agreement) if labels is None else
                 ('accuracy', verified.accuracy_here, verified.accuracy_there))
        raise VerificationError('%s: %s falls from %.4f to %.4f, by %.2f points, and at most %g '
                                'are allowed' % ((name,) + falls + (verified.drop, max_drop)))
    return verified


def _shown(images, name, total=None):
    """The batches of `images`, with a progress bar in a terminal."""
    from tqdm import tqdm
    return tqdm(images.all_batches(), desc='verifying %s' % name, unit=' batches', total=total,
                leave=False, disable=None)


def _difference(where, wanted, found, atol):
    """The largest difference of two outputs, in parts of the largest number of an image."""
    if found.shape != wanted.shape:
        raise VerificationError('%s: expected shape %s, got %s'
                                % (where, wanted.shape, found.shape))
    if not np.isfinite(found).all() and np.isfinite(wanted).all():
        raise VerificationError('%s: it is not finite' % where)
    if not wanted.size:
        return 0.0
    rows = (len(wanted), -1) if wanted.ndim > 1 else (1, -1)
    wanted, found = [array.astype('float64').reshape(rows) for array in (wanted, found)]
    scale = np.maximum(1, np.abs(wanted).max(axis=1, keepdims=True))
    off = np.where(wanted == found, 0, np.abs(wanted - found) / scale)  # infinities are equal too
    if atol is not None and not off.max() <= atol:
        raise VerificationError(
            "%s: row %d differs from the net's by %.3g of its largest number, or of 1, which is "
            'beyond %g' % (where, np.argmax(off.max(axis=1)), off.max(), atol))
    return float(off.max())


def _reordered(wanted, found, atol):
    """The rows of each image of `found`, (N, rows, ...), in the order of those of `wanted`.

    A row that differs by more than `atol` of the image's largest number changes places with the
    nearest of the others that do.
    """
    if wanted.shape != found.shape or wanted.ndim < 2 or not (
            np.isfinite(wanted).all() and np.isfinite(found).all()):
        return found
    found = found.copy()
    for ours, theirs in zip(wanted, found):
        limit = atol * max(1, np.abs(ours).max(initial=0))
        rows, others = ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1).copy()
        places = np.flatnonzero((np.abs(rows - others) > limit).any(axis=1))
        left = places.tolist()
        for i in places:
            nearest = np.abs(others[left] - rows[i]).max(axis=1).argmin()
            theirs[i] = others[left.pop(nearest)].reshape(theirs[i].shape)
    return found


def _cosine(wanted, found):
    """The cosine between two outputs as vectors; 1 for two zeros."""
    wanted, found = [array.astype('float64').ravel() for array in (wanted, found)]
    length = np.linalg.norm(wanted) * np.linalg.norm(found)
    return float(wanted @ found / length) if length else 1.0


def milliseconds(engine, inputs, seconds=0.3, least=2):
    """Return the median time of the calls of `engine(inputs)` in `seconds`, of `least` or more."""
    engine(inputs)  # engines prepare for a new size in the first call
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        engine(inputs)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))
