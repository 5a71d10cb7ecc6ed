"""A prediction graph as PyTorch's modules see it: which layers form a block, and what they are
called. Only the graph is asked, no shape: the same net gives the same names before any input."""
import json
import re
from typing import Any, Dict, List, NamedTuple

from mxnet.base import MXNetError

# Operators with parameters: what the layer is called, and its tensors in the order of the inputs.
_KINDS = {
    'Convolution': ('conv', ('weight', 'bias')),
    'FullyConnected': ('fc', ('weight', 'bias')),
    'BatchNorm': ('bn', ('weight', 'bias', 'running_mean', 'running_var')),
    'LeakyReLU': ('prelu', ('weight',)),
}
ADDITIONS = ('elemwise_add', 'broadcast_add', '_plus')
ACTIVATIONS = ('Activation', 'LeakyReLU', 'clip', 'relu', 'sigmoid', 'tanh')


class Node(NamedTuple):
    """An operator: what it is called, its attributes, the numbers of the nodes that it takes values
    from (0 is the image) and the names of the parameters that it takes."""

    number: int
    op: str
    name: str
    attrs: Dict[str, Any]
    inputs: List[int]
    params: List[str]

    @property
    def kind(self):
        """'conv', 'fc', 'bn', 'prelu', or None for an operator without parameters."""
        return _KINDS.get(self.op, (None,))[0] if self.params else None

    @property
    def roles(self):
        """PyTorch's name of each tensor of the layer -> the parameter that it is here."""
        return dict(zip(_KINDS[self.op][1], self.params)) if self.kind else {}

    @property
    def fixed_gamma(self):
        """Whether a batch norm's gamma is one, whatever is trained."""
        return self.op == 'BatchNorm' and bool(self.attrs.get('__fixed_gamma__'))


class Part(NamedTuple):
    """A piece of a net: layers that follow each other, or a stage of blocks, by the stage's name.

    Both are chains: each block, a list of nodes, takes one value and gives one.
    """

    stage: str  #: '' where the blocks are single layers of the net itself
    blocks: List[List[Node]]

    @property
    def last(self):
        """The number of the node whose value the part hands on."""
        return self.blocks[-1][-1].number


class Structure(NamedTuple):
    """The nodes of a graph in order, as parts, and the name of each layer, by its node's number."""

    nodes: List[Node]
    parts: List[Part]
    names: Dict[int, str]

    def tensors(self):
        """The names of a PyTorch state dict -> the parameters' names here."""
        return {'%s.%s' % (self.names[node.number], role): param
                for node in self.nodes for role, param in node.roles.items()}


def read_structure(symbol):
    """The `Structure` of `symbol`, a graph for prediction with the input 'data'.

    Raises ValueError where an operator's second output is used.
    """
    nodes = _read_nodes(symbol)
    parts = _parts(nodes)
    return Structure(nodes, parts, _names(parts))


def _read_nodes(symbol):
    nodes, numbers = [], {}
    graph = json.loads(symbol.tojson())
    for i, entry in enumerate(graph['nodes']):
        if entry['op'] == 'null':
            continue
        inputs, params = [], []
        for j, output, _ in entry['inputs']:
            source = graph['nodes'][j]
            if source['op'] != 'null':
                if output:
                    raise ValueError('%s takes output %d of %s, a %s; only the first is known here'
                                     % (entry['name'], output, source['name'], source['op']))
                inputs.append(numbers[j])
            elif source['name'] == 'data':
                inputs.append(0)
            else:
                params.append(source['name'])
        numbers[i] = len(nodes) + 1
        nodes.append(Node(len(nodes) + 1, entry['op'], entry['name'], entry.get('attrs') or {},
                          inputs, params))
    return nodes


def infer_shapes(symbol, shape):
    """The shape of each node's value, by its number, for images of `shape`, and 0 for the images.

    Raises ValueError where images of that shape do not fit.
    """
    internals = symbol.get_internals()
    try:
        _, shapes, _ = internals.infer_shape(data=shape)
    except MXNetError as error:
        raise ValueError('images of shape %s do not fit the net: %s' % (shape, error)) from error
    by_name = dict(zip(internals.list_outputs(), shapes))
    found = {node.number: by_name[node.name + '_output'] for node in _read_nodes(symbol)}
    found[0] = tuple(shape)
    return found


def _parts(nodes):
    """Cut the graph where one value alone is handed on: what lies between two cuts is a block."""
    params = [param for node in nodes for param in node.params]
    if len(set(params)) < len(params):  # a layer is used twice: it belongs to no single block
        return [Part('', [[node] for node in nodes])]
    last_use = {i: node.number for node in nodes for i in node.inputs}
    blocks, block, needed = [], [], last_use[0]
    for node in nodes:
        block.append(node)
        if needed <= node.number:  # nobody after this node takes a value from before it
            # The activation after a sum belongs to the residual block, as in the book.
            if (len(block) == 1 and node.op in ACTIVATIONS and blocks and len(blocks[-1]) > 1
                    and blocks[-1][-1].op in ADDITIONS):
                blocks[-1].append(node)
            else:
                blocks.append(block)
            block = []
        needed = max(needed, last_use.get(node.number, 0))
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
    """Whether a block makes the image smaller: there a new stage begins."""
    return any(int(stride) > 1 for node in block if node.attrs.get('global_pool') != 'True'
               for stride in re.findall(r'\d+', node.attrs.get('stride', '')))


def _names(parts):
    names = {}
    for part in parts:
        for i, block in enumerate(part.blocks if part.stage else []):
            names.update({number: '%s.%d.%s' % (part.stage, i, name)
                          for number, name in layer_names(block).items()})
    names.update(layer_names([block[0] for part in parts if not part.stage
                              for block in part.blocks]))
    return names


def layer_names(nodes):
    """What the layers among `nodes` are called as attributes of one module, by their numbers."""
    names, taken, counts = {}, {}, {}
    alone = len({tuple(node.params) for node in nodes if node.kind == 'fc'}) == 1
    for node in nodes:
        if node.kind is None:
            continue
        key = tuple(node.params)
        if key not in taken:
            counts[node.kind] = counts.get(node.kind, 0) + 1
            taken[key] = ('fc' if alone and node.kind == 'fc'
                          else '%s%d' % (node.kind, counts[node.kind]))
        names[node.number] = taken[key]
    return names
