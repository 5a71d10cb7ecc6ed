"""Convert slicing, indexing and sorting."""
from .registry import attribute, converts, listed

START, END = -2 ** 63, 2 ** 63 - 1  # below and above any index; ONNX clips them to the axis


@converts('SliceChannel', '_split_v2')
def split(onnx, node, X):
    """Split X into equal pieces or at indices along an axis; `squeeze_axis` removes that axis."""
    axis, starts = attribute(node, 'axis', 1), listed(node, 'indices')
    count = attribute(node, 'num_outputs') or attribute(node, 'sections')
    if count:
        pieces = onnx.add('Split', X, outputs=count, axis=axis)
        pieces = [pieces] if count == 1 else pieces
    else:
        pieces = [onnx.add('Slice', X, [start], [end], [axis])
                  for start, end in zip(starts, starts[1:] + [END])]
    if not attribute(node, 'squeeze_axis', False):
        return pieces
    return [onnx.add('Squeeze', piece, [axis]) for piece in pieces]


@converts('slice')
def slice_all(onnx, node, X):
    """Return X[begin:end:step] along the first axes; each bound or step may be None."""
    begin, end = listed(node, 'begin'), listed(node, 'end')
    steps = [step or 1 for step in listed(node, 'step', [1] * len(begin))]
    first, last = zip(*[(END, START) if step < 0 else (0, END) for step in steps])
    begin = [default if at is None else at for at, default in zip(begin, first)]
    end = [default if at is None else at for at, default in zip(end, last)]
    return onnx.add('Slice', X, begin, end, list(range(len(begin))), steps)


@converts('slice_axis')
def slice_axis(onnx, node, X):
    """Return X[begin:end] along one axis."""
    end = attribute(node, 'end')
    return onnx.add('Slice', X, [attribute(node, 'begin') or 0], [END if end is None else end],
                    [attribute(node, 'axis')])


@converts('slice_like')
def slice_like(onnx, node, X, like):
    """Truncate X to the size of another tensor along some or all axes."""
    sizes = onnx.sizes(node.inputs[1])
    axes = listed(node, 'axes', range(len(sizes)))
    return onnx.add('Slice', X, [0] * len(axes), [sizes[axis] for axis in axes], axes)


@converts('reverse')
def reverse(onnx, node, X):
    """Reverse the order of the elements along one or more axes."""
    axes = listed(node, 'axis')
    return onnx.add('Slice', X, [END] * len(axes), [START] * len(axes), axes, [-1] * len(axes))


@converts('take')
def take(onnx, node, X, indices):
    """Return slices of X at `indices` along an axis; clip or wrap indices that are out of range."""
    axis, mode = attribute(node, 'axis', 0), attribute(node, 'mode', 'clip')
    indices, size = onnx.cast(indices, 'int64'), onnx.sizes(node.inputs[0])[axis]
    if mode == 'wrap':
        indices = onnx.add('Mod', indices, [size])
    elif mode == 'clip':
        indices = onnx.add('Min', indices, [onnx.combined('Sub', size, 1)])
        indices = onnx.add('Max', indices, [0])
    return onnx.add('Gather', X, indices, axis=axis)


@converts('Embedding', '_contrib_SparseEmbedding')
def embedding(onnx, node, X, weight):
    """Return the rows of `weight` (V, E) at the indices X, after clipping them to [0, V - 1]."""
    inside = onnx.add('Clip', onnx.cast(X, 'float32'), 0, onnx.shape(node.inputs[1])[0] - 1)
    return onnx.add('Gather', weight, onnx.cast(inside, 'int64'))


@converts('one_hot')
def one_hot(onnx, node, indices):
    """One-hot encode indices (...) as (..., depth); rows of invalid indices contain `off_value`."""
    depth, dtype = attribute(node, 'depth'), onnx.dtype(node.entry())
    indices = onnx.add('Unsqueeze', onnx.cast(indices, 'int64'), [-1])
    return onnx.add('Where', onnx.add('Equal', indices, list(range(depth))),
                    onnx.constant(attribute(node, 'on_value', 1.0), dtype),
                    onnx.constant(attribute(node, 'off_value', 0.0), dtype))


@converts('gather_nd')
def gather_nd(onnx, node, X, indices):
    """Index the first M axes of X with `indices`, of shape (M, ...); keep the remaining axes."""
    perm = [*range(1, onnx.rank(node.inputs[1])), 0]
    return onnx.add('GatherND', X, onnx.add('Transpose', onnx.cast(indices, 'int64'), perm=perm))


@converts('topk', 'sort', 'argsort')
def topk(onnx, node, X):
    """Return the k largest or smallest elements in sorted order, as values, indices or both."""
    kind = {'sort': 'value', 'argsort': 'indices'}.get(
        node.op, attribute(node, 'ret_typ', 'indices'))
    axis, k = attribute(node, 'axis', -1), attribute(node, 'k', 1) if node.op == 'topk' else 0
    if axis is None or kind == 'mask':
        raise ValueError("%s: expected an axis and ret_typ='value', 'indices' or 'both', found "
                         'axis=%s and ret_typ=%r' % (node.name, axis, kind))
    values, indices = onnx.add(
        'TopK', X, [k if k > 0 else onnx.sizes(node.inputs[0])[axis]], outputs=2, axis=axis,
        largest=int(not attribute(node, 'is_ascend', node.op != 'topk')))
    if kind == 'value':
        return values
    indices = onnx.cast(indices, attribute(node, 'dtype', 'float32'))
    return [values, indices] if kind == 'both' else indices
