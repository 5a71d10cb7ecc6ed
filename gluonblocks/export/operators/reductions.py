"""Reductions along axes, matrix products, and embeddings."""
from .elementwise import times
from .registry import attribute, converts

REDUCTIONS = {'sum': 'ReduceSum', 'mean': 'ReduceMean', 'max': 'ReduceMax', 'min': 'ReduceMin',
              'prod': 'ReduceProd', '_square_sum': 'ReduceSumSquare'}


def axes_of(node, rank):
    """Return the sorted axes of a reduction: those of `axis`, or the others if exclude=True."""
    axes = attribute(node, 'axis')
    axes = (axes,) if isinstance(axes, int) else axes or range(rank)
    axes = {axis % rank for axis in axes}
    if attribute(node, 'exclude', False):
        axes = set(range(rank)) - axes
    return sorted(axes)


def reduce(onnx, op, node, X):
    """Write a reduction. If no axis is left, MXNet returns the shape (1,) and ONNX ()."""
    rank = len(onnx.shape(node.inputs[0]))
    axes, keepdims = axes_of(node, rank), bool(attribute(node, 'keepdims', False))
    if not axes:  # exclude=True with all axes
        return onnx.add('Abs', X) if op in ('ReduceL1', 'ReduceL2') else X
    if op == 'ReduceSum':  # in opset 13 the axes are an input of this one only
        Y = onnx.add(op, X, onnx.ints(*axes), keepdims=int(keepdims))
    else:
        Y = onnx.add(op, X, axes=axes, keepdims=int(keepdims))
    return Y if keepdims or len(axes) < rank else onnx.add('Reshape', Y, onnx.ints(1))


@converts(*REDUCTIONS, 'nansum', 'nanprod', 'norm')
def reduction(onnx, node, X):
    """A reduction over `axis`; nansum and nanprod ignore NaN."""
    if node.op in ('nansum', 'nanprod'):
        neutral = onnx.constant(0 if node.op == 'nansum' else 1)
        X = onnx.add('Where', onnx.add('IsNaN', X), neutral, X)
    op = REDUCTIONS.get(node.op.replace('nan', ''))
    return reduce(onnx, op or 'ReduceL%d' % attribute(node, 'ord', 2), node, X)


@converts('moments')
def moments(onnx, node, X):
    """The mean and the variance over `axes`."""
    axes = [axis % len(onnx.shape(node.inputs[0])) for axis in attribute(node, 'axes')]
    centered = onnx.add('Sub', X, onnx.add('ReduceMean', X, axes=axes, keepdims=1))
    keepdims = int(attribute(node, 'keepdims', False))
    return [onnx.add('ReduceMean', each, axes=axes, keepdims=keepdims)
            for each in (X, onnx.add('Mul', centered, centered))]


@converts('argmax', 'argmin', 'argmax_channel')
def argmax(onnx, node, X):
    """The index of the extremum as float32; without an axis, the index in the flattened input."""
    op = 'ArgMin' if node.op == 'argmin' else 'ArgMax'
    axis = 1 if node.op == 'argmax_channel' else attribute(node, 'axis')
    rank, keepdims = len(onnx.shape(node.inputs[0])), int(attribute(node, 'keepdims', False))
    if axis is None:
        Y = onnx.add(op, onnx.add('Reshape', X, onnx.ints(-1)), axis=0, keepdims=1)
        Y = onnx.add('Reshape', Y, onnx.ints(*[1] * rank)) if keepdims else Y
    else:
        Y = onnx.add(op, X, axis=axis, keepdims=keepdims)
        Y = onnx.add('Reshape', Y, onnx.ints(1)) if rank == 1 else Y
    return onnx.cast(Y, 'float32')


@converts('dot')
def dot(onnx, node, a, b):
    """Sum over the last axis of a, or the first if transposed, and the first of b, or the last.

    Both are flattened to matrices; the result has all their other axes.
    """
    ranks = [len(onnx.shape(entry)) for entry in node.inputs]
    transposed = attribute(node, 'transpose_a', False), attribute(node, 'transpose_b', False)
    if ranks != [2, 2]:
        a = onnx.add('Flatten', a, axis=1 if transposed[0] else ranks[0] - 1)
        b = onnx.add('Flatten', b, axis=ranks[1] - 1 if transposed[1] else 1)
    a, b = (onnx.add('Transpose', each, perm=[1, 0]) if flag else each
            for each, flag in zip((a, b), transposed))
    Y = onnx.add('MatMul', a, b)
    return Y if ranks == [2, 2] else onnx.reshape(Y, node.entry())


@converts('batch_dot', '_linalg_gemm', '_linalg_gemm2')
def batch_dot(onnx, node, a, b, *c):
    """alpha op(A) op(B) + beta C for stacks of matrices; op may transpose."""
    if attribute(node, 'axis', -2) != -2:
        raise ValueError('%s: the rows are along axis %s, expected -2'
                         % (node.name, attribute(node, 'axis')))
    perm = list(range(len(onnx.shape(node.inputs[0]))))
    perm[-2:] = perm[:-3:-1]
    a, b = (onnx.add('Transpose', each, perm=perm) if attribute(node, name, False) else each
            for each, name in ((a, 'transpose_a'), (b, 'transpose_b')))
    Y = onnx.add('MatMul', a, b)
    alpha, beta = (float(attribute(node, name, 1)) for name in ('alpha', 'beta'))
    Y = Y if alpha == 1 else times(onnx, Y, alpha)
    return onnx.add('Add', Y, c[0] if beta == 1 else times(onnx, c[0], beta)) if c else Y


@converts('Embedding', '_contrib_SparseEmbedding')
def embedding(onnx, node, X, weight):
    """The rows of `weight` (V, E) whose indices X holds; MXNet clips indices to 0 ... V - 1."""
    rows = onnx.shape(node.inputs[1])[0]
    inside = onnx.add('Clip', onnx.cast(X, 'float32'), onnx.constant(0), onnx.constant(rows - 1))
    return onnx.add('Gather', weight, onnx.cast(inside, 'int64'))
