"""Convert operators that create, reshape, join, pad or repeat tensors."""
from .registry import attribute, converts, listed


@converts('Reshape')
def reshape(onnx, node, X):
    """Reshape according to MXNet's shape codes (see `_by_codes`)."""
    known = onnx.shape(node.entry())
    if known.count(None) < 2:
        return onnx.add('Reshape', X, [-1 if size is None else size for size in known])
    sizes = _by_codes(onnx, onnx.sizes(node.inputs[0]), listed(node, 'shape'),
                      attribute(node, 'reverse', False))
    return onnx.reshape(X, [found if size is None else size for found, size in zip(sizes, known)])


def _by_codes(onnx, sizes, codes, reverse):
    """Return the sizes after a reshape with MXNet's shape codes.

    0 keeps a size, -1 infers it, -2 keeps all remaining sizes, -3 merges two sizes, and -4 splits a
    size in two, given by the next two codes. If `reverse` is True, matching starts from the end.
    """
    if reverse:
        sizes, codes = sizes[::-1], codes[::-1]
    sizes, codes, found = list(sizes), list(codes), []
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
    """Flatten all axes except the first."""
    return onnx.add('Flatten', X, axis=1)


@converts('reshape_like')
def reshape_like(onnx, node, X, other):
    """Reshape axes lhs_begin:lhs_end of X to the sizes of axes rhs_begin:rhs_end of `other`."""
    ours, others = (onnx.sizes(entry) for entry in node.inputs)
    begin, end, _ = slice(attribute(node, 'lhs_begin'),
                          attribute(node, 'lhs_end')).indices(len(ours))
    like = others[attribute(node, 'rhs_begin'):attribute(node, 'rhs_end')]
    return onnx.reshape(X, ours[:begin] + like + ours[end:])


@converts('transpose')
def transpose(onnx, node, X):
    """Permute the axes, by default in reverse order."""
    axes = list(range(onnx.rank(node.inputs[0])))
    return onnx.add('Transpose', X, perm=[axes[i] for i in listed(node, 'axes', axes[::-1])])


@converts('SwapAxis')
def swap_axis(onnx, node, X):
    """Swap two axes."""
    perm = list(range(onnx.rank(node.inputs[0])))
    a, b = attribute(node, 'dim1', 0), attribute(node, 'dim2', 0)
    perm[a], perm[b] = perm[b], perm[a]
    return onnx.add('Transpose', X, perm=perm)


@converts('expand_dims')
def expand_dims(onnx, node, X):
    """Insert an axis of size 1."""
    return onnx.add('Unsqueeze', X, [attribute(node, 'axis')])


@converts('squeeze')
def squeeze(onnx, node, X):
    """Remove axes of size 1, but keep one axis if all would be removed, as MXNet does."""
    sizes = onnx.shape(node.inputs[0])
    axes = [axis % len(sizes) for axis in listed(
        node, 'axis', [i for i, size in enumerate(sizes) if size == 1])]
    axes = sorted(axes)[1 if len(axes) == len(sizes) else 0:]
    return onnx.add('Squeeze', X, axes) if axes else X


@converts('Concat', '_rnn_param_concat')
def concat(onnx, node, *inputs):
    """Concatenate tensors along an axis."""
    return onnx.add('Concat', *inputs, axis=attribute(node, 'dim', 1))


@converts('stack')
def stack(onnx, node, *inputs):
    """Stack tensors along a new axis."""
    axis = attribute(node, 'axis', 0)
    return onnx.add('Concat', *[onnx.add('Unsqueeze', X, [axis]) for X in inputs], axis=axis)


@converts('Pad')
def pad(onnx, node, X):
    """Pad with a constant, the edge values or a reflection."""
    width = listed(node, 'pad_width')
    return onnx.add('Pad', X, width[::2] + width[1::2], attribute(node, 'constant_value', 0.0),
                    mode=attribute(node, 'mode'))


@converts('tile')
def tile(onnx, node, X):
    """Tile X by `reps`; if `reps` is longer than the shape of X, prepend axes of size 1."""
    reps, rank = listed(node, 'reps'), onnx.rank(node.inputs[0])
    if len(reps) > rank:
        X = onnx.add('Unsqueeze', X, list(range(len(reps) - rank)))
    return onnx.add('Tile', X, [1] * (rank - len(reps)) + reps)


@converts('repeat')
def repeat(onnx, node, X):
    """Repeat each element along an axis; axis=None flattens the tensor first."""
    times, axis, sizes = attribute(node, 'repeats'), attribute(node, 'axis'), [-1]
    if axis is None:
        X, axis = onnx.add('Reshape', X, [-1]), 0
    else:
        sizes = onnx.sizes(node.inputs[0])
        axis %= len(sizes)
        sizes[axis] = onnx.combined('Mul', sizes[axis], times)
    reps = [1] * (len(sizes) + 1)
    reps[axis + 1] = times
    return onnx.reshape(onnx.add('Tile', onnx.add('Unsqueeze', X, [axis + 1]), reps), sizes)


@converts('broadcast_to', 'broadcast_axis')
def broadcast_to(onnx, node, X):
    """Broadcast axes of size 1.

    Either `shape` contains a size for every axis, where 0 keeps the old size, or `size` contains
    the new sizes of the axes in `axis`.
    """
    sizes = [1] * onnx.rank(node.inputs[0])
    for axis, size in zip(listed(node, 'axis', range(len(sizes))),
                          listed(node, 'size') or listed(node, 'shape')):
        sizes[axis] = size or 1
    return onnx.add('Expand', X, sizes)


@converts('broadcast_like')
def broadcast_like(onnx, node, X, like):
    """Broadcast axes of size 1 to the sizes of another tensor."""
    sizes, others = [1] * onnx.rank(node.inputs[0]), onnx.sizes(node.inputs[1])
    axes = range(len(sizes))
    for axis, other in zip(listed(node, 'lhs_axes', axes), listed(node, 'rhs_axes', axes)):
        sizes[axis] = others[other]
    return onnx.add('Expand', X, sizes)


@converts('zeros_like', 'ones_like')
def like(onnx, node, X):
    """Return zeros or ones with the shape of X."""
    return onnx.add('Expand', onnx.constant([node.op == 'ones_like'], onnx.dtype(node.entry())),
                    onnx.add('Shape', X))


@converts('_zeros', '_ones', '_full')
def filled(onnx, node):
    """Return a tensor filled with a constant; its shape may depend on the net's input shapes."""
    value = attribute(node, 'value', float(node.op == '_ones'))
    return onnx.add('Expand', onnx.constant([value], onnx.dtype(node.entry())),
                    onnx.sizes(node.entry()))


@converts('_arange', '_contrib_arange_like')
def arange(onnx, node, *like):
    """Return the sequence start, start + step, ...

    With an input, the result has the shape of the input or, if `axis` is set, the length of that
    axis. Without an input, the result has the shape that MXNet infers.
    """
    sizes = onnx.sizes(node.inputs[0]) if like else onnx.sizes(node.entry())
    axis = attribute(node, 'axis')
    shape = onnx.vector(*(sizes if axis is None else [sizes[axis]]))
    indices = onnx.indices(onnx.add('ReduceProd', shape))
    indices = onnx.add('Div', indices, [attribute(node, 'repeat', 1)])
    values = onnx.add('Mul', onnx.cast(indices, 'float32'), attribute(node, 'step', 1.0))
    values = onnx.add('Add', values, attribute(node, 'start', 0.0))
    return onnx.add('Reshape', onnx.cast(values, onnx.dtype(node.entry())), shape)


@converts('shape_array')
def shape_array(onnx, node, X):
    """Return the shape of a tensor."""
    return onnx.add('Shape', X)


@converts('size_array')
def size_array(onnx, node, X):
    """Return the number of elements of X as an array of shape (1,)."""
    return onnx.add('Reshape', onnx.add('Size', X), [1])
