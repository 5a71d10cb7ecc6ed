"""Dense blocks in a training graph, without the concatenations.

A block's norms take X side by side with Y1, with Y1 and Y2, and so on. MXNet keeps each of these
concatenations until the gradients are there: Y1 four times, with a gradient in four pieces, in
orders that are not oneDNN's. But a batch norm computes each channel by itself, so the norm of a
concatenation is the norms of its pieces side by side; and a convolution adds up over its input
channels, so it is the sum of a convolution of each piece.
"""
from mxnet import autograd

from ..mxnet_private import array_on
from .graph import Node, is_plain_convolution


class Slice:
    """Some channels of a parameter, in the same memory: it takes a parameter's place among the
    graph's inputs."""

    def __init__(self, param, begin, end):
        self._param, self._begin, self._end = param, begin, end
        self._last = None, None  # the array of the parameter, and its slice

    def data(self, ctx):
        whole, part = array_on(self._param, ctx), self._last
        if part[0] is not whole:  # the first time, on another device, or newly set
            with autograd.pause():
                part = self._last = whole, whole.reshape(-1)[self._begin:self._end]
        return part[1]


def divide(graph, norm, pieces):
    """Replace `norm` by a norm of each of the `pieces`, and the convolution after it likewise.

    `pieces` are those of the concatenation that it takes: [(entry, channels), ...].
    """
    ends = [sum(channels for _, channels in pieces[:k + 1]) for k in range(len(pieces))]
    begins = [0] + ends[:-1]

    def split(entry, axis):
        node = Node('_split_v2', entry[0].name + '_pieces', [entry], {
            'indices': tuple(begins), 'axis': axis, 'squeeze_axis': 0, 'sections': 0})
        return [node.entry(k) for k in range(len(pieces))]

    def copy(node, k, inputs, **attrs):
        return Node(node.op, '%s_%d' % (node.name, begins[k]), inputs, dict(node.attrs, **attrs))

    act = graph.next(norm, 'Activation')
    conv = graph.next(act or norm, 'Convolution')
    if conv is None or not _is_sum(graph, conv, pieces):
        act = conv = None
    # From (1, C, 1, 1), for norms of ours.
    flat = [Node('Reshape', entry[0].name + '_flat', [entry], {'shape': '(-1,)'})
            for entry in norm.inputs[1:3]]
    gammas, betas = [split(node.entry(), 0) for node in flat]
    results = []
    for k, (entry, _) in enumerate(pieces):
        averages = []
        for source, _, _ in norm.inputs[3:]:
            name = '%s_%d_%d' % (source.name, begins[k], ends[k])
            graph.slices[name] = source.name, begins[k], ends[k]
            averages.append(Node('null', name).entry())
        piece = copy(norm, k, [entry, gammas[k], betas[k]] + averages)
        results.append((copy(act, k, [piece.entry()]) if act else piece).entry())
    if conv is None:
        graph.replace(norm, Node('Concat', norm.name, results,
                                 {'dim': 1, 'num_args': len(pieces)}).entry())
        return
    _, weight, *bias = conv.inputs
    weights = split(weight, 1)
    sums = [copy(conv, k, [results[k], weights[k]] + bias * (k == 0),  # the bias is added once
                 **({} if k == 0 else {'no_bias': True})).entry() for k in range(len(pieces))]
    graph.replace(conv, Node('add_n', conv.name, sums, {'num_args': len(sums)}).entry())


def _is_sum(graph, conv, pieces):
    """Return True if convolution `conv` is to be computed piece by piece.

    That saves an array of all channels, and costs one of its filters, to be added, for each piece
    but the first.
    """
    return (is_plain_convolution(conv) and graph.owns(conv, conv.inputs[1:])
            and int(conv.attrs['num_filter']) * (len(pieces) - 1)
            <= sum(channels for _, channels in pieces))
