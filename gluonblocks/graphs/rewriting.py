"""A traced graph to look through, and to put other nodes in the place of some."""
import ast
import json

import mxnet as mx

OURS = '_gluonblocks_'  # what our operators' names begin with
_OF_NEW = 'new'  # in the place of an entry's version


def entry_of(number, output=0):
    """The entry of a node that is new: the `number`th of those that `Graph.replace` is given."""
    return [number, output, _OF_NEW]


def operator(name, inputs, outputs=1, **attrs):
    """The symbol of one of our operators; its inputs are variables of the names `inputs`."""
    nodes = [{'op': 'null', 'name': var, 'inputs': []} for var in inputs]
    nodes.append({'op': OURS + name, 'name': name,
                  'attrs': {key: str(value) for key, value in attrs.items()},
                  'inputs': [[i, 0, 0] for i in range(len(inputs))]})
    return mx.sym.load_json(json.dumps({
        'nodes': nodes, 'arg_nodes': list(range(len(inputs))),
        'heads': [[len(inputs), k, 0] for k in range(outputs)],
        'attrs': json.loads(mx.sym.var('x').tojson())['attrs']}))


def are_requested(request, graph, entries, requests):
    """Whether `entries` are parameters whose gradients are asked for by `request`, a grad_req."""
    return all(graph.nodes[i]['op'] == 'null' and requests.get(graph.nodes[i]['name']) == request
               for i, _, _ in entries)


def tuple_of(node, name, default=()):
    """The attribute `name` of a node, as (3, 3)."""
    return ast.literal_eval(node['attrs'].get(name, '()')) or default


def pair(node, name, default=()):
    """The same for our operators, as '3x3'."""
    return '%dx%d' % tuple_of(node, name, default)


def is_plain_convolution(node):
    """Whether a node is a convolution of images, (N, C, H, W), by whole kernels of one group."""
    return (node['op'] == 'Convolution' and len(tuple_of(node, 'kernel')) == 2
            and node['attrs'].get('layout', 'None') in ('None', 'NCHW')
            and tuple_of(node, 'dilate', (1, 1)) == (1, 1)
            and node['attrs'].get('num_group', '1') == '1')


def is_plain_norm(node):
    """Whether a node is an `nn.BatchNorm` of channels, by the batch, whose gamma learns."""
    attrs = node.get('attrs', {})

    def on(name, default):
        return attrs.get(name, default) in ('True', '1')
    return (node['op'] == 'BatchNorm' and not on('use_global_stats', 'False')
            and not on('fix_gamma', 'True') and not on('output_mean_var', 'False')
            and attrs.get('axis', '1') == '1')


class Graph:
    """The `nodes` of a graph by their numbers, who uses each, and what is put in the place of some.

    An entry is an output of a node: [the node's number, which output, MXNet's version of it].
    """

    def __init__(self, symbol):
        graph = json.loads(symbol.tojson())
        self._graph, self.nodes = graph, graph['nodes']
        self.users = {}  # (node, its output) -> the numbers of the nodes that take it
        for i, node in enumerate(self.nodes):
            for j, k, _ in node['inputs']:
                self.users.setdefault((j, k), []).append(i)
        self.heads = {(i, k) for i, k, _ in graph['heads']}
        self._gone, self._new = set(), {}

    def only_user(self, entry, among=None):
        """The number of the only node that takes `entry`, or None; `among` counts as one node."""
        entry = tuple(entry[:2])
        users = self.users.get(entry, [])
        alone = len(users) == 1 or among and set(users) <= among
        return users[0] if alone and entry not in self.heads else None

    def next(self, i, op):
        """The number of the node of kind `op` that alone takes what node `i` gives, or None."""
        user = self.only_user((i, 0))
        return user if user is not None and self.nodes[user]['op'] == op else None

    def sizes(self, entries, shapes):
        """{(node, output): shape} of the entries whose shape is known whole."""
        if not entries:
            return {}
        part = dict(self._graph, heads=entries)
        _, found, _ = mx.sym.load_json(json.dumps(part)).infer_shape_partial(**shapes)
        return {tuple(entry[:2]): shape for entry, shape in zip(entries, found)
                if shape and all(size > 0 for size in shape)}

    def is_gone(self, i):
        """Whether there is something in the place of node `i`."""
        return i in self._gone

    def replace(self, members, last, *nodes):
        """Have `nodes` give what the node of number `last` gave, in the place of all `members`.

        Their inputs are entries of this graph, or of nodes before them in `nodes` (`entry_of`).
        """
        self._gone |= set(members)
        self._new[last] = nodes

    def symbol(self, requests=(), asked=()):
        """The graph with what was replaced; `requests` and `asked` as in `use_operators`, for ours.
        """
        nodes, moved = [], {}

        def add(node):
            nodes.append(node)
            return len(nodes) - 1

        for i, node in enumerate(self.nodes):
            if i in self._new:
                added = []
                for node in self._new[i]:
                    inputs = [[added[j] if v == _OF_NEW else moved[j], k, 0 if v == _OF_NEW else v]
                              for j, k, v in node['inputs']]
                    if node['op'].startswith(OURS):
                        data = self.nodes[node['inputs'][0][0]]
                        if data['op'] == 'null' and data['name'] in asked:
                            inputs[0] = [add({'op': '_copy', 'name': node['name'] + '_input',
                                              'inputs': inputs[:1]}), 0, 0]
                        elif data['op'] == 'null' and data['name'] not in requests:
                            node['attrs']['data_gradient'] = '0'
                    added.append(add(dict(node, inputs=inputs)))
                moved[i] = added[-1]
            elif i not in self._gone:
                moved[i] = add(dict(node, inputs=[[moved[j], k, v] for j, k, v in node['inputs']]))
        return mx.sym.load_json(json.dumps({
            'nodes': nodes, 'attrs': self._graph['attrs'],
            'arg_nodes': [i for i, node in enumerate(nodes) if node['op'] == 'null'],
            'heads': [[moved[i], k, version] for i, k, version in self._graph['heads']]}))
