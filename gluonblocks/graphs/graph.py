"""A traced graph, for the passes to search and modify. Only this module handles MXNet's JSON."""
import ast
import json
from typing import Any, Dict, List, Tuple

import mxnet as mx

CASTS = ('Cast', 'amp_cast', 'amp_multicast')


class Node:
    """A node: `op` ('null' for an input of the graph), `name`, `attrs` as text, and `inputs`.

    `inputs` is a list of entries (node, output, version): `output` is the index of an output of the
    node, and `version` is the number of earlier writes to that output. `rest` contains the other
    JSON fields, such as the subgraphs of a loop.
    """

    __slots__ = ('op', 'name', 'attrs', 'inputs', 'rest')

    def __init__(self, op, name, inputs=(), attrs=(), rest=()):
        self.op, self.name, self.inputs = op, name, list(inputs)
        self.attrs = {key: str(value) for key, value in dict(attrs).items()}
        self.rest = dict(rest)

    def entry(self, output=0):
        return (self, output, 0)

    def sides(self, name, default=()):
        """Return the attribute `name` as a tuple, such as (3, 3)."""
        return tuple(ast.literal_eval(self.attrs.get(name, '()'))) or default

    def pair(self, name, default=()):
        """Return the attribute `name` in the format that our operators expect, such as '3x3'."""
        return '%dx%d' % self.sides(name, default)

    def flag(self, name, default=False):
        """Return the attribute `name` as a bool."""
        return self.attrs.get(name, str(default)) in ('True', '1')


Entry = Tuple[Node, int, int]


class Graph:
    """The graph of `symbol`, with the information that the passes need.

    `training` is True if the graph will run in training mode. `operators` is True if it may use our
    C++ operators. `requests` maps the names of the parameters that these operators may use
    to their `grad_req`. `shapes` contains the shapes of the other inputs, such as
    data=(N, C, H, W). `heads` lists the entries that the graph returns.
    """

    def __init__(self, symbol, training=False, operators=False, requests=(), **shapes):
        self.training, self.operators, self.requests = training, operators, dict(requests)
        self.data = set(shapes)  # the names of the inputs that are not parameters
        # New inputs that are slices of parameters: name -> (the parameter's name, begin, end).
        self.slices: Dict[str, Tuple[str, int, int]] = {}
        graph = json.loads(symbol.tojson(remove_amp_cast=False))
        self._attrs = graph['attrs']  # contains MXNet's version, which MXNet needs to read the JSON
        nodes: List[Node] = []
        for fields in graph['nodes']:
            rest = dict(fields)
            op, name, inputs, attrs = (rest.pop('op'), rest.pop('name'), rest.pop('inputs'),
                                       rest.pop('attrs', {}))
            nodes.append(Node(op, name, [(nodes[i], k, version) for i, k, version in inputs],
                              attrs, rest))
        self.heads: List[Entry] = [(nodes[i], k, version) for i, k, version in graph['heads']]
        # If the net contains casts, disable our operators: they need float32, and a pass cannot
        # tell which values are float32.
        self.operators &= not any(node.op in CASTS for node in nodes)
        self._users: Any = None  # computed on demand, and again after a change
        self._shapes: Dict[Any, Tuple[int, ...]] = {}
        if shapes:
            self._infer_shapes(graph, nodes, shapes)

    def _infer_shapes(self, graph, nodes, shapes):
        used = {(i, k) for node in graph['nodes'] for i, k, _ in node['inputs']}
        entries = sorted(used | {(i, k) for i, k, _ in graph['heads']})
        symbol = mx.sym.load_json(json.dumps(dict(graph, heads=[[i, k, 0] for i, k in entries])))
        _, found, _ = symbol.infer_shape_partial(**shapes)
        for (i, k), shape in zip(entries, found):
            if shape and all(size > 0 for size in shape):
                self._shapes[nodes[i], k] = tuple(shape)

    def shape(self, entry):
        """Return the shape of an entry, or () if it is unknown."""
        return self._shapes.get(entry[:2], ())

    def input(self, name):
        """Return the input node named `name`."""
        return next(node for node in self.nodes if node.op == 'null' and node.name == name)

    @property
    def nodes(self):
        """All nodes on which the outputs of the graph (`heads`) depend, in topological order."""
        order: Dict[Node, None] = {}
        stack = [(node, False) for node, _, _ in reversed(self.heads)]
        while stack:
            node, ready = stack.pop()
            if node in order:
                continue
            if ready:
                order[node] = None
            else:
                stack.append((node, True))
                stack.extend((source, False) for source, _, _ in reversed(node.inputs))
        return list(order)

    def users(self, entry):
        """Return the nodes that use `entry`; a node that uses it twice is listed twice.

        If the entry is also an output of the graph, the list contains None.
        """
        if self._users is None:
            self._users = {}
            for node in self.nodes:
                for source, k, _ in node.inputs:
                    self._users.setdefault((source, k), []).append(node)
            for node, k, _ in self.heads:
                self._users.setdefault((node, k), []).append(None)
        return self._users.get(entry[:2], [])

    def next(self, node, op):
        """Return the only user of `node`'s output if the user's operator is `op`, else None."""
        users = self.users(node.entry())
        return users[0] if len(users) == 1 and users[0] and users[0].op == op else None

    def is_only(self, node, entries):
        """Return True if `node` is the only user of each of `entries`, and if each backward pass
        overwrites their gradients instead of adding to them."""
        return all(self.users(entry) == [node] and self.requests.get(entry[0].name) != 'add'
                   for entry in entries)

    def replace(self, old, new):
        """Replace the output of the node `old` with the entry `new`, which has the same shape."""
        self._users = None
        if old.entry()[:2] in self._shapes:
            self._shapes[new[:2]] = self.shape(old.entry())
        for node in self.nodes:
            if node is not new[0]:
                node.inputs = [new if entry[:2] == (old, 0) else entry for entry in node.inputs]
        self.heads = [new if entry[:2] == (old, 0) else entry for entry in self.heads]

    def owns(self, node, entries, grad_req='write'):
        """Return True if `entries` are parameters with this `grad_req` that only `node` uses."""
        return self.is_only(node, entries) and all(
            source.op == 'null' and self.requests.get(source.name) == grad_req
            for source, _, _ in entries)

    def symbol(self):
        """Return the graph as an MXNet symbol."""
        nodes = self.nodes
        number = {node: i for i, node in enumerate(nodes)}

        def numbered(entries):
            return [[number[node], k, version] for node, k, version in entries]
        return mx.sym.load_json(json.dumps({
            'nodes': [dict(node.rest, op=node.op, name=node.name, attrs=node.attrs,
                           inputs=numbered(node.inputs)) for node in nodes],
            'arg_nodes': [i for i, node in enumerate(nodes) if node.op == 'null'],
            'heads': numbered(self.heads), 'attrs': self._attrs}))


def is_plain_convolution(node):
    """Return True for a convolution of images, (N, C, H, W), without dilation or groups."""
    return (node.op == 'Convolution' and len(node.sides('kernel')) == 2
            and node.attrs.get('layout', 'None') in ('None', 'NCHW')
            and node.sides('dilate', (1, 1)) == (1, 1)
            and node.attrs.get('num_group', '1') == '1')


def is_plain_norm(node):
    """Return True for a BatchNorm over axis 1 that uses gamma and trains with batch statistics."""
    return (node.op == 'BatchNorm' and not node.flag('use_global_stats')
            and not node.flag('fix_gamma', True) and not node.flag('output_mean_var')
            and node.attrs.get('axis', '1') == '1')


def operator(op, inputs, outputs=1, **attrs):
    """Return a symbol that applies our C++ operator `op` to variables named in `inputs`."""
    graph = Graph(mx.sym.var(inputs[0]))
    (first,) = graph.nodes
    node = Node(op, op.strip('_'), [first.entry()] + [Node('null', name).entry()
                                                      for name in inputs[1:]], attrs)
    graph.heads = [node.entry(k) for k in range(outputs)]
    return graph.symbol()
