"""The batch normalization layers of a net, and what stands behind each."""
from typing import NamedTuple

import mxnet as mx
from mxnet.gluon import nn

from ..graphs.graph import Graph
from ..mxnet_private import children

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


def norm_layers(net):
    """The `NormLayer`s of `net`, each once, in the order of its children; its graph is traced."""
    found = {}
    _collect(net, '', found)
    activations = _activations(net, found) if found else {}
    return [NormLayer(name, block, activations.get(block, '')) for block, name in found.items()]


def _collect(block, prefix, found):
    if isinstance(block, nn.BatchNorm):
        found.setdefault(block, prefix[:-1])
    for name, child in children(block).items():
        _collect(child, prefix + name + '.', found)


def _activations(net, layers):
    """Return a dict from each of `layers` to the activation behind it; {} without a graph."""
    outputs, hooks = {}, []

    def note(layer, inputs, output):
        outputs.setdefault(layer, output.name)
    try:
        hooks += [layer.register_forward_hook(note) for layer in layers]
        graph = Graph(net(mx.sym.var('data')))
    except Exception:  # whatever a block raises that takes no symbols
        return {}
    finally:
        for hook in hooks:
            hook.detach()
    users = {}
    for node in graph.nodes:
        for source, *_ in node.inputs:
            users.setdefault(source.name, set()).add(_activation_of(node))
    found = {layer: users.get(name, {''}) for layer, name in outputs.items()}
    return {layer: kinds.pop() for layer, kinds in found.items() if len(kinds) == 1}


def _activation_of(node):
    if node.op in _OPERATORS:
        return node.op
    if node.op == 'Activation' and node.attrs['act_type'] in _OPERATORS:
        return node.attrs['act_type']
    # MobileNet's ReLU6 is a clip from 0 to 6.
    return 'relu' if node.op == 'clip' and float(node.attrs['a_min']) == 0 else ''
