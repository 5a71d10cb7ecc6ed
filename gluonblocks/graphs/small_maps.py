"""Convolutions on maps of a few pixels, in a training graph, as products of matrices.

On a map of 2x2 pixels a 3x3 kernel meets data with four of its nine taps at each place, and oneDNN
multiplies by half of the others too. Each pixel of the output meets each of the input by one tap,
so the convolution is one product: of the images, (N, C * H * W), with a matrix that
`kernels/matrix.h` makes of the weights. Its gradient goes the same way back.
"""
from .graph import Node, is_plain_convolution


def multiply_small_maps(graph):
    """A convolution in which each output pixel meets each input pixel -> a matrix product.

        X, weight -> Convolution
        weight -> _gluonblocks_matrix; X -> Reshape; both -> FullyConnected -> Reshape
    """
    if not graph.operators:
        return graph
    for conv in graph.nodes:
        if (not is_plain_convolution(conv) or conv.sides('kernel') == (1, 1)  # no idle taps
                or not graph.learns(conv.inputs[1:]) or not graph.is_only(conv, conv.inputs[1:])):
            continue
        data, *weights = conv.inputs
        shape = graph.shape(data)
        out = [_meets_all(*side) for side in zip(
            shape[2:], conv.sides('kernel'), conv.sides('pad', (0, 0)),
            conv.sides('stride', (1, 1)))]
        if not out or not all(out):
            continue
        filters, bias, name = int(conv.attrs['num_filter']), len(weights) > 1, conv.name
        matrix = Node('_gluonblocks_matrix', name + '_matrix', weights, {
            'filters': filters, 'channels': shape[1], 'map': '%dx%d' % shape[2:],
            'kernel': conv.pair('kernel'), 'pad': conv.pair('pad', (0, 0)),
            'stride': conv.pair('stride', (1, 1)), 'bias': int(bias)})
        flat = Node('Reshape', name + '_flat', [data], {'shape': '(0, -1)'})
        product = Node('FullyConnected', name + '_product',
                       [flat.entry(), matrix.entry()] + [matrix.entry(1)] * bias,
                       {'num_hidden': filters * out[0] * out[1], 'flatten': False,
                        'no_bias': not bias})
        graph.replace(conv, Node('Reshape', name + '_map', [product.entry()], {
            'shape': '(0, %d, %d, %d)' % (filters, *out)}).entry())
    return graph


def _meets_all(size, kernel, pad, stride):
    """The pixels along a side of the output if each meets each of `size` input pixels, else 0.

    0 as well if the matrix would have twice the weights, or more, for each side.
    """
    out = (size + 2 * pad - kernel) // stride + 1
    # Output pixel p meets input pixel q by the tap q - p * stride + pad. If the first one meets the
    # last, there is so little left over that the last one meets the first.
    return out if size - 1 + pad < kernel and out * size < 2 * kernel else 0
