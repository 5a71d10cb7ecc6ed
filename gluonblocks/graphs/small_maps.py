"""Convolutions on maps of a few pixels, in a training graph, as products of matrices.

On a map of 2x2 pixels a 3x3 kernel meets data with four of its nine taps at each place, and oneDNN
multiplies by half of the others too. As each pixel of the output meets each of the input by one
tap, the whole is one product: of the images, (N, C * H * W), with a matrix that `kernels/matrix.h`
makes of the weights. Its gradient goes the same way back.
"""
from .rewriting import OURS, are_requested, entry_of, is_plain_convolution, pair, tuple_of


def multiply_small_maps(graph, requests, shapes):
    """Put products in the place of convolutions where each output pixel meets each input pixel.

    `requests` and `shapes` are those of `use_operators`. Returns whether there was one.
    """
    found = [i for i, node in enumerate(graph.nodes)
             if is_plain_convolution(node) and not graph.is_gone(i)
             and tuple_of(node, 'kernel') != (1, 1)  # which has no idle taps
             and are_requested('write', graph, node['inputs'][1:], requests)
             and all(graph.only_user(entry) == i for entry in node['inputs'][1:])]
    sizes = graph.sizes([graph.nodes[i]['inputs'][0] for i in found], shapes)
    done = [_multiply(graph, i, sizes.get(tuple(graph.nodes[i]['inputs'][0][:2]))) for i in found]
    return any(done)


def _multiply(graph, i, size):
    """Put a product in the place of convolution `i` on data of that `size`; whether it was done."""
    conv = graph.nodes[i]
    if not size:
        return False
    out = [_meets_all(*of_side) for of_side in zip(
        size[2:], tuple_of(conv, 'kernel'), tuple_of(conv, 'pad', (0, 0)),
        tuple_of(conv, 'stride', (1, 1)))]
    if not all(out):
        return False
    data, *weights = conv['inputs']
    filters, biased, name = int(conv['attrs']['num_filter']), len(weights) > 1, conv['name']
    graph.replace([i], i, {
        'op': OURS + 'matrix', 'name': name + '_matrix', 'inputs': weights,
        'attrs': {'filters': str(filters), 'channels': str(size[1]), 'map': '%dx%d' % size[2:],
                  'kernel': pair(conv, 'kernel'), 'pad': pair(conv, 'pad', (0, 0)),
                  'stride': pair(conv, 'stride', (1, 1)), 'bias': str(int(biased))}
    }, {
        'op': 'Reshape', 'name': name + '_flat', 'inputs': [data], 'attrs': {'shape': '(0, -1)'}
    }, {
        'op': 'FullyConnected', 'name': name + '_product',
        'inputs': [entry_of(1), entry_of(0)] + [entry_of(0, 1)] * biased,
        'attrs': {'num_hidden': str(filters * out[0] * out[1]), 'flatten': 'False',
                  'no_bias': str(not biased)}
    }, {
        'op': 'Reshape', 'name': name + '_map', 'inputs': [entry_of(2)],
        'attrs': {'shape': '(0, %d, %d, %d)' % (filters, *out)}})
    return True


def _meets_all(size, kernel, pad, stride):
    """The pixels along a side of the output if each meets each of `size` input pixels, else 0.

    0 as well where the matrix would have twice the weights, or more, for each side.
    """
    out = (size + 2 * pad - kernel) // stride + 1
    # Output pixel p meets input pixel q by the tap q - p * stride + pad. If the first one meets the
    # last, there is so little left over that the last one meets the first.
    return out if size - 1 + pad < kernel and out * size < 2 * kernel else 0
