"""What batch normalization makes of one batch: each layer's input and output, as histograms."""
import contextlib
from typing import NamedTuple

import numpy as np
from mxnet import autograd

from ..mxnet_private import is_hybridized, set_hybridized
from .norm_layers import norm_layers

BINS = 50


class Histogram(NamedTuple):
    """`counts`, (BINS,) int64, of values between `edges`, (BINS + 1,) float64.

    The edges span all values but the smallest and largest thousandth, which are counted in the
    first and last bin. Infinities and what is no number are not counted.
    """

    edges: np.ndarray
    counts: np.ndarray


class NormActivation(NamedTuple):
    """What comes into a batch normalization layer, and what it gives.

    `layer` is its place in the net, as '4.bn1' for net[4].bn1; `before` and `after` are each a
    `Histogram`, of all numbers that come in and that go out.
    """

    layer: str
    before: Histogram
    after: Histogram


def norm_activations(net, X):
    """A `NormActivation` for each batch normalization layer of `net`, on the batch X, predicting.

    X is (N, C, H, W), on the device of the net; the layers are in the order of its children, one
    that is used several times stands for all its uses, and one that is not used is left out. `net`
    is initialized; it stays as it is, hybridized or not, with its graphs, hooks and statistics.
    What the net raises for such an X is passed on.
    """
    layers = norm_layers(net)
    seen, hooks = {}, []

    def note(block, inputs, output):
        for values, array in zip(seen.setdefault(block, ([], [])), (inputs[0], output)):
            values.append(array.asnumpy().astype('float32', copy=False).reshape(-1))
    try:
        hooks += [layer.block.register_forward_hook(note) for layer in layers]
        with _unhybridized(net), autograd.pause(train_mode=False):
            net(X)
    finally:
        for hook in hooks:
            hook.detach()
    return [NormActivation(layer.name, *(histogram(np.concatenate(values))
                                         for values in seen[layer.block]))
            for layer in layers if layer.block in seen]


def histogram(values):
    """The `Histogram` of `values`, an array of floats."""
    # In float64, for in float32 an end, rounded, would lie outside of its own bin.
    values = values[np.isfinite(values)].astype('float64')
    if not values.size:
        return Histogram(np.linspace(0, 1, BINS + 1), np.zeros(BINS, 'int64'))
    low, high = (float(end) for end in np.quantile(values, (0.001, 0.999)))
    if not low < high:  # all the same: a bin of some width around it
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    counts, _ = np.histogram(np.clip(values, low, high), edges)
    return Histogram(edges, counts.astype('int64'))


@contextlib.contextmanager
def _unhybridized(net):
    """Have the blocks of `net` run layer by layer; their graphs are kept, and used again after.

    `hybridize(False)` would drop them.
    """
    active = []
    net.apply(lambda block: active.append(block) if is_hybridized(block) else None)
    try:
        for block in active:
            set_hybridized(block, False)
        yield
    finally:
        for block in active:
            set_hybridized(block, True)
