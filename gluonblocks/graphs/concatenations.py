"""Dense blocks in a training graph, without the concatenations.

A block's norms take X side by side with Y1, with Y1 and Y2, and so on. Each of these concatenations
is kept until the gradients are there, so Y1 is kept four times, and its gradient comes in four
pieces that lie in other orders than oneDNN's. But a batch norm computes each channel by itself, so
the norm of a concatenation is the norms of its pieces side by side; and a convolution adds up over
the channels that it is given, so of pieces side by side it is the sum of a convolution of each.
"""
from mxnet import autograd

from .rewriting import Graph, entry_of, is_plain_convolution, is_plain_norm

# Of so many channels is each piece a multiple: a vector of oneDNN's, whose own order of the numbers
# cannot be kept where pieces begin within one.
CHANNELS = 16


class Part:
    """Some channels' numbers of a parameter, the same memory: it stands for a parameter in what
    Gluon gives a graph."""

    def __init__(self, param, begin, end):
        self._param, self._begin, self._end = param, begin, end
        self._whole = self._part = None

    def data(self):
        whole = self._param.data()
        if whole is not self._whole:  # the first time, for another device, or as it was set anew
            with autograd.pause():
                self._whole, self._part = whole, whole[self._begin:self._end]
        return self._part


def divide_norms(symbol, **shapes):
    """(the graph `symbol` with its norms of concatenations divided, {new input: (old one, begin,
    end)}), for inputs of `shapes`, as data=(N, C, H, W).

    So are the convolutions after them, unless their sums were more to add up than is saved. New
    inputs are the moving averages, which a norm writes: each takes some channels of the old one.
    Left alone are concatenations that something else takes too, for these have to be made anyway,
    those of pieces that oneDNN has to bring into another order, and norms that share their averages
    with others, which move them one after the other.
    """
    graph = Graph(symbol)
    joints = [i for i, node in enumerate(graph.nodes) if _is_concatenation(node)]
    sizes = graph.sizes([entry for i in joints for entry in graph.nodes[i]['inputs']], shapes)
    pieces = {}  # a concatenation's number -> [(entry, its channels), ...]
    for i in joints:
        pieces[i] = [piece for entry in graph.nodes[i]['inputs']
                     for piece in (pieces.get(entry[0]) or [(entry, _channels(entry, sizes))])]
    divided, idle = [], set()
    for i in reversed(joints):  # those that take others come first
        users = graph.users.get((i, 0), [])
        norms = [j for j in users if is_plain_norm(graph.nodes[j]) and _has_averages(graph, j)]
        if (i, 0) not in graph.heads and users and all(
                channels and not channels % CHANNELS for _, channels in pieces[i]) and all(
                j in norms or j in idle for j in users):
            idle.add(i)
            divided += [(j, pieces[i]) for j in norms]
    parts = {}
    for i, of_norm in divided:
        parts.update(_divide(graph, i, of_norm))
    return (graph.symbol() if divided else symbol), parts


def _is_concatenation(node):
    return node['op'] == 'Concat' and node['attrs'].get('dim', '1') == '1'


def _has_averages(graph, i):
    """Whether the moving averages of norm `i` are its own."""
    return all(graph.only_user(entry) == i for entry in graph.nodes[i]['inputs'][3:])


def _channels(entry, sizes):
    """The channels of an entry whose whole size, (N, C, H, W), is known, or None."""
    size = sizes.get(tuple(entry[:2]), ())
    return size[1] if len(size) == 4 else None


class _Divided:
    """The `nodes` that compute piece by piece what nodes of `graph` compute of all pieces."""

    def __init__(self, graph, pieces):
        self._graph, self.nodes = graph, []
        self.ends = [sum(channels for _, channels in pieces[:k + 1]) for k in range(len(pieces))]
        self.begins = [0] + self.ends[:-1]

    def add(self, op, name, inputs, **attrs):
        """The entry of a new node."""
        self.nodes.append({'op': op, 'name': name, 'inputs': inputs,
                           'attrs': {key: str(value) for key, value in attrs.items()}})
        return entry_of(len(self.nodes) - 1)

    def again(self, i, k, inputs, **attrs):
        """The entry of what node `i` computes of piece `k`."""
        node = self._graph.nodes[i]
        return self.add(node['op'], '%s_%d' % (node['name'], self.begins[k]), inputs,
                        **dict(node['attrs'], **attrs))

    def split(self, entry, axis):
        """The entries of each piece's part of a parameter."""
        name = self._graph.nodes[entry[0]]['name'] + '_parts'
        number, _, version = self.add('_split_v2', name, [entry], indices=tuple(self.begins),
                                      axis=axis, squeeze_axis=0, sections=0)
        return [[number, k, version] for k in range(len(self.begins))]


def _divide(graph, i, pieces):
    """Put a norm of each of the `pieces` in the place of norm `i`, and the like for what takes it;
    returns the new inputs, as `divide_norms` does."""
    act = graph.next(i, 'Activation')
    conv = graph.next(i if act is None else act, 'Convolution')
    if conv is None or not _is_sum(graph, conv, pieces):
        act = conv = None
    new, results, parts = _Divided(graph, pieces), [], {}
    _, gamma, beta, *averages = graph.nodes[i]['inputs']
    gammas, betas = new.split(gamma, 0), new.split(beta, 0)
    for k, (entry, _) in enumerate(pieces):
        moving = []
        for j, _, _ in averages:
            old, begin, end = graph.nodes[j]['name'], new.begins[k], new.ends[k]
            name = '%s_%d_%d' % (old, begin, end)
            parts[name] = old, begin, end
            moving.append(new.add('null', name, []))
        results.append(new.again(i, k, [entry, gammas[k], betas[k]] + moving))
        if act is not None:
            results[k] = new.again(act, k, [results[k]])
    if conv is None:
        new.add('Concat', graph.nodes[i]['name'], results, dim=1, num_args=len(pieces))
        graph.replace([i], i, *new.nodes)
        return parts
    _, weight, *bias = graph.nodes[conv]['inputs']
    weights = new.split(weight, 1)
    sums = [new.again(conv, 0, [results[0], weights[0]] + bias)]  # the bias is added once
    sums += [new.again(conv, k, [results[k], weights[k]], no_bias=True)
             for k in range(1, len(pieces))]
    new.add('add_n', graph.nodes[conv]['name'], sums, num_args=len(sums))
    graph.replace([i, conv] + [act] * (act is not None), conv, *new.nodes)
    return parts


def _is_sum(graph, i, pieces):
    """Whether convolution `i` is to be computed piece by piece.

    What is saved is an array of all channels; what it costs is one of its filters for each piece
    but the first, to be added.
    """
    conv = graph.nodes[i]
    return is_plain_convolution(conv) and int(conv['attrs']['num_filter']) * (
        len(pieces) - 1) <= sum(channels for _, channels in pieces)
