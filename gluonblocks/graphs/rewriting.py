"""A traced graph to look through, and to put operators of ours in the place of some nodes."""
import json

import mxnet as mx


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
        part = dict(self._graph, heads=entries)
        _, found, _ = mx.sym.load_json(json.dumps(part)).infer_shape_partial(**shapes)
        return {tuple(entry[:2]): shape for entry, shape in zip(entries, found)
                if shape and all(size > 0 for size in shape)}

    def replace(self, members, last, node):
        """Have `node` give what the node of number `last` gave, in the place of all `members`."""
        self._gone |= set(members)
        self._new[last] = node

    def symbol(self, requests, asked):
        """The graph with what was replaced; `requests` and `asked` as in `use_operators`."""
        nodes, moved = [], {}

        def add(node):
            nodes.append(node)
            return len(nodes) - 1

        for i, node in enumerate(self.nodes):
            if i in self._new:
                node = self._new[i]
                data = self.nodes[node['inputs'][0][0]]
                node = dict(node, inputs=[[moved[j], k, v] for j, k, v in node['inputs']])
                if data['op'] == 'null' and data['name'] in asked:
                    node['inputs'][0] = [add({'op': '_copy', 'name': node['name'] + '_input',
                                              'inputs': node['inputs'][:1]}), 0, 0]
                elif data['op'] == 'null' and data['name'] not in requests:
                    node['attrs']['data_gradient'] = '0'
                moved[i] = add(node)
            elif i not in self._gone:
                moved[i] = add(dict(node, inputs=[[moved[j], k, v] for j, k, v in node['inputs']]))
        return mx.sym.load_json(json.dumps({
            'nodes': nodes, 'attrs': self._graph['attrs'],
            'arg_nodes': [i for i, node in enumerate(nodes) if node['op'] == 'null'],
            'heads': [[moved[i], k, version] for i, k, version in self._graph['heads']]}))
