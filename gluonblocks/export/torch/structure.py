"""A prediction graph as PyTorch's modules see it: its layers, the blocks they form, their names.

Only the graph is read and no shapes, so a net has the same names before it is initialized.
"""
import re
from collections import Counter
from typing import Dict, List, NamedTuple, Tuple

import numpy as np

from ...graphs.graph import Graph
from ...graphs.graph import Node as GraphNode
from ..operators.registry import attribute
from .blocks import Part, stages_of

# Operators with parameters: the layer's name, and its tensors in the order of the inputs.
KINDS: Dict[str, Tuple[str, Tuple[str, ...]]] = {op: (kind, ('weight', 'bias')) for op, kind in [
    ('Convolution', 'conv'), ('Deconvolution', 'deconv'), ('FullyConnected', 'fc'),
    ('InstanceNorm', 'norm'), ('LayerNorm', 'norm'), ('GroupNorm', 'norm'),
    ('LeakyReLU', 'prelu'), ('Embedding', 'embedding')]}
KINDS['BatchNorm'] = 'bn', ('weight', 'bias', 'running_mean', 'running_var')
KINDS['constant'] = 'constant', ('',)
# Operators that return a tuple in PyTorch, of which 'item' takes one.
TUPLES = ('SliceChannel', '_split_v2', 'topk')
# What PyTorch has a function for: three operators in a row, with the attributes that matter.
_FUSED = {
    'hardsigmoid': r'_plus_scalar 3(\.0)? clip 0(\.0)? 6(\.0)? _div_scalar 6(\.0)?',
    'channel_shuffle': r'Reshape \(0, -4, (?P<groups>\d+), -1, -2\) SwapAxis 1 2 '
                       r'Reshape \(0, -3, -2\)'}
_TOLD = ('scalar', 'a_min', 'a_max', 'shape', 'dim1', 'dim2')


class Node(NamedTuple):
    """An operator: its number in the graph from 1 on, the numbers of the nodes whose values it
    takes, and the names of the parameters that it takes.

    0 is the first input of the graph, -1 the second, and so on. Five operators are not MXNet's:
    'constant' returns a parameter, 'item' one of several outputs, and 'hardsigmoid', 'hardswish'
    and 'channel_shuffle' are made of several.
    """

    number: int
    op: str
    name: str
    attrs: Dict[str, str]
    inputs: List[int]
    params: List[str]

    @property
    def kind(self):
        """A word of `KINDS`, or None for an operator without parameters."""
        return KINDS[self.op][0] if self.params else None

    @property
    def roles(self):
        """PyTorch's name of each tensor of the layer -> the parameter's name here."""
        return dict(zip(KINDS[self.op][1], self.params)) if self.params else {}

    @property
    def fixed(self):
        """The tensors of a batch norm that training leaves as they are: 'weight', 'bias'."""
        return [role for role, name in [('weight', '__fixed_gamma__'), ('bias', '__fixed_beta__')]
                if name in self.attrs]

    def get(self, name, default=None):
        """The attribute `name`: a number, a tuple, a truth value or a word."""
        return attribute(self, name, default)


class Value(NamedTuple):
    """A value within a net."""

    shape: tuple  #: numbers, or 'N' for the batch and '4 * N' for four times the batch
    is_integer: bool


class Structure(NamedTuple):
    """The nodes of a graph in order, as parts, and each layer's name by its node's number."""

    nodes: List[Node]
    parts: List[Part]
    names: Dict[int, str]
    outputs: List[int]  #: the numbers of the values that the graph returns

    def tensors(self):
        """The names in PyTorch's state dict -> the parameters' names here."""
        return {('%s.%s' % (self.names[node.number], role)).rstrip('.'): param
                for node in self.nodes for role, param in node.roles.items()}


def read_structure(symbol, inputs=('data',)):
    """Return the `Structure` of `symbol`, a graph for prediction with the inputs of these names."""
    graph, nodes, numbers = Graph(symbol), [], {}
    _fuse(graph)

    def add(key, op, name, attrs, taken, params):
        numbers[key] = len(nodes) + 1
        nodes.append(Node(len(nodes) + 1, op, name, attrs, taken, params))
        return numbers[key]

    entries = graph.heads + [entry for node in graph.nodes for entry in node.inputs]
    several = {source for source, k, _ in entries if k or source.op in TUPLES}

    def number_of(entry):
        source, k = entry[:2]
        if source.op == 'null' and source.name in inputs:
            return -list(inputs).index(source.name)
        if source.op == 'amp_multicast':
            return number_of(source.inputs[k])
        if source.op == 'topk' and source.attrs.get('ret_typ', 'indices') == 'indices':
            k = 1  # of the two that PyTorch returns
        key = (source, k) if source in several else source
        if key not in numbers and source.op == 'null':
            add(key, 'constant', source.name, {}, [], [source.name])
        elif key not in numbers:
            add(key, 'item', source.name, {
                'index': str(k), 'output': str(entry[1]), 'of': source.op}, [numbers[source]], [])
        return numbers[key]
    for node in graph.nodes:
        if node.op in ('null', 'amp_multicast'):
            continue
        op, taken, weights = node.op, node.inputs, []
        if op in KINDS and (op != 'LeakyReLU' or len(taken) > 1):
            taken, weights = taken[:1], taken[1:]
        if any(source.op != 'null' or source.name in inputs for source, _, _ in weights):
            op, taken, weights = op + ' with computed weights', node.inputs, []
        add(node, op, node.name, node.attrs, [number_of(entry) for entry in taken],
            [source.name for source, _, _ in weights])
    outputs = [number_of(head) for head in graph.heads]
    parts = stages_of(nodes, outputs)
    names = layer_names([block[0] for part in parts if not part.stage for block in part.blocks])
    for part in parts:
        for i, block in enumerate(part.blocks if part.stage else []):
            prefix = '%s.%d' % (part.stage, i) if len(part.blocks) > 1 else part.stage
            names.update({number: '%s.%s' % (prefix, name)
                          for number, name in layer_names(block).items()})
    return Structure(nodes, parts, names, outputs)


def _fuse(graph):
    """Write what PyTorch has a function for as one node: `_FUSED`, and X * hardsigmoid(X)."""
    for node in graph.nodes:
        chain = [node]
        while len(chain) < 3 and chain[0].inputs and graph.is_only(chain[0], chain[0].inputs[:1]):
            chain.insert(0, chain[0].inputs[0][0])
        text = ' '.join(word for each in chain for word in [each.op] + [
            each.attrs[name] for name in _TOLD if name in each.attrs])
        for op, pattern in _FUSED.items():
            match = re.fullmatch(pattern, text)
            if match:
                graph.replace(node, GraphNode(op, node.name, chain[0].inputs,
                                              match.groupdict()).entry())
    for node in graph.nodes:
        if node.op in ('elemwise_mul', 'broadcast_mul'):
            X, gate = node.inputs
            if (gate[0].op == 'hardsigmoid' and gate[0].inputs == [X]
                    and graph.is_only(node, [gate])):
                graph.replace(node, GraphNode('hardswish', node.name, [X]).entry())


def layer_names(nodes):
    """Name the layers among `nodes` as attributes of one module: {number: name}."""
    layers = {tuple(node.params): node.kind for node in nodes if node.kind}
    counts: Counter = Counter()
    names = {}
    for params, kind in layers.items():
        counts[kind] += 1
        alone = kind == 'fc' and list(layers.values()).count('fc') == 1
        names[params] = 'fc' if alone else '%s%d' % (kind, counts[kind])
    return {node.number: names[tuple(node.params)] for node in nodes if node.kind}


def values_of(net, structure):
    """{number: `Value`} of a `NetDescription`'s structure, by batches of two and of three."""
    graph = Graph(net.symbol)
    found = {node.name: node for node in graph.nodes}
    graph.heads = [found[node.params[0] if node.kind == 'constant' else node.name].entry(
        int(node.attrs.get('output', 0))) for node in structure.nodes]
    symbol, dimensions, pair = graph.symbol(), net.dimensions(), []
    arrays = {name: net.params[name] for name in symbol.list_inputs() if name in net.params}
    for n in (2, 3):
        inputs = {name: tuple(n if side == 'N' else size for side, size in zip(
            dimensions[name], sides)) for name, sides in net.inputs.items()}
        _, shapes, _ = symbol.infer_shape_partial(**dict(
            {name: array.shape for name, array in arrays.items()}, **inputs))
        pair.append(list(inputs.values()) + shapes)
    _, types, _ = symbol.infer_type(**dict({name: array.dtype for name, array in arrays.items()},
                                           **dict.fromkeys(inputs, np.float32)))
    types = [np.float32] * len(inputs) + types
    numbers = list(range(0, -len(inputs), -1)) + [node.number for node in structure.nodes]
    return {number: Value(tuple(
        a if a == b else 'N' if a == 2 else '%d * N' % (a // 2) for a, b in zip(two, three)),
        np.dtype(dtype).kind in 'iu') for number, two, three, dtype in zip(numbers, *pair, types)}
