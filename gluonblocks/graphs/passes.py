"""The passes over the graph of a hybridized net, and the order in which they run.

Each takes a `Graph` and returns it, changed only if the result is the same up to rounding and the
change is known to be faster. Which norms become operators of ours is decided here, by shapes
and neighbours alone: those of rows, and those of images after a convolution of few channels.
"""
from .divided_norms import divide
from .graph import Node, is_plain_convolution, is_plain_norm

ACTIVATIONS = ('sigmoid', 'relu')  # those that the operators have
# Pieces of a norm have a multiple of so many channels, a vector of oneDNN's: its own order of the
# values cannot be kept if a piece begins within one.
VECTOR = 16
MAX_CHANNELS = 32  # of a stage's output; its input may have half of them


def fuse_stages(graph):
    """Convolution, norm, activation and max-pooling of few channels -> one operator.

        X -> Convolution -> BatchNorm -> Activation -> Pooling
        X -> _gluonblocks_stage

    oneDNN has fast kernels for channels in eights; others it computes as matrix products, with
    copies. Activation and pooling may be missing.
    """
    for norm in _norms(graph):
        conv = norm.inputs[0][0]
        if not _is_slow_convolution(graph, conv) or not _is_staged(graph, conv, norm):
            continue
        shape = graph.shape(conv.entry())
        attrs = _attrs(graph, norm, conv.inputs[0])
        attrs.update(channels=shape[1], bias=len(conv.inputs) - 2, kernel=conv.pair('kernel'),
                     pad=conv.pair('pad', (0, 0)))
        last = _activation(graph, norm, attrs)
        pool = graph.next(last, 'Pooling')
        if pool is not None and _is_staged_pooling(pool, shape):
            attrs.update(window=pool.pair('kernel'), stride=pool.pair('stride', (1, 1)))
            last = pool
        graph.replace(last, Node('_gluonblocks_stage', norm.name + '_stage',
                                 conv.inputs + norm.inputs[1:], attrs).entry())
    return graph


def fuse_norms(graph):
    """A norm of rows, (N, C), and the activation after it -> one operator.

        X -> BatchNorm -> Activation
        X -> _gluonblocks_norm

    Norms of images are left alone: most convolutions hand on their output in an order of oneDNN's
    own, which MXNet's norm takes as it is, and which would have to be put back for ours.
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
    """A convolution in which each output pixel meets each input pixel -> a product of matrices.

        X, weight -> Convolution
        weight -> _gluonblocks_matrix; X -> Reshape; both -> FullyConnected -> Reshape

    On a map of 2x2 pixels a 3x3 kernel meets data with four of its nine taps at each place, and
    oneDNN multiplies by half of the others too. So the images, (N, C * H * W), are multiplied by a
    matrix that `kernels/matrix.h` makes of the weights; its gradient goes the same way back.
    """
    if not graph.operators:
        return graph
    for conv in graph.nodes:
        if (not is_plain_convolution(conv) or conv.sides('kernel') == (1, 1)  # no idle taps
                or not graph.owns(conv, conv.inputs[1:])):
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


def divide_norms(graph):
    """The norm of a concatenation -> norms of its pieces; the convolution after it -> a sum.

        X, Y -> Concat -> BatchNorm -> Activation -> Convolution
        X -> BatchNorm -> Activation -> Convolution, Y the same; both -> add_n

    A convolution is divided only if adding up costs less than is saved. Each new norm takes some
    channels of the moving averages, as inputs of their own (`graph.slices`). Left alone are
    concatenations that something else takes too, those of pieces that oneDNN would have to
    rearrange, and norms that share their averages with others, which move them in turn.
    """
    joints = [node for node in graph.nodes
              if node.op == 'Concat' and node.attrs.get('dim', '1') == '1']
    pieces, divided, idle = {}, [], set()  # pieces: a concatenation -> [(entry, channels), ...]
    for joint in joints:
        pieces[joint] = [piece for entry in joint.inputs
                         for piece in (pieces.get(entry[0]) or [(entry, _channels(graph, entry))])]
    for joint in reversed(joints):  # those that take others come first
        users = graph.users(joint.entry())
        norms = [user for user in users
                 if user and is_plain_norm(user) and _owns_parameters(graph, user)]
        if all(channels and not channels % VECTOR for _, channels in pieces[joint]) and all(
                user in norms or user in idle for user in users):
            idle.add(joint)
            divided += [(norm, pieces[joint]) for norm in norms]
    for norm, parts in divided:
        divide(graph, norm, parts)
    return graph


TRAINING = [fuse_stages, fuse_norms, multiply_small_maps, divide_norms]
PREDICTION = [fuse_stages, fuse_norms]


def _norms(graph):
    """The norms that operators of ours can stand for.

    In training these write gradients, and never add to them, and they move the averages.
    """
    if not graph.operators:
        return []
    return [node for node in graph.nodes if is_plain_norm(node) and (
        not graph.training
        or _owns_parameters(graph, node) and graph.is_only(node, node.inputs[:1]))]


def _attrs(graph, norm, data):
    """The attributes that all operators with a norm have; `data` is the entry they take."""
    return {'eps': norm.attrs.get('eps', '1e-3'), 'momentum': norm.attrs.get('momentum', '0.9'),
            'training': int(graph.training),
            'data_gradient': int(data[0].op != 'null' or data[0].name not in graph.data)}


def _activation(graph, norm, attrs):
    """The activation after `norm`, with its name set in `attrs`, or the norm if there is none."""
    act = graph.next(norm, 'Activation')
    if act is None or act.attrs['act_type'] not in ACTIVATIONS:
        return norm
    attrs['activation'] = act.attrs['act_type']
    return act


def _is_slow_convolution(graph, node):
    """Return True for a convolution that oneDNN computes as matrix products, with copies."""
    if node.op != 'Convolution':
        return False
    given, made = graph.shape(node.inputs[0]), graph.shape(node.entry())
    return len(given) == len(made) == 4 and bool(made[1] % 8 or given[1] % 8 and given[1] > 3)


def _is_staged(graph, conv, norm):
    """Return True if a stage can compute the convolution `conv`, which `norm` takes."""
    return (is_plain_convolution(conv) and conv.sides('stride', (1, 1)) == (1, 1)
            and all(p < k for p, k in zip(conv.sides('pad', (0, 0)), conv.sides('kernel')))
            and graph.shape(conv.entry())[1] <= MAX_CHANNELS
            and graph.shape(conv.inputs[0])[1] <= MAX_CHANNELS // 2
            and graph.is_only(norm, [conv.entry()])
            and (not graph.training or graph.owns(conv, conv.inputs[1:])
                 and graph.is_only(conv, conv.inputs[:1])))


def _is_staged_pooling(pool, shape):
    """Return True if a stage can do the max-pooling `pool` of maps of `shape`."""
    attrs, window = pool.attrs, pool.sides('kernel')
    return (attrs.get('pool_type', 'max') == 'max' and not pool.flag('global_pool')
            and attrs.get('pooling_convention', 'valid') == 'valid'
            and attrs.get('layout', 'None') in ('None', 'NCHW')
            and not any(pool.sides('pad', (0, 0))) and len(window) == 2
            and all(w <= n for w, n in zip(window, shape[2:])))


def _meets_all(size, kernel, pad, stride):
    """The pixels along a side of the output if each meets each of `size` input pixels, else 0.

    Also 0 if a side would at least double the number of weights.
    """
    out = (size + 2 * pad - kernel) // stride + 1
    # Output pixel p meets input pixel q by the tap q - p * stride + pad. If the first one meets the
    # last, there is so little left over that the last one meets the first.
    return out if size - 1 + pad < kernel and out * size < 2 * kernel else 0


def _owns_parameters(graph, norm):
    """Return True if the parameters of `norm` are its own and learn by written gradients."""
    return (graph.owns(norm, norm.inputs[1:3])
            and graph.owns(norm, norm.inputs[3:], grad_req='null'))


def _channels(graph, entry):
    shape = graph.shape(entry)
    return shape[1] if len(shape) == 4 else 0
