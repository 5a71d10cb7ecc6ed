"""Attention with queries, keys and values that lie side by side, and images as Gluon feeds them."""
import numpy as np

from .registry import attribute, converts


@converts('_contrib_interleaved_matmul_selfatt_qk', '_contrib_interleaved_matmul_encdec_qk')
def attention_scores(onnx, node, X, *keys):
    """Products of queries and keys by head, (N heads, T, S), over the root of their length.

    X is (T, N, heads 3 D) with a query, a key and a value of length D for each head, or has the
    queries alone, and then the keys and values are (S, N, heads 2 D).
    """
    heads, channels = attribute(node, 'heads'), onnx.shape(node.inputs[0])[2]
    entry, pieces = node.inputs[-1], 2 if keys else 3
    queries = _by_head(onnx, node.inputs[0], X, heads, 1 if keys else 3, 0, [1, 2, 0, 3])
    scale = onnx.constant((channels // heads // (1 if keys else 3)) ** -0.5)
    keys = _by_head(onnx, entry, keys[0] if keys else X, heads, pieces, pieces - 2, [1, 2, 3, 0])
    return onnx.add('MatMul', onnx.add('Mul', queries, scale), keys)


@converts('_contrib_interleaved_matmul_selfatt_valatt',
          '_contrib_interleaved_matmul_encdec_valatt')
def attended_values(onnx, node, X, weights):
    """The values of `X` weighted by (N heads, T, S): (T, N, heads D)."""
    heads, pieces = attribute(node, 'heads'), 2 if 'encdec' in node.op else 3
    values = _by_head(onnx, node.inputs[0], X, heads, pieces, pieces - 1, [1, 2, 0, 3])
    size = onnx.shape(node.inputs[0])[2] // pieces // heads
    Y = onnx.add('Reshape', onnx.add('MatMul', weights, values), onnx.vector(
        -1, heads, onnx.sizes(node.inputs[1])[1], size))
    return onnx.add('Reshape', onnx.add('Transpose', Y, perm=[2, 0, 1, 3]), onnx.ints(0, 0, -1))


def _by_head(onnx, entry, X, heads, pieces, k, perm):
    """The piece `k` of each head of (T, N, heads pieces D): (N heads, T, D), or (N heads, D, T)."""
    steps, _, channels = onnx.sizes(entry)
    size = channels // heads // pieces
    Y = onnx.add('Reshape', X, onnx.ints(0, 0, heads, pieces, size))
    Y = onnx.add('Gather', Y, onnx.constant(k, 'int64'), axis=3)
    sides = [steps, size] if perm[-1] == 3 else [size, steps]
    return onnx.add('Reshape', onnx.add('Transpose', Y, perm=perm), onnx.vector(-1, *sides))


@converts('_image_to_tensor')
def image_to_tensor(onnx, node, X):
    """(H, W, C) or (N, H, W, C) from 0 to 255 -> (C, H, W) or (N, C, H, W) from 0 to 1."""
    perm = [2, 0, 1] if len(onnx.shape(node.inputs[0])) == 3 else [0, 3, 1, 2]
    X = onnx.add('Transpose', onnx.cast(X, 'float32'), perm=perm)
    return onnx.add('Div', X, onnx.constant(255))


@converts('_image_normalize')
def image_normalize(onnx, node, X):
    """(X - mean) / std for each channel of (C, H, W) or (N, C, H, W)."""
    mean, std = [np.reshape(np.float32(attribute(node, name, default)), (-1, 1, 1))
                 for name, default in (('mean', 0), ('std', 1))]
    return onnx.add('Div', onnx.add('Sub', X, onnx.constant(mean)), onnx.constant(std))
