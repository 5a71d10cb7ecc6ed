"""Split the batch norms of dense blocks, so that training need not store any concatenations.

In a dense block, batch norms are applied to the concatenations [X, Y1], [X, Y1, Y2] and so on,
where Y1 is the output of the first layer. MXNet stores each concatenation until the backward pass.
In a block of four layers, it stores Y1 four times, sums four gradients for it, and converts arrays
to and from oneDNN's memory layout.

A batch norm treats each channel separately, so the norm of a concatenation is the concatenation of
the norms of its pieces. A convolution sums over its input channels, so the convolution of a
concatenation is the sum of the convolutions of its pieces.
"""
from mxnet import autograd

from ..mxnet_private import array_on
from .graph import Node, is_plain_convolution


class Slice:
    """A graph input: a view of channels `begin` to `end` - 1 of the parameter `param`."""

    def __init__(self, param, begin, end):
        self._param, self._begin, self._end = param, begin, end
        self._last = None, None  # the array of the parameter in the last call, and its slice

    def data(self, ctx):
        array, last = array_on(self._param, ctx), self._last
        if last[0] is not array:  # the first call, another device, or a new array
            with autograd.pause():
                last = self._last = array, array.reshape(-1)[self._begin:self._end]
        return last[1]


def divide(graph, norm, pieces):
    """Replace `norm`, a batch norm after a concatenation, with one for each of the `pieces`.

    `pieces` lists the concatenated entries: [(entry, number of channels), ...]. The
    convolution after the norm is also split if that saves memory.
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
    if conv is None or not _saves_memory(graph, conv, pieces):
        act = conv = None
    # Flatten gamma and beta, because those of gb.BatchNorm may have the shape (1, C, 1, 1).
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


def _saves_memory(graph, conv, pieces):
    """Return True if splitting `conv`, after the norm of concatenated `pieces`, saves memory.

    With one convolution per piece, the concatenation need not be stored. However, each piece after
    the first needs an additional array for its output until the outputs are summed.
    """
    return (is_plain_convolution(conv) and graph.owns(conv, conv.inputs[1:])
            and int(conv.attrs['num_filter']) * (len(pieces) - 1)
            <= sum(channels for _, channels in pieces))
