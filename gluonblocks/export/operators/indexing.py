"""Slices, elements by their index, and sorting."""
import numpy as np

from .registry import attribute, converts

START, END = -2 ** 63, 2 ** 63 - 1  # beyond both ends of any axis


def slices(onnx, X, axes, starts, ends, steps=None):
    """`X` sliced along `axes`; numbers, or names of vectors of one, for the bounds."""
    return onnx.add('Slice', X, onnx.vector(*starts), onnx.vector(*ends), onnx.ints(*axes),
                    onnx.ints(*steps or [1] * len(axes)))


@converts('SliceChannel')
def slice_channel(onnx, node, X):
    """An axis cut into equal pieces, which need not keep it."""
    axis, count = attribute(node, 'axis', 1), attribute(node, 'num_outputs')
    pieces = np.atleast_1d(onnx.add('Split', X, outputs=count, axis=axis)).tolist()
    return _squeezed(onnx, node, pieces, axis)


@converts('_split_v2')
def split_v2(onnx, node, X):
    """An axis cut into equal pieces, or at indices, the first of which is 0."""
    axis, sections = attribute(node, 'axis', 1), attribute(node, 'sections', 0)
    if sections:
        pieces = np.atleast_1d(onnx.add('Split', X, outputs=sections, axis=axis)).tolist()
    else:
        starts = list(np.atleast_1d(attribute(node, 'indices')))
        pieces = [slices(onnx, X, [axis], [start], [end])
                  for start, end in zip(starts, starts[1:] + [END])]
    return _squeezed(onnx, node, pieces, axis)


def _squeezed(onnx, node, pieces, axis):
    if not attribute(node, 'squeeze_axis', False):
        return pieces
    return [onnx.add('Squeeze', piece, onnx.ints(axis)) for piece in pieces]


@converts('slice')
def slice_all(onnx, node, X):
    """X[begin:end:step] along the first axes, where each may be None."""
    begin, end = (np.atleast_1d(attribute(node, name)).tolist() for name in ('begin', 'end'))
    steps = np.atleast_1d(attribute(node, 'step') or [1] * len(begin)).tolist()
    steps = [step or 1 for step in steps] + [1] * (len(begin) - len(steps))
    first, last = zip(*[(END, START) if step < 0 else (0, END) for step in steps])
    return slices(onnx, X, range(len(begin)),
                  [first[i] if at is None else at for i, at in enumerate(begin)],
                  [last[i] if at is None else at for i, at in enumerate(end)], steps)


@converts('slice_axis')
def slice_axis(onnx, node, X):
    """X[begin:end] along one axis."""
    end = attribute(node, 'end')
    return slices(onnx, X, [attribute(node, 'axis')], [attribute(node, 'begin') or 0],
                  [END if end is None else end])


@converts('slice_like')
def slice_like(onnx, node, X, like):
    """The first of each of the axes, as many as another tensor has."""
    sizes = onnx.sizes(node.inputs[1])
    axes = np.atleast_1d(attribute(node, 'axes', ())).astype(int).tolist() or range(len(sizes))
    return slices(onnx, X, axes, [0] * len(axes), [sizes[axis] for axis in axes])


@converts('reverse')
def reverse(onnx, node, X):
    """Axes from the end to the beginning."""
    axes = np.atleast_1d(attribute(node, 'axis')).tolist()
    return slices(onnx, X, axes, [END] * len(axes), [START] * len(axes), [-1] * len(axes))


@converts('take')
def take(onnx, node, X, indices):
    """The slices along an axis at the indices."""
    axis = attribute(node, 'axis', 0)
    indices = _within(onnx, node, indices, onnx.sizes(node.inputs[0])[axis])
    return onnx.add('Gather', X, indices, axis=axis)


def _within(onnx, node, indices, size):
    """`indices` as int64 from 0 to size - 1, by the node's mode."""
    indices = onnx.cast(indices, 'int64')
    mode = attribute(node, 'mode', 'clip')
    if mode == 'wrap':
        return onnx.add('Mod', indices, onnx.vector(size))
    if mode == 'raise':  # as ONNX does
        return indices
    last = onnx.vector(onnx.combined('Sub', size, 1))
    return onnx.add('Max', onnx.add('Min', indices, last), onnx.ints(0))


@converts('pick', 'batch_take')
def pick(onnx, node, X, indices):
    """For each position the one element along an axis that its index names."""
    rank, axis = len(onnx.shape(node.inputs[0])), attribute(node, 'axis', -1)
    if axis is None:
        raise ValueError('%s: pick along axis=None has no counterpart here; flatten the tensor and '
                         'pick along axis 0' % node.name)
    axis %= rank
    indices = _within(onnx, node, indices, onnx.sizes(node.inputs[0])[axis])
    if len(onnx.shape(node.inputs[1])) < rank:
        indices = onnx.add('Unsqueeze', indices, onnx.ints(axis))
    Y = onnx.add('GatherElements', X, indices, axis=axis)
    if attribute(node, 'keepdims', False) or rank == 1:
        return Y
    return onnx.add('Squeeze', Y, onnx.ints(axis))


@converts('one_hot')
def one_hot(onnx, node, indices):
    """(...) -> (..., depth); an index out of range gives a row of `off_value`."""
    depth, dtype = attribute(node, 'depth'), onnx.dtype(node.entry())
    indices = onnx.add('Unsqueeze', onnx.cast(indices, 'int64'), onnx.ints(-1))
    return onnx.add('Where', onnx.add('Equal', indices, onnx.ints(*range(depth))),
                    onnx.constant(attribute(node, 'on_value', 1.0), dtype),
                    onnx.constant(attribute(node, 'off_value', 0.0), dtype))


@converts('gather_nd')
def gather_nd(onnx, node, X, indices):
    """indices (M, ...) -> (..., the axes of X after the first M)."""
    rank = len(onnx.shape(node.inputs[1]))
    indices = onnx.add('Transpose', onnx.cast(indices, 'int64'), perm=[*range(1, rank), 0])
    return onnx.add('GatherND', X, indices)


@converts('topk', 'sort', 'argsort')
def topk(onnx, node, X):
    """The k largest or smallest along an axis in order: values, indices, both, or a mask."""
    kind = {'sort': 'value', 'argsort': 'indices'}.get(node.op, attribute(node, 'ret_typ',
                                                                          'indices'))
    axis, shape = attribute(node, 'axis', -1), onnx.shape_vector(node.inputs[0])
    sizes = onnx.sizes(node.inputs[0])
    if axis is None:
        X, axis, sizes = onnx.add('Reshape', X, onnx.ints(-1)), 0, [onnx.add('Size', X)]
        sizes = [onnx.add('Reshape', sizes[0], onnx.ints(1))]
    k = attribute(node, 'k', 1) if node.op == 'topk' else 0
    values, indices = onnx.add(
        'TopK', X, onnx.vector(k if k > 0 else sizes[axis]), outputs=2, axis=axis,
        largest=int(not attribute(node, 'is_ascend', node.op != 'topk')))
    if kind == 'mask':
        dtype = onnx.dtype(node.entry())
        zeros = onnx.add('Expand', onnx.constant([0], dtype), onnx.vector(*sizes))
        ones = onnx.add('Expand', onnx.constant([1], dtype), onnx.add('Shape', indices))
        return onnx.add('Reshape', onnx.add('ScatterElements', zeros, indices, ones, axis=axis),
                        shape)
    if kind == 'value':
        return values
    indices = onnx.cast(indices, attribute(node, 'dtype', 'float32'))
    return [values, indices] if kind == 'both' else indices
