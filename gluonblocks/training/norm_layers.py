"""Find the batch normalization layers of a net, and record their inputs and outputs."""
from typing import NamedTuple

import mxnet as mx
import numpy as np
from mxnet.gluon import nn

from ..graphs.graph import Graph
from ..models.summary import run_layers
from ..mxnet_private import children

BINS = 50
# The activations to look for, as operator names or as values of the `act_type` attribute of
# operators such as Activation.
_OPERATORS = ('relu', 'sigmoid', 'tanh')


class NormLayer(NamedTuple):
    """A batch normalization layer, either this package's or Gluon's.

    `name` is its path in the net, as in `save_parameters`: '1' is `net[1]`, '4.bn1' is
    `net[4].bn1`. `activation` is 'relu', 'sigmoid' or 'tanh' if the output of the layer goes only
    to that activation, otherwise ''.
    """

    name: str
    block: nn.BatchNorm
    activation: str


class Histogram(NamedTuple):
    """A histogram: int64 `counts` of shape (BINS,), and float64 `edges` of shape (BINS + 1,).

    The edges range from the 0.1 % to the 99.9 % quantile of the values; values outside this range
    are counted in the first or last bin. Infinities and NaN are not counted.
    """

    edges: np.ndarray
    counts: np.ndarray


class NormActivation(NamedTuple):
    """Histograms of the inputs and outputs of a batch normalization layer.

    `layer` is the name of the `NormLayer`. `before` is the histogram of its inputs, and `after` is
    the histogram of its outputs.
    """

    layer: str
    before: Histogram
    after: Histogram


def norm_layers(net):
    """Trace `net`; return its distinct `NormLayer` objects in the order of the net's children."""
    blocks = _collect(net, '', {})
    activations = _activations(net, blocks)
    return [NormLayer(name, block, activations.get(block, '')) for block, name in blocks.items()]


def norm_activations(net, X):
    """Run `net` on the batch X in inference mode; return a `NormActivation` per norm layer.

    X, of shape (N, C, H, W), is on the net's device. The returned list is in the order of the net's
    children. The histograms of a layer that is used several times cover all its uses; layers that
    are not used are omitted. The net's hybridization, graphs, hooks and statistics do not change.
    Exceptions that the net raises propagate.
    """
    blocks, seen = _collect(net, '', {}), {}

    def note(block, inputs, output):
        for values, array in zip(seen.setdefault(block, ([], [])), (inputs[0], output)):
            values.append(array.asnumpy().ravel())
    run_layers(net, X, [(block, note) for block in blocks])
    return [NormActivation(name, *map(histogram, seen[block]))
            for block, name in blocks.items() if block in seen]


def histogram(arrays):
    """Return the `Histogram` of all values in `arrays`, a list of NumPy arrays of shape (n,)."""
    # Use float64: rounding an edge to float32 could move values at this edge out of their bin.
    values = np.concatenate(arrays).astype('float64')
    values = values[np.isfinite(values)]
    if not values.size:
        return Histogram(np.linspace(0, 1, BINS + 1), np.zeros(BINS, 'int64'))
    low, high = (float(end) for end in np.quantile(values, (0.001, 0.999)))
    if not low < high:  # all values are equal: choose a width
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    counts, _ = np.histogram(np.clip(values, low, high), edges)
    return Histogram(edges, counts.astype('int64'))


def _collect(block, prefix, found):
    """Add {layer: name} to `found` for all batch norm layers in `block`; return `found`."""
    if isinstance(block, nn.BatchNorm):
        found.setdefault(block, prefix[:-1])
    for name, child in children(block).items():
        _collect(child, prefix + name + '.', found)
    return found


def _activations(net, blocks):
    """Return {block: the activation that follows it, or '' if none does} for `blocks`.

    A block that is followed by more than one kind of activation is omitted. If the net cannot be
    traced, the dict is empty.
    """
    layers, found = {}, {}

    def note(block, inputs, output):
        layers[output.name] = block
    try:
        graph = Graph(run_layers(net, mx.sym.var('data'), [(block, note) for block in blocks]))
    except Exception:  # any error of a block that does not accept symbols
        return {}
    for node in graph.nodes:
        if node.name in layers:
            found.setdefault(layers[node.name], set()).update(
                map(_activation_of, graph.users(node.entry())))
    return {layer: kinds.pop() for layer, kinds in found.items() if len(kinds) == 1}


def _activation_of(node):
    """Return the activation that `node` computes, or '' if it computes something else.

    `node` may be None, which `Graph.users` returns for an output of the graph.
    """
    kind = node and node.attrs.get('act_type', node.op)
    if kind in _OPERATORS:
        return kind
    # MobileNet's ReLU6 clips values to the range 0 to 6, so it counts as a ReLU.
    return 'relu' if kind == 'clip' and float(node.attrs['a_min']) == 0 else ''
