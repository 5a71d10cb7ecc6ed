"""Compare the outputs of an exported file with those of its net on every image.

An engine is a function that runs a net: it takes the inputs, a tuple of NumPy arrays, and returns
the outputs, a list of NumPy arrays.
"""
import functools
import time
from typing import NamedTuple, Optional

import mxnet as mx
import numpy as np

from .checkpoints.params import leave_memory
from .graph import flat


class VerificationError(ValueError):
    """Raised if the outputs of an exported file differ too much from those of the net."""


class Verified(NamedTuple):
    """The result of comparing an exported file with its net."""

    images: int  #: number of images, without the extra batches
    accuracy_here: Optional[float]  #: accuracy of the net in MXNet; None without labels
    accuracy_there: Optional[float]  #: accuracy of the file; None without labels
    largest_difference: float  #: relative to max(1, the largest absolute output of the image)
    agreement: float  #: fraction of images with the same class, or smallest cosine similarity

    @property
    def drop(self):
        """The drop in accuracy (without labels: in agreement with MXNet), in percentage points."""
        there = self.agreement if self.accuracy_here is None else self.accuracy_there
        return 100 * ((1.0 if self.accuracy_here is None else self.accuracy_here) - there)


def mxnet_engine(net, ctx, labels=()):
    """Return an engine that runs the Gluon block `net` in inference mode on the device `ctx`.

    `labels` lists (position, shape) for each input that only losses use. These inputs are set to 0.
    """
    def run(inputs):
        arrays = list(inputs)
        for i, sides in labels:
            arrays.insert(i, np.zeros((len(inputs[0]),) + sides[1:]))
        outputs = flat(net(*[mx.nd.array(X, ctx=ctx) for X in arrays]))
        return [output.asnumpy() for output in outputs]
    return run


def symbol_engine(symbol, params, names):
    """Return an engine that runs `symbol` on the CPU; labels (inputs not in `names`) are zeros."""
    weights = {name: mx.nd.array(array, dtype=array.dtype) for name, array in params.items()}
    leave_memory(params.values())
    # Without BlockGrad, MXNet refuses operators that have no gradient, such as argmax_channel.
    operation = mx.nd.CachedOp(mx.sym.Group([mx.sym.BlockGrad(output) for output in symbol]),
                               [('static_alloc', True), ('static_shape', True)])

    @functools.lru_cache(maxsize=None)
    def labels(*shapes):
        found, _, _ = symbol.infer_shape(
            **{name: array.shape for name, array in weights.items()}, **dict(zip(names, shapes)))
        return {name: mx.nd.zeros(sides) for name, sides in zip(symbol.list_arguments(), found)
                if name not in weights and name not in names}

    def run(inputs):
        arrays = dict(weights, **{name: mx.nd.array(X) for name, X in zip(names, inputs)},
                      **labels(*[X.shape for X in inputs]))
        outputs = operation(*[arrays[name] for name in symbol.list_inputs()])
        return [output.asnumpy() for output in (
            outputs if isinstance(outputs, list) else [outputs])]
    return run


def outputs_of(engine, images):
    """Return a list with the outputs of `engine` for each batch of `images.all_batches()`."""
    return [engine(batch.inputs) for batch in _with_progress(images, 'MXNet')]


def logits_of(outputs, images):
    """Return the logits of all images, (n, classes), omitting the extra batches at the start."""
    return np.concatenate([found[0] for found in outputs[images.num_probes:]])


def accuracy_of(logits, labels):
    """Return the fraction of correct predictions, or None if there are no labels."""
    return None if labels is None else float((logits.argmax(axis=1) == labels).mean())


def verify(name, here, written, images, atol=1e-4, max_drop=1.0, classes=True, sorts=False):
    """Run an exported file, a `Written`, on all `images`; return the comparison as a `Verified`.

    `here` contains the outputs of the net, from `outputs_of`. For each output value a of the net
    and b of the file, ``|a - b| <= atol * max(1, A)`` must hold, where A is the largest finite
    ``|a|`` for the image. A file that is not `exact`, such as an 8-bit one, may instead lose up to
    `max_drop` percentage points of accuracy, but all values must be finite. `name` is the format's
    name, for messages. If `classes` is true, the agreement is the fraction of images for which the
    file and the net predict the same class; otherwise, it is the smallest cosine similarity of
    their outputs. `sorts` is true if the net sorts rows by score; then rows may be swapped, because
    rounding can change the order of nearly equal scores.

    Raises VerificationError if a limit is exceeded, a shape differs or a value is not finite.
    """
    there, largest, cosines, first = [], 0.0, [1.0], 0
    for i, (batch, wanted) in enumerate(zip(_with_progress(images, name, len(here)), here)):
        first = 0 if i == images.num_probes else first
        try:
            found = [np.asarray(output) for output in written.engine(written.inputs_of(batch))]
        except Exception as error:  # each engine raises its own exception classes
            raise VerificationError('%s: the file cannot be run with batch size %d: %s'
                                    % (name, len(batch.X), error)) from error
        if len(found) != len(wanted):
            raise VerificationError('%s: expected %d outputs from the file, got %d'
                                    % (name, len(wanted), len(found)))
        if sorts:
            found = [_reordered(ours, theirs, atol) for ours, theirs in zip(wanted, found)]
        for k, (ours, theirs) in enumerate(zip(wanted, found)):
            where = '%s: output %d for a batch of %d starting at image %d' % (
                name, k, len(batch.X), first)
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
    # Allow for rounding errors, so that a drop of exactly `max_drop` passes.
    if not written.exact and verified.drop > max_drop + 1e-9:
        change = (('agreement', 1.0, verified.agreement) if labels is None else
                  ('accuracy', verified.accuracy_here, verified.accuracy_there))
        raise VerificationError('%s: the %s drops from %.4f to %.4f, by %.2f percentage points; at '
                                'most %g are allowed'
                                % ((name,) + change + (verified.drop, max_drop)))
    return verified


def _with_progress(images, name, total=None):
    """Iterate over the batches of `images`, with a progress bar if stderr is a terminal."""
    from tqdm import tqdm
    return tqdm(images.all_batches(), desc='verifying %s' % name, unit=' batches', total=total,
                leave=False, disable=None)


def _difference(where, wanted, found, atol):
    """Return an output's `largest_difference`; raise if it exceeds `atol` (None: no limit)."""
    if found.shape != wanted.shape:
        raise VerificationError('%s: expected shape %s, got %s'
                                % (where, wanted.shape, found.shape))
    finite = [np.isfinite(array).all() for array in (wanted, found)]
    if not all(finite) and (finite[0] or atol is None):
        raise VerificationError('%s: expected finite values, got NaN or infinity' % where)
    if not wanted.size:
        return 0.0
    rows = (len(wanted), -1) if wanted.ndim > 1 else (1, -1)
    wanted, found = [array.astype('float64').reshape(rows) for array in (wanted, found)]
    scale = np.abs(wanted).max(axis=1, keepdims=True, initial=1, where=np.isfinite(wanted))
    with np.errstate(invalid='ignore'):  # inf - inf is NaN
        off = np.where(wanted == found, 0, np.abs(wanted - found) / scale)
    if atol is not None and not off.max() <= atol:
        raise VerificationError(
            "%s: row %d differs from the net's output by %.3g, relative to max(1, the row's "
            'largest absolute value); at most %g is allowed'
            % (where, np.argmax(off.max(axis=1)), off.max(), atol))
    return float(off.max())


def _reordered(wanted, found, atol):
    """Return `found`, of shape (N, rows, ...), with each image's rows reordered to match `wanted`.

    Rows that differ from `wanted` by at most `atol` * max(1, the image's largest absolute value)
    stay in place. Each of the other positions gets the nearest of the remaining rows.
    """
    if wanted.shape != found.shape or wanted.ndim < 2 or not (
            np.isfinite(wanted).all() and np.isfinite(found).all()):
        return found
    found = found.copy()
    for ours, theirs in zip(wanted, found):
        limit = atol * max(1, np.abs(ours).max(initial=0))
        rows, others = ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1).copy()
        different = np.flatnonzero((np.abs(rows - others) > limit).any(axis=1))
        left = different.tolist()
        for i in different:
            nearest = np.abs(others[left] - rows[i]).max(axis=1).argmin()
            theirs[i] = others[left.pop(nearest)].reshape(theirs[i].shape)
    return found


def _cosine(wanted, found):
    """Return the cosine similarity of two outputs' finite values; 1 if `wanted` is all zeros."""
    finite = np.isfinite(wanted) & np.isfinite(found)
    wanted, found = [array[finite].astype('float64') for array in (wanted, found)]
    length = np.linalg.norm(wanted) * np.linalg.norm(found)
    return float(wanted @ found / length) if length else float(not wanted.any())


def milliseconds(engine, inputs, seconds=0.3, least=2):
    """Return the median time that `engine(inputs)` takes, in milliseconds.

    The engine is called at least `least` times and for at least `seconds` seconds.
    """
    engine(inputs)  # warm-up, because engines prepare for a new shape in the first call
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        engine(inputs)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))
