"""Read the structure of an inference graph: its layers and blocks, and their names in PyTorch.

The names depend only on the graph, not on shapes, so initializing a net does not change them.
"""
import re
from collections import Counter
from typing import Dict, List, NamedTuple, Tuple

import numpy as np

from ...graphs.graph import Graph
from ...graphs.graph import Node as GraphNode
from ..operators.registry import attribute
from .blocks import Section, stages_of

# {operator with parameters: (kind of layer, names of its tensors in input order)}.
KINDS: Dict[str, Tuple[str, Tuple[str, ...]]] = {op: (kind, ('weight', 'bias')) for op, kind in [
    ('Convolution', 'conv'), ('Deconvolution', 'deconv'), ('FullyConnected', 'fc'),
    ('InstanceNorm', 'norm'), ('LayerNorm', 'norm'), ('GroupNorm', 'norm'),
    ('LeakyReLU', 'prelu'), ('Embedding', 'embedding')]}
KINDS['BatchNorm'] = 'bn', ('weight', 'bias', 'running_mean', 'running_var')
KINDS['constant'] = 'constant', ('',)
# Operators that return a tuple in PyTorch; the operator 'item' selects one element.
TUPLES = ('SliceChannel', '_split_v2', 'topk')
# {PyTorch function: regular expression for the sequence of operators that it replaces}.
_FUSED = {
    'hardsigmoid': r'_plus_scalar 3(\.0)? clip 0(\.0)? 6(\.0)? _div_scalar 6(\.0)?',
    'channel_shuffle': r'Reshape \(0, -4, (?P<groups>\d+), -1, -2\) SwapAxis 1 2 '
                       r'Reshape \(0, -3, -2\)'}
_FUSED_ATTRS = ('scalar', 'a_min', 'a_max', 'shape', 'dim1', 'dim2')  # that the patterns match


class Node(NamedTuple):
    """An operator, with the numbers of its input values and the names of its parameters.

    Nodes, and the values that they compute, are numbered from 1. Value 0 is the first input of the
    graph, -1 is the second input, and so on. Five operators do not exist in MXNet: 'constant'
    returns a parameter, 'item' returns one of several outputs, and 'hardsigmoid', 'hardswish' and
    'channel_shuffle' are fused operators.
    """

    number: int
    op: str
    name: str
    attrs: Dict[str, str]
    inputs: List[int]
    params: List[str]

    @property
    def kind(self):
        """The kind of layer, from `KINDS`, or None for an operator without parameters."""
        return KINDS[self.op][0] if self.params else None

    @property
    def roles(self):
        """A dict that maps the layer's tensor names in PyTorch to its parameter names in MXNet."""
        return dict(zip(KINDS[self.op][1], self.params)) if self.params else {}

    @property
    def fixed(self):
        """The parameters that a batch norm does not train: 'weight', 'bias', both or neither."""
        return [role for role, name in [('weight', '__fixed_gamma__'), ('bias', '__fixed_beta__')]
                if name in self.attrs]

    def get(self, name, default=None):
        """Return the attribute `name`: a number, a tuple, a bool or a string."""
        return attribute(self, name, default)


class Value(NamedTuple):
    """The shape of a value that a net computes, and whether it contains integers."""

    shape: tuple  #: integers, and 'N' or, for example, '4 * N' for multiples of the batch size
    is_integer: bool


class Structure(NamedTuple):
    """A graph: nodes in topological order, sections, layer names by node number, and outputs."""

    nodes: List[Node]
    sections: List[Section]
    names: Dict[int, str]
    outputs: List[int]  #: numbers of the values that the graph returns

    def tensors(self):
        """Return {name in PyTorch's state dict: MXNet's parameter name}."""
        return {('%s.%s' % (self.names[node.number], role)).rstrip('.'): param
                for node in self.nodes for role, param in node.roles.items()}


def read_structure(symbol, inputs=('data',)):
    """Return the `Structure` of `symbol`, an inference graph whose inputs are `inputs`."""
    graph, nodes, numbers = Graph(symbol), [], {}
    _fuse(graph)

    def add(key, op, name, attrs, sources, params):
        numbers[key] = len(nodes) + 1
        nodes.append(Node(len(nodes) + 1, op, name, attrs, sources, params))
        return numbers[key]

    entries = graph.heads + [entry for node in graph.nodes for entry in node.inputs]
    tuples = {source for source, k, _ in entries if k or source.op in TUPLES}

    def number_of(entry):
        source, k = entry[:2]
        if source.op == 'null' and source.name in inputs:
            return -list(inputs).index(source.name)
        if source.op == 'amp_multicast':
            return number_of(source.inputs[k])
        if source.op == 'topk' and source.attrs.get('ret_typ', 'indices') == 'indices':
            k = 1  # PyTorch returns (values, indices)
        key = (source, k) if source in tuples else source
        if key not in numbers and source.op == 'null':
            add(key, 'constant', source.name, {}, [], [source.name])
        elif key not in numbers:
            add(key, 'item', source.name, {
                'index': str(k), 'output': str(entry[1]), 'of': source.op}, [numbers[source]], [])
        return numbers[key]
    for node in graph.nodes:
        if node.op in ('null', 'amp_multicast'):
            continue
        op, data, weights = node.op, node.inputs, []
        if op in KINDS and (op != 'LeakyReLU' or len(data) > 1):
            data, weights = data[:1], data[1:]
        if any(source.op != 'null' or source.name in inputs for source, _, _ in weights):
            op, data, weights = op + ' with computed weights', node.inputs, []
        add(node, op, node.name, node.attrs, [number_of(entry) for entry in data],
            [source.name for source, _, _ in weights])
    outputs = [number_of(head) for head in graph.heads]
    sections = stages_of(nodes, outputs)
    names = layer_names([section.blocks[0][0] for section in sections if not section.stage])
    for stage, blocks in sections:
        for i, block in enumerate(blocks if stage else []):
            prefix = '%s.%d' % (stage, i) if len(blocks) > 1 else stage
            names.update({number: '%s.%s' % (prefix, name)
                          for number, name in layer_names(block).items()})
    return Structure(nodes, sections, names, outputs)


def _fuse(graph):
    """Replace the operator sequences in `_FUSED`, and X * hardsigmoid(X), with single nodes."""
    for node in graph.nodes:
        chain = [node]
        while len(chain) < 3 and chain[0].inputs and graph.is_only(chain[0], chain[0].inputs[:1]):
            chain.insert(0, chain[0].inputs[0][0])
        text = ' '.join(word for link in chain for word in [link.op] + [
            link.attrs[name] for name in _FUSED_ATTRS if name in link.attrs])
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
    """Return {node number: attribute name} for all layers among the `nodes` of one module."""
    layers = {tuple(node.params): node.kind for node in nodes if node.kind}
    counts: Counter = Counter()
    names = {}
    for params, kind in layers.items():
        counts[kind] += 1
        alone = kind == 'fc' and list(layers.values()).count('fc') == 1
        names[params] = 'fc' if alone else '%s%d' % (kind, counts[kind])
    return {node.number: names[tuple(node.params)] for node in nodes if node.kind}


def values_of(net, structure):
    """Return a dict that maps the number of each value (see `Node`) to its `Value`.

    To find the sizes that depend on the batch size, shapes are inferred for batches of 2 and of 3.
    """
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
