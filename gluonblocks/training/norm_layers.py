"""The batch normalization layers of a net: what follows each, and what a batch makes of them."""
from typing import NamedTuple

import mxnet as mx
import numpy as np
from mxnet.gluon import nn

from ..graphs.graph import Graph
from ..models.summary import run_layers
from ..mxnet_private import children

BINS = 50
# Operators that are an activation by themselves; the others have it as an attribute.
_OPERATORS = ('relu', 'sigmoid', 'tanh')


class NormLayer(NamedTuple):
    """A batch normalization layer: ours or Gluon's own.

    `name` is its place within the net, as in `save_parameters`: '1' is `net[1]`, '4.bn1' is
    `net[4].bn1`. `activation` is 'relu', 'sigmoid' or 'tanh' where nothing but that is made of its
    output, else ''.
    """

    name: str
    block: nn.BatchNorm
    activation: str


class Histogram(NamedTuple):
    """`counts`, (BINS,) int64, of values between `edges`, (BINS + 1,) float64.

    The edges span all values but the smallest and largest thousandth, which are counted in the
    first and last bin. Infinities and NaN are not counted.
    """

    edges: np.ndarray
    counts: np.ndarray


class NormActivation(NamedTuple):
    """The values that enter a batch normalization layer, and those that leave it.

    `layer` is its name, as in `NormLayer`; `before` and `after` are each a `Histogram`.
    """

    layer: str
    before: Histogram
    after: Histogram


def norm_layers(net):
    """The `NormLayer`s of `net`, each once, in the order of its children; its graph is traced."""
    blocks = _collect(net, '', {})
    activations = _activations(net, blocks)
    return [NormLayer(name, block, activations.get(block, '')) for block, name in blocks.items()]


def norm_activations(net, X):
    """A `NormActivation` for each batch normalization layer of `net`, on the batch X, predicting.

    X is (N, C, H, W), on the device of the net; the layers are in the order of its children. One
    that is used several times has all its uses counted, and one that is not used is left out. The
    net stays as it is, hybridized or not, with its graphs, hooks and statistics. What it raises for
    such an X is passed on.
    """
    blocks, seen = _collect(net, '', {}), {}

    def note(block, inputs, output):
        for values, array in zip(seen.setdefault(block, ([], [])), (inputs[0], output)):
            values.append(array.asnumpy().ravel())
    run_layers(net, X, [(block, note) for block in blocks])
    return [NormActivation(name, *map(histogram, seen[block]))
            for block, name in blocks.items() if block in seen]


def histogram(arrays):
    """The `Histogram` of the values in `arrays`, each (n,)."""
    # In float64, for in float32 an end, rounded, would lie outside of its own bin.
    values = np.concatenate(arrays).astype('float64')
    values = values[np.isfinite(values)]
    if not values.size:
        return Histogram(np.linspace(0, 1, BINS + 1), np.zeros(BINS, 'int64'))
    low, high = (float(end) for end in np.quantile(values, (0.001, 0.999)))
    if not low < high:  # all the same: a bin of some width around it
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    counts, _ = np.histogram(np.clip(values, low, high), edges)
    return Histogram(edges, counts.astype('int64'))


def _collect(block, prefix, found):
    """Add the batch normalization layers within `block` to `found`, by name, and return it."""
    if isinstance(block, nn.BatchNorm):
        found.setdefault(block, prefix[:-1])
    for name, child in children(block).items():
        _collect(child, prefix + name + '.', found)
    return found


def _activations(net, blocks):
    """Return a dict from each of `blocks` to the activation behind it; {} without a graph."""
    layers, found = {}, {}

    def note(block, inputs, output):
        layers[output.name] = block
    try:
        graph = Graph(run_layers(net, mx.sym.var('data'), [(block, note) for block in blocks]))
    except Exception:  # whatever a block raises that takes no symbols
        return {}
    for node in graph.nodes:
        if node.name in layers:
            found.setdefault(layers[node.name], set()).update(
                map(_activation_of, graph.users(node.entry())))
    return {layer: kinds.pop() for layer, kinds in found.items() if len(kinds) == 1}


def _activation_of(node):
    """Return the activation that a node is, or ''. None stands for an output of the graph."""
    kind = node and node.attrs.get('act_type', node.op)
    if kind in _OPERATORS:
        return kind
    # MobileNet's ReLU6 is a clip from 0 to 6.
    return 'relu' if kind == 'clip' and float(node.attrs['a_min']) == 0 else ''
