"""The passes that rewrite the graph of a hybridized net, and the order in which they run.

Each pass takes a `Graph` and returns it. It changes the graph only if the results stay the same up
to rounding and the new graph is known to be faster. The passes look only at shapes and at
neighbouring nodes. They replace batch norms with C++ operators if the input is an (N, C) matrix or
the output of a convolution with few channels.
"""
import os

import mxnet as mx

from .divided_norms import divide
from .graph import Node, is_plain_convolution, is_plain_norm

ACTIVATIONS = ('sigmoid', 'relu')  # those that the C++ operators support
# Channels per block in oneDNN's memory layout. A batch norm is split only into pieces whose
# channel counts are multiples of VECTOR, because otherwise oneDNN would convert the layout.
VECTOR = 16
# Maximum number of output channels of a stage; its input may have at most half as many.
MAX_CHANNELS = 32
# Minimum prediction batch size for `multiply_small_maps`, which slows down smaller batches.
MANY_IMAGES = 32


def fuse_stages(graph):
    """Fuse a convolution with few channels and the layers after it into one operator, a stage.

        X -> Convolution -> BatchNorm -> Activation -> Pooling
        X -> _gluonblocks_stage

    oneDNN's fast kernels need a multiple of eight channels. For other channel counts, oneDNN
    falls back to im2col and matrix products. The activation and the pooling are optional.
    """
    for norm in _norms(graph):
        conv = norm.inputs[0][0]
        if not _is_slow_convolution(graph, conv) or not _stage_supports(graph, conv, norm):
            continue
        attrs = _attrs(graph, norm, conv.inputs[0])
        attrs.update(channels=conv.attrs['num_filter'], bias=len(conv.inputs) - 2,
                     kernel=conv.pair('kernel'), pad=conv.pair('pad', (0, 0)))
        last = _activation(graph, norm, attrs)
        pool = graph.next(last, 'Pooling')
        if pool is not None and _stage_supports_pooling(pool):
            attrs.update(window=pool.pair('kernel'), stride=pool.pair('stride', (1, 1)))
            last = pool
        graph.replace(last, Node('_gluonblocks_stage', norm.name + '_stage',
                                 conv.inputs + norm.inputs[1:], attrs).entry())
    return graph


def fuse_norms(graph):
    """Fuse the batch norm of a matrix, (N, C), and the activation after it into one operator.

        X -> BatchNorm -> Activation
        X -> _gluonblocks_norm

    Images are still normalized by MXNet's operator, because most convolutions return arrays in
    oneDNN's memory layout. MXNet's operator accepts this layout; ours would have to convert it.
    """
    for norm in _norms(graph):
        data = norm.inputs[0]
        if len(graph.shape(data)) != 2:
            continue
        attrs = _attrs(graph, norm, data)
        graph.replace(_activation(graph, norm, attrs), Node(
            '_gluonblocks_norm', norm.name + '_norm', norm.inputs, attrs).entry())
    return graph


def multiply_small_maps(graph):
    """Turn convolutions in which each output pixel uses all input pixels into matrix products.

        X, weight -> Convolution
        weight -> _gluonblocks_matrix; X -> Reshape; both -> FullyConnected -> Reshape

    On a 2x2 feature map, only four of the nine taps of a 3x3 kernel cover pixels at each position.
    The others cover padding, but oneDNN still multiplies by half of them. The new graph instead
    multiplies the flattened images, (N, C * H * W), by a matrix that `kernels/matrix.h` builds from
    the weights.
    """
    if not graph.operators:
        return graph
    for conv in graph.nodes:
        if (not is_plain_convolution(conv) or conv.sides('kernel') == (1, 1)  # has no idle taps
                or graph.training and not graph.owns(conv, conv.inputs[1:])):
            continue
        data, *weights = conv.inputs
        shape = graph.shape(data)
        if not shape or not graph.training and shape[0] < MANY_IMAGES:
            continue
        out = [_full_output(*side) for side in zip(
            shape[2:], conv.sides('kernel'), conv.sides('pad', (0, 0)),
            conv.sides('stride', (1, 1)))]
        if not all(out):
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


def divide_norms(graph):
    """Replace the batch norm and convolution after a concatenation with one of each per piece.

        X, Y -> Concat -> BatchNorm -> Activation -> Convolution
        X -> BatchNorm -> Activation -> Convolution, likewise Y; both -> add_n

    Splitting a convolution avoids storing the normalized concatenation but creates additional
    outputs, which add_n sums. A convolution is split only if these outputs take no more memory
    than the concatenation. Each new batch norm gets a slice of the running averages, which becomes
    an input of the graph (`graph.slices`). The pass skips concatenations that other layers also
    use, and those with a piece whose layout oneDNN would have to convert. It also skips batch norms
    that share running averages, because these averages must be updated by one norm after the other.
    """
    if mx.__version__.startswith('1.7.'):
        return graph  # MXNet 1.7 fails on oneDNN's memory layout in the resulting graph
    concats = [node for node in graph.nodes
               if node.op == 'Concat' and node.attrs.get('dim', '1') == '1']
    pieces, divided, unused = {}, [], set()  # pieces: concatenation -> [(entry, channels), ...]
    for concat in concats:
        pieces[concat] = [piece for entry in concat.inputs for piece in (
            pieces.get(entry[0]) or [(entry, _channels(graph, entry))])]
    for concat in reversed(concats):  # outer concatenations first
        users = graph.users(concat.entry())
        norms = [user for user in users
                 if user and is_plain_norm(user) and _owns_parameters(graph, user)]
        if all(channels and not channels % VECTOR for _, channels in pieces[concat]) and all(
                user in norms or user in unused for user in users):
            unused.add(concat)
            divided += [(norm, pieces[concat]) for norm in norms]
    for norm, entries in divided:
        divide(graph, norm, entries)
    return graph


def fuse_relus(graph):
    """For prediction, fuse each batch norm of images with the ReLU after it.

        X -> BatchNorm -> Activation
        X -> _contrib_BatchNormWithReLU

    MXNet 1.8 and later with oneDNN have this fused operator. Its results are bitwise identical to
    those of the two operators, except that, unlike oneDNN's ReLU, it does not turn NaN into 0. The
    pass is not used in training, because the fused operator's gradients are wrong if its output
    gradient and its input have different memory layouts.
    """
    if not graph.operators or not _has_norm_with_relu():
        return graph
    for norm in graph.nodes:
        act = graph.next(norm, 'Activation') if is_plain_norm(norm) else None
        if (act is not None and act.attrs['act_type'] == 'relu'
                and len(graph.shape(norm.inputs[0])) == 4):
            graph.replace(act, Node('_contrib_BatchNormWithReLU', norm.name + '_relu', norm.inputs,
                                    norm.attrs).entry())
    return graph


TRAINING = [fuse_stages, fuse_norms, multiply_small_maps, divide_norms]
PREDICTION = [fuse_stages, fuse_norms, multiply_small_maps, fuse_relus]


def _has_norm_with_relu():
    return (hasattr(mx.sym.contrib, 'BatchNormWithReLU')
            and mx.runtime.Features().is_enabled('MKLDNN')
            and os.environ.get('MXNET_MKLDNN_ENABLED', '').lower() not in ('0', 'false'))


def _norms(graph):
    """Return the batch normalization nodes that our C++ operators can replace.

    In training, our operators overwrite gradients instead of adding to them, and they update the
    running averages. Therefore, no other node may use the parameters or the input of such a node.
    """
    if not graph.operators:
        return []
    return [node for node in graph.nodes if is_plain_norm(node) and (
        not graph.training
        or _owns_parameters(graph, node) and graph.is_only(node, node.inputs[:1]))]


def _attrs(graph, norm, data):
    """Return the attributes of the operator that replaces `norm` and takes `data` as its input."""
    return {'eps': norm.attrs.get('eps', '1e-3'), 'momentum': norm.attrs.get('momentum', '0.9'),
            'training': int(graph.training),
            'data_gradient': int(data[0].op != 'null' or data[0].name not in graph.data)}


def _activation(graph, norm, attrs):
    """Return the node of the activation after `norm`, and add its type to `attrs`.

    If `norm` is not followed by an activation that the C++ operators support, return `norm`.
    """
    act = graph.next(norm, 'Activation')
    if act is None or act.attrs['act_type'] not in ACTIVATIONS:
        return norm
    attrs['activation'] = act.attrs['act_type']
    return act


def _is_slow_convolution(graph, node):
    """Return True if oneDNN would lower a convolution to a matrix product (im2col)."""
    if node.op != 'Convolution':
        return False
    before, after = graph.shape(node.inputs[0]), graph.shape(node.entry())
    return len(before) == len(after) == 4 and bool(after[1] % 8 or before[1] % 8 and before[1] > 3)


def _stage_supports(graph, conv, norm):
    """Return True if a stage can replace `conv` and `norm`, the batch norm after it."""
    return (is_plain_convolution(conv) and conv.sides('stride', (1, 1)) == (1, 1)
            and all(p < k for p, k in zip(conv.sides('pad', (0, 0)), conv.sides('kernel')))
            and graph.shape(conv.entry())[1] <= MAX_CHANNELS
            and graph.shape(conv.inputs[0])[1] <= MAX_CHANNELS // 2
            and graph.is_only(norm, [conv.entry()])
            and (not graph.training or graph.owns(conv, conv.inputs[1:])
                 and graph.is_only(conv, conv.inputs[:1])))


def _stage_supports_pooling(pool):
    """Return True if a fused stage can apply the pooling `pool`."""
    attrs = pool.attrs
    return (attrs.get('pool_type', 'max') == 'max' and not pool.flag('global_pool')
            and attrs.get('pooling_convention', 'valid') == 'valid'
            and attrs.get('layout', 'None') in ('None', 'NCHW')
            and not any(pool.sides('pad', (0, 0))))


def _full_output(size, kernel, pad, stride):
    """Return a convolution's output size along an axis, or 0 if the convolution should be kept.

    A matrix product should replace it only if each output pixel uses all `size` input pixels and
    the matrix is less than twice as large as the kernel along this axis.
    """
    out = (size + 2 * pad - kernel) // stride + 1
    # Kernel tap q - p * stride + pad connects output pixel p with input pixel q. If the kernel is
    # long enough to connect the first output pixel with the last input pixel, it also connects the
    # last output pixel with the first input pixel, and therefore all pairs of pixels.
    return out if size - 1 + pad < kernel and out * size < 2 * kernel else 0


def _owns_parameters(graph, norm):
    """Return True if no other node uses the parameters of `norm`, and if each backward pass
    overwrites their gradients instead of adding to them."""
    return (graph.owns(norm, norm.inputs[1:3])
            and graph.owns(norm, norm.inputs[3:], grad_req='null'))


def _channels(graph, entry):
    shape = graph.shape(entry)
    return shape[1] if len(shape) == 4 else 0
