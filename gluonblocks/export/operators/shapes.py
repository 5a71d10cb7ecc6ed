"""Shapes: reshaping, joining, padding, repeating, and tensors made for a shape."""
import numpy as np

from .registry import attribute, converts


@converts('Reshape')
def reshape(onnx, node, X):
    """Reshape by MXNet's codes."""
    codes = attribute(node, 'shape')
    known = onnx.shape(node.entry())
    if known.count(None) < 2:
        return onnx.reshape(X, node.entry())
    sizes = _by_codes(onnx, onnx.sizes(node.inputs[0]), list(np.atleast_1d(codes)),
                      attribute(node, 'reverse', False))
    sizes = [found if size is None else size for found, size in zip(sizes, known)]
    return onnx.reshaped(X, sizes)


def _by_codes(onnx, sizes, codes, reverse):
    """The sizes after a reshape: 0 keeps one, -1 is inferred, -2 keeps the rest, -3 merges two,
    and -4 splits one into the next two. With `reverse` codes and sizes are read from the end.
    """
    if reverse:
        sizes, codes = sizes[::-1], codes[::-1]
    sizes, codes, found = list(sizes), [int(code) for code in codes], []
    while codes:
        code = codes.pop(0)
        if code == -2:
            found += sizes
            sizes = []
        elif code == -3:
            found.append(onnx.combined('Mul', sizes.pop(0), sizes.pop(0)))
        elif code == -4:
            a, b, size = codes.pop(0), codes.pop(0), sizes.pop(0)
            found += [onnx.combined('Div', size, b) if a == -1 else a,
                      onnx.combined('Div', size, a) if b == -1 else b]
        else:
            size = sizes.pop(0) if sizes else code
            found.append(code or size)
    return found[::-1] if reverse else found


@converts('Flatten')
def flatten(onnx, node, X):
    """(N, ...) -> (N, the rest)."""
    return onnx.add('Flatten', X, axis=1)


@converts('reshape_like')
def reshape_like(onnx, node, X, other):
    """The axes from lhs_begin to lhs_end of X in the shape of those of the other tensor."""
    ours, others = (onnx.sizes(entry) for entry in node.inputs)
    begin, end, _ = slice(attribute(node, 'lhs_begin'),
                          attribute(node, 'lhs_end')).indices(len(ours))
    like = others[attribute(node, 'rhs_begin'):attribute(node, 'rhs_end')]
    return onnx.reshaped(X, ours[:begin] + like + ours[end:])


@converts('transpose')
def transpose(onnx, node, X):
    """Axes in another order, by default reversed."""
    rank = len(onnx.shape(node.inputs[0]))
    axes = attribute(node, 'axes') or range(rank)[::-1]
    return onnx.add('Transpose', X, perm=[axis % rank for axis in axes])


@converts('SwapAxis')
def swap_axis(onnx, node, X):
    """Two axes exchanged."""
    perm = list(range(len(onnx.shape(node.inputs[0]))))
    a, b = attribute(node, 'dim1', 0), attribute(node, 'dim2', 0)
    perm[a], perm[b] = perm[b], perm[a]
    return onnx.add('Transpose', X, perm=perm)


@converts('expand_dims')
def expand_dims(onnx, node, X):
    """A new axis of size 1."""
    return onnx.add('Unsqueeze', X, onnx.ints(attribute(node, 'axis')))


@converts('squeeze')
def squeeze(onnx, node, X):
    """Without the axes of size 1; MXNet keeps one if all are."""
    sizes = onnx.shape(node.inputs[0])
    axes = attribute(node, 'axis')
    axes = [i for i, size in enumerate(sizes) if size == 1] if axes is None else np.atleast_1d(axes)
    axes = sorted(int(axis) % len(sizes) for axis in axes)
    if len(axes) == len(sizes):
        del axes[0]
    return onnx.add('Squeeze', X, onnx.ints(*axes)) if axes else X


@converts('Concat', '_rnn_param_concat')
def concat(onnx, node, *inputs):
    """Tensors joined along an axis."""
    return onnx.add('Concat', *inputs, axis=attribute(node, 'dim', 1))


@converts('stack')
def stack(onnx, node, *inputs):
    """Tensors joined along a new axis."""
    axis = attribute(node, 'axis', 0)
    return onnx.add('Concat', *[onnx.add('Unsqueeze', X, onnx.ints(axis)) for X in inputs],
                    axis=axis)


@converts('Pad')
def pad(onnx, node, X):
    """Padding by a constant, by the edge, or by reflection."""
    width, mode = attribute(node, 'pad_width'), attribute(node, 'mode')
    value = onnx.constant(attribute(node, 'constant_value', 0.0), onnx.dtype(node.inputs[0]))
    return onnx.add('Pad', X, onnx.ints(*width[::2], *width[1::2]), value, mode=mode)


@converts('tile')
def tile(onnx, node, X):
    """Copies side by side along each axis; missing axes are put in front."""
    reps = np.atleast_1d(attribute(node, 'reps')).tolist()
    rank = len(onnx.shape(node.inputs[0]))
    if len(reps) > rank:
        X = onnx.add('Unsqueeze', X, onnx.ints(*range(len(reps) - rank)))
    return onnx.add('Tile', X, onnx.ints(*[1] * (rank - len(reps)), *reps))


@converts('repeat')
def repeat(onnx, node, X):
    """Each element several times, along an axis or of the flattened tensor."""
    times, axis, sizes = attribute(node, 'repeats'), attribute(node, 'axis'), None
    if axis is None:
        X, sizes, axis = onnx.add('Reshape', X, onnx.ints(-1)), [-1], 0
    else:
        sizes = onnx.sizes(node.inputs[0])
        axis %= len(sizes)
        sizes[axis] = onnx.combined('Mul', sizes[axis], times)
    reps = [1] * (len(sizes) + 1)
    reps[axis + 1] = times
    X = onnx.add('Tile', onnx.add('Unsqueeze', X, onnx.ints(axis + 1)), onnx.ints(*reps))
    return onnx.reshaped(X, sizes)


@converts('broadcast_to')
def broadcast_to(onnx, node, X):
    """Axes of size 1 repeated to a shape, in which 0 keeps a size."""
    return onnx.add('Expand', X, onnx.ints(*[size or 1 for size in attribute(node, 'shape')]))


@converts('broadcast_axis')
def broadcast_axis(onnx, node, X):
    """Axes of size 1 repeated."""
    sizes = np.ones(len(onnx.shape(node.inputs[0])), int)
    sizes[list(np.atleast_1d(attribute(node, 'axis')))] = attribute(node, 'size')
    return onnx.add('Expand', X, onnx.ints(*sizes))


@converts('broadcast_like')
def broadcast_like(onnx, node, X, like):
    """Axes of size 1 repeated to the sizes of another tensor."""
    axes, others = attribute(node, 'lhs_axes'), attribute(node, 'rhs_axes')
    if axes is None:
        return onnx.add('Expand', X, onnx.shape_vector(node.inputs[1]))
    sizes, like_sizes = [1] * len(onnx.shape(node.inputs[0])), onnx.sizes(node.inputs[1])
    for axis, other in zip(axes, others):
        sizes[axis] = like_sizes[other]
    return onnx.add('Expand', X, onnx.vector(*sizes))


@converts('zeros_like', 'ones_like')
def like(onnx, node, X):
    """Zeros or ones in the shape of a tensor."""
    return _filled(onnx, node, onnx.shape_vector(node.inputs[0]), node.op == 'ones_like')


@converts('_zeros', '_ones', '_full')
def filled(onnx, node):
    """A tensor of one value, some of whose sizes MXNet found from those of an input."""
    value = attribute(node, 'value', float(node.op == '_ones'))
    return _filled(onnx, node, onnx.vector(*onnx.sizes(node.entry())), value)


def _filled(onnx, node, sizes, value):
    return onnx.add('Expand', onnx.constant([value], onnx.dtype(node.entry())), sizes)


@converts('_arange')
def arange(onnx, node):
    """start, start + step, ..., as many as MXNet found from the size of an input."""
    return _numbers(onnx, node, onnx.vector(*onnx.sizes(node.entry())))


@converts('_contrib_arange_like')
def arange_like(onnx, node, X):
    """start, start + step, ... in the shape of a tensor, or as many as it has along an axis."""
    axis, sizes = attribute(node, 'axis'), onnx.sizes(node.inputs[0])
    return _numbers(onnx, node, onnx.vector(*(sizes if axis is None else [sizes[axis]])))


def _numbers(onnx, node, shape):
    count = onnx.add('ReduceProd', shape, keepdims=0)
    places = onnx.add('Range', onnx.constant(0, 'int64'), count, onnx.constant(1, 'int64'))
    places = onnx.add('Div', places, onnx.ints(attribute(node, 'repeat', 1)))
    values = onnx.add('Mul', onnx.cast(places, 'float32'),
                      onnx.constant(attribute(node, 'step', 1.0)))
    values = onnx.add('Add', values, onnx.constant(attribute(node, 'start', 0.0)))
    return onnx.add('Reshape', onnx.cast(values, onnx.dtype(node.entry())), shape)


@converts('shape_array')
def shape_array(onnx, node, X):
    """The shape of a tensor."""
    return onnx.shape_vector(node.inputs[0])


@converts('size_array')
def size_array(onnx, node, X):
    """The number of elements, (1,)."""
    return onnx.add('Reshape', onnx.add('Size', X), onnx.ints(1))
