"""A prediction graph as PyTorch's modules see it: its layers, the blocks they form, their names.

Only the graph is read and no shapes, so a net has the same names before it is initialized."""
import ast
import re
from typing import Any, Dict, List, NamedTuple

from ...graphs.graph import Graph
from ...graphs.graph import Node as GraphNode

# Operators with parameters: what the layer is called, and its tensors in the order of the inputs.
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
ADDITIONS = ('elemwise_add', 'broadcast_add', '_plus')
# Operators that give a tuple in PyTorch, of which 'item' takes one.
TUPLES = ('SliceChannel', '_split_v2', 'topk')
ACTIVATIONS = ('hardsigmoid', 'hardswish', 'Activation', 'LeakyReLU', 'clip', 'relu', 'sigmoid',
               'tanh')


class Node(NamedTuple):
    """An operator: its number in the graph from 1 on, the numbers of the nodes whose values it
    takes, and the names of the parameters that it takes.

    0 is the first input of the graph, -1 the second, and so on. Four operators are not MXNet's:
    'constant' gives a parameter as a value, 'item' one value of a tuple, and 'hardsigmoid' and
    'hardswish' are made of several.
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
        return KINDS.get(self.op, (None,))[0] if self.params else None

    @property
    def roles(self):
        """PyTorch's name of each tensor of the layer -> the parameter's name here."""
        return dict(zip(KINDS[self.op][1], self.params)) if self.kind else {}

    @property
    def fixed(self):
        """The tensors of a batch norm that training leaves as they are: 'weight', 'bias'."""
        return [role for role, name in [('weight', '__fixed_gamma__'), ('bias', '__fixed_beta__')]
                if name in self.attrs]

    def get(self, name, default=None):
        """The attribute `name`: a number, a tuple, a truth value or a word."""
        try:
            return ast.literal_eval(self.attrs[name]) if name in self.attrs else default
        except (ValueError, SyntaxError):
            return self.attrs[name]


class Part(NamedTuple):
    """A stage of blocks, or single nodes in a row; `stage` is then ''.

    Each block is a list of nodes that takes one value and returns one.
    """

    stage: str
    blocks: List[List[Node]]


class Structure(NamedTuple):
    """The nodes of a graph in order, as parts, and each layer's name by its node's number."""

    nodes: List[Node]
    parts: List[Part]
    names: Dict[int, str]
    outputs: List[int]  #: the numbers of the values that the graph gives

    def tensors(self):
        """The names in PyTorch's state dict -> the parameters' names here."""
        return {('%s.%s' % (self.names[node.number], role)).rstrip('.'): param
                for node in self.nodes for role, param in node.roles.items()}


def read_structure(symbol, inputs=('data',)):
    """Return the `Structure` of `symbol`, a graph for prediction with the inputs of these names.

    Raises ValueError for a layer whose weights are computed.
    """
    graph, nodes, numbers = Graph(symbol), [], {}
    _fuse_hard(graph)

    def add(key, op, name, attrs, taken, params):
        numbers[key] = len(nodes) + 1
        nodes.append(Node(len(nodes) + 1, op, name, attrs, taken, params))
        return numbers[key]

    def number_of(entry):
        source, output = entry[:2]
        if source.op == 'null' and source.name in inputs:
            return -list(inputs).index(source.name)
        if output and source.op not in TUPLES:
            raise ValueError('output %d of %s, a %s, cannot be written in PyTorch; only the first '
                             'can' % (output, source.name, source.op))
        key = (source, output) if source.op in TUPLES else source
        if key in numbers:
            return numbers[key]
        if source.op == 'null':
            return add(key, 'constant', source.name, {}, [], [source.name])
        return add(key, 'item', source.name, {'index': str(output)}, [numbers[source]], [])
    for node in graph.nodes:
        if node.op == 'null':
            continue
        layer = node.op in KINDS and (node.op != 'LeakyReLU' or len(node.inputs) > 1)
        weights = node.inputs[1:] if layer else []
        if any(source.op != 'null' or source.name in inputs for source, _, _ in weights):
            raise ValueError('%s, a %s, has weights that are computed, which cannot be '
                                 'written in PyTorch' % (node.name, node.op))
        taken = [number_of(entry) for entry in (node.inputs[:1] if layer else node.inputs)]
        add(node, node.op, node.name, node.attrs, taken, [source.name for source, _, _ in weights])
    outputs = [number_of(head) for head in graph.heads]
    parts = _parts(nodes, outputs, len(inputs))
    names = layer_names([block[0] for part in parts if not part.stage for block in part.blocks])
    for part in parts:
        for i, block in enumerate(part.blocks if part.stage else []):
            names.update({number: '%s.%d.%s' % (part.stage, i, name)
                          for number, name in layer_names(block).items()})
    return Structure(nodes, parts, names, outputs)


def _fuse_hard(graph):
    """Write relu6(X + 3) / 6 as one node, 'hardsigmoid', and X times that as 'hardswish'."""
    for node in graph.nodes:
        clip = node.inputs[0][0] if node.inputs else node
        add = clip.inputs[0][0] if clip.inputs else clip
        if [_scalars(each) for each in (node, clip, add)] == [
                ('_div_scalar', 6), ('clip', 0, 6), ('_plus_scalar', 3)] and all(
                graph.is_only(user, [each.entry()]) for each, user in ((clip, node), (add, clip))):
            X = add.inputs[0]
            graph.replace(node, GraphNode('hardsigmoid', node.name, [X]).entry())
    for node in graph.nodes:
        if node.op in ('elemwise_mul', 'broadcast_mul'):
            X, gate = node.inputs
            if (gate[0].op == 'hardsigmoid' and gate[0].inputs == [X]
                    and graph.is_only(node, [gate])):
                graph.replace(node, GraphNode('hardswish', node.name, [X]).entry())


def _scalars(node):
    """An operator and its numbers: ('clip', 0.0, 6.0)."""
    return (node.op,) + tuple(float(node.attrs[name]) for name in ('scalar', 'a_min', 'a_max')
                              if name in node.attrs)


def _parts(nodes, outputs, num_inputs):
    """Cut the graph where only one value is handed on: the nodes between two cuts are a block."""
    params = [param for node in nodes for param in node.params]
    # A layer that is used twice belongs to no single block, and a second input to no first one.
    if len(set(params)) < len(params) or num_inputs > 1 or not nodes:
        return [Part('', [[node] for node in nodes])]
    last_use = {i: node.number for node in nodes for i in node.inputs}
    if outputs != [nodes[-1].number]:
        last_use.update((number, len(nodes) + 1) for number in outputs)
    blocks, block, needed = [], [], last_use.get(0, 0)
    for node in nodes:
        block.append(node)
        if needed <= node.number and node.number not in outputs[:-1]:
            # No later node takes a value from before this one.
            # The activation after a sum belongs to the residual block, as in the book.
            if (len(block) == 1 and node.op in ACTIVATIONS and blocks and len(blocks[-1]) > 1
                    and blocks[-1][-1].op in ADDITIONS):
                blocks[-1].append(node)
            else:
                blocks.append(block)
            block = []
        needed = max(needed, last_use.get(node.number, 0))
    blocks += [[node] for node in block]  # several outputs leave from here
    parts: List[Part] = []
    stages = 0
    for block in blocks:
        single = len(block) == 1
        if not parts or single == bool(parts[-1].stage) or (not single and _halves(block)):
            stages += not single
            parts.append(Part('' if single else 'stage%d' % stages, []))
        parts[-1].blocks.append(block)
    return parts


def _halves(block):
    """Return True if a block makes the image smaller: there a new stage begins."""
    return any(int(stride) > 1 for node in block if not node.get('global_pool')
               for stride in re.findall(r'\d+', node.attrs.get('stride', '')))


def layer_names(nodes):
    """Name the layers among `nodes` as attributes of one module: {number: name}."""
    names: Dict[int, str] = {}
    taken: Dict[Any, str] = {}
    alone = len({tuple(node.params) for node in nodes if node.kind == 'fc'}) == 1
    for node in nodes:
        if node.kind is None:
            continue
        key = tuple(node.params)
        if key not in taken:
            count = sum(name.startswith(node.kind) for name in taken.values()) + 1
            taken[key] = 'fc' if alone and node.kind == 'fc' else '%s%d' % (node.kind, count)
        names[node.number] = taken[key]
    return names
