"""A prediction graph as PyTorch's modules see it: its layers, the blocks they form, their names.

Only the graph is read and no shapes, so a net has the same names before it is initialized.
"""
import re
from collections import Counter
from typing import Any, Dict, List, NamedTuple

from ...graphs.graph import Graph
from ...graphs.graph import Node as GraphNode
from ..operators.registry import attribute
from .blocks import Part, stages_of

# Operators with parameters: the layer's name, and its tensors in the order of the inputs.
KINDS = {
    'Convolution': ('conv', ('weight', 'bias')),
    'FullyConnected': ('fc', ('weight', 'bias')),
    'BatchNorm': ('bn', ('weight', 'bias', 'running_mean', 'running_var')),
    'LeakyReLU': ('prelu', ('weight',)),
    'Deconvolution': ('deconv', ('weight', 'bias')),
    'InstanceNorm': ('norm', ('weight', 'bias')),
    'LayerNorm': ('norm', ('weight', 'bias')),
    'GroupNorm': ('norm', ('weight', 'bias')),
    'Embedding': ('embedding', ('weight',)),
    'constant': ('constant', ('',)),
}
# Operators that return a tuple in PyTorch, of which 'item' takes one.
TUPLES = ('SliceChannel', '_split_v2', 'topk')
# Operators that take the shape of their second input and none of its values.
_LIKE = ('slice_like', 'broadcast_like', 'reshape_like', 'Crop')


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
    """Write what PyTorch has a function for as one node.

    relu6(X + 3) / 6 becomes 'hardsigmoid', X times that 'hardswish', and a division of the channels
    into groups that are then transposed 'channel_shuffle'.
    """
    for node in graph.nodes:
        chain, numbers = _chain(graph, node, '_plus_scalar', 'clip', '_div_scalar')
        if chain and [float(number) for number in numbers] == [3, 0, 6, 6]:
            graph.replace(node, GraphNode('hardsigmoid', node.name, chain[0].inputs).entry())
        chain, numbers = _chain(graph, node, 'Reshape', 'SwapAxis', 'Reshape')
        groups = chain and re.match(r'\(0, -4, (\d+), -1, -2\)$', str(numbers[0]))
        if groups and numbers[1:] == ['1', '2', '(0, -3, -2)']:
            graph.replace(node, GraphNode('channel_shuffle', node.name, chain[0].inputs,
                                          {'groups': groups.group(1)}).entry())
    for node in graph.nodes:
        if node.op in ('elemwise_mul', 'broadcast_mul'):
            X, gate = node.inputs
            if (gate[0].op == 'hardsigmoid' and gate[0].inputs == [X]
                    and graph.is_only(node, [gate])):
                graph.replace(node, GraphNode('hardswish', node.name, [X]).entry())
        # GluonCV multiplies by 0 what only gives a shape.
        while node.op in _LIKE and node.inputs[1:] and node.inputs[1][0].op == '_mul_scalar':
            node.inputs[1] = node.inputs[1][0].inputs[0]


def _chain(graph, node, *operators):
    """(nodes, attributes) if `node` is the last of a chain of `operators`, else ([], []).

    No other node takes a value between them. The attributes are those that tell what they compute.
    """
    chain = [node]
    while len(chain) < len(operators) and chain[0].inputs and graph.is_only(
            chain[0], chain[0].inputs[:1]):
        chain.insert(0, chain[0].inputs[0][0])
    if tuple(each.op for each in chain) != operators:
        return [], []
    return chain, [each.attrs[name] for each in chain for name in (
        'scalar', 'a_min', 'a_max', 'shape', 'dim1', 'dim2') if name in each.attrs]


def layer_names(nodes):
    """Name the layers among `nodes` as attributes of one module: {number: name}."""
    names: Dict[int, str] = {}
    taken: Dict[Any, str] = {}
    counts: Counter = Counter()
    alone = len({tuple(node.params) for node in nodes if node.kind == 'fc'}) == 1
    for node in nodes:
        key = tuple(node.params)
        if node.kind and key not in taken:
            counts[node.kind] += 1
            taken[key] = 'fc' if alone and node.kind == 'fc' else '%s%d' % (
                node.kind, counts[node.kind])
        if node.kind:
            names[node.number] = taken[key]
    return names
