"""Convert reductions and matrix products."""
from .registry import attribute, converts, listed

REDUCTIONS = {'sum': 'ReduceSum', 'mean': 'ReduceMean', 'max': 'ReduceMax', 'min': 'ReduceMin',
              'prod': 'ReduceProd'}


@converts(*REDUCTIONS, 'norm')
def reduction(onnx, node, X):
    """Reduce over the axes in `axis`, or over all other axes if exclude=True."""
    op = REDUCTIONS.get(node.op) or 'ReduceL%d' % attribute(node, 'ord', 2)
    rank, keepdims = onnx.rank(node.inputs[0]), int(attribute(node, 'keepdims', False))
    named = {axis % rank for axis in listed(node, 'axis', range(rank))}
    axes = [i for i in range(rank) if (i in named) != bool(attribute(node, 'exclude', False))]
    if op == 'ReduceSum':  # in opset 13 only ReduceSum takes the axes as an input
        Y = onnx.add(op, X, axes, keepdims=keepdims)
    else:
        Y = onnx.add(op, X, axes=axes, keepdims=keepdims)
    # If no axis remains, ONNX returns the shape (), so reshape the result to (1,) as in MXNet.
    return Y if keepdims or len(axes) < rank else onnx.add('Reshape', Y, [1])


@converts('argmax', 'argmin', 'argmax_channel')
def argmax(onnx, node, X):
    """Return the index of the maximum or minimum; axis=None flattens the input first."""
    axis = 1 if node.op == 'argmax_channel' else attribute(node, 'axis')
    rank, keepdims = onnx.rank(node.inputs[0]), int(attribute(node, 'keepdims', False))
    shape = [1] * rank if axis is None and keepdims else [1] if axis is None or rank == 1 else None
    if axis is None:
        X, axis = onnx.add('Reshape', X, [-1]), 0
    Y = onnx.add('ArgMin' if node.op == 'argmin' else 'ArgMax', X, axis=axis, keepdims=keepdims)
    Y = Y if shape is None else onnx.add('Reshape', Y, shape)
    return onnx.cast(Y, onnx.dtype(node.entry()))


@converts('dot')
def dot(onnx, node, a, b):
    """Contract the last axis of a with the first axis of b.

    If transpose_a is True, the first axis of a is contracted instead; if transpose_b is True, the
    last axis of b is. The result has the remaining axes of a, followed by the remaining axes of b.
    """
    ranks = [onnx.rank(entry) for entry in node.inputs]
    transposed = attribute(node, 'transpose_a', False), attribute(node, 'transpose_b', False)
    if ranks != [2, 2]:
        a = onnx.add('Flatten', a, axis=1 if transposed[0] else ranks[0] - 1)
        b = onnx.add('Flatten', b, axis=ranks[1] - 1 if transposed[1] else 1)
    a, b = (onnx.add('Transpose', each, perm=[1, 0]) if flag else each
            for each, flag in zip((a, b), transposed))
    Y = onnx.add('MatMul', a, b)
    if ranks == [2, 2]:
        return Y
    (first, second), (begin, end) = map(onnx.sizes, node.inputs), transposed
    kept = (first[1:] if begin else first[:-1]) + (second[:-1] if end else second[1:])
    return onnx.reshape(Y, kept or [1])


@converts('batch_dot', '_linalg_gemm2')
def batch_dot(onnx, node, a, b):
    """Multiply batches of matrices, transposed if requested, and scale the product by alpha."""
    if attribute(node, 'axis', -2) != -2:
        raise ValueError('%s: expected axis=-2, found axis=%s'
                         % (node.name, attribute(node, 'axis')))
    perm = list(range(onnx.rank(node.inputs[0])))
    perm[-2:] = perm[:-3:-1]
    a, b = (onnx.add('Transpose', each, perm=perm) if attribute(node, name, False) else each
            for each, name in ((a, 'transpose_a'), (b, 'transpose_b')))
    alpha = float(attribute(node, 'alpha', 1))
    return onnx.add('MatMul', a if alpha == 1 else onnx.add('Mul', a, alpha), b)
