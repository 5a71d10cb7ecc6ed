"""Pooling over windows and over complete images."""
import numpy as np

from .elementwise import signed_power, times
from .layers import channels_first
from .registry import attribute, converts


@converts('Pooling', 'Pooling_v1')
def pooling(onnx, node, X):
    """max, avg, sum or lp pooling of 1 to 3 dimensions.

    Window i begins at i * stride - pad. With pooling_convention='full', up to stride - 1 more
    elements are padded on the right, whatever the input size; ONNX's ceil_mode drops some windows.
    """
    channels_first(node)
    kind = attribute(node, 'pool_type', 'max')
    if attribute(node, 'global_pool', False):
        return _global_pooling(onnx, node, X, kind)
    kernel = attribute(node, 'kernel')
    stride = attribute(node, 'stride') or (1,) * len(kernel)
    pad = attribute(node, 'pad') or (0,) * len(kernel)
    beyond = (0,) * len(kernel)  # the padding that 'full' adds on the right
    if attribute(node, 'pooling_convention', 'valid') == 'full':
        beyond = tuple(step - 1 for step in stride)
    windows = dict(kernel_shape=kernel, strides=stride)
    if kind == 'max':
        if node.op == 'Pooling_v1' and any(pad):  # the maximum includes the zeros of the padding
            X, pad = _padded(onnx, X, pad, pad, 0), (0,) * len(kernel)
        X, pads = _fitting(onnx, X, pad, _sum(pad, beyond), kernel, -np.inf)
        return onnx.add('MaxPool', X, pads=pads, **windows)
    if kind == 'lp':
        X, kind = _power(onnx, node, X), 'sum'
    if kind == 'sum' or node.op == 'Pooling_v1':  # its averages divide by the kernel's size
        X, pads = _fitting(onnx, X, pad, _sum(pad, beyond), kernel, 0)
        Y = onnx.add('AveragePool', X, pads=pads, count_include_pad=1, **windows)
        return _root(onnx, node, times(onnx, Y, int(np.prod(kernel)))) if kind == 'sum' else Y
    return _average_pooling(onnx, node, X, pad, beyond, windows)


def _power(onnx, node, X):
    p = attribute(node, 'p_value')
    return X if p == 1 else onnx.add('Pow', X, onnx.constant(p))


def _root(onnx, node, total):
    """The p-th root of the sum of X^p. (ONNX's LpPool sums |X|^p.)"""
    if attribute(node, 'pool_type') != 'lp' or attribute(node, 'p_value') == 1:
        return total
    if attribute(node, 'p_value') == 2:
        return onnx.add('Sqrt', total)
    return signed_power(onnx, total, 1 / attribute(node, 'p_value'))


def _sum(a, b):
    return tuple(x + y for x, y in zip(a, b))


def _average_pooling(onnx, node, X, pad, beyond, windows):
    """Divide by the number of elements, with or without `pad`, but without those `beyond` it."""
    kernel, included = windows['kernel_shape'], attribute(node, 'count_include_pad', True)
    included = included is not False and any(pad)  # the attribute may be None, too
    if included and not any(beyond) and _fits(pad, pad, kernel):
        return onnx.add('AveragePool', X, pads=2 * pad, count_include_pad=1, **windows)
    if included:
        X, pad = _padded(onnx, X, pad, pad, 0), (0,) * len(kernel)
    end = _sum(pad, beyond)
    if _fits(pad, end, kernel):
        return onnx.add('AveragePool', X, pads=pad + end, **windows)
    # A window may have no elements. MXNet returns 0 for it; AveragePool would divide by 0.
    ones = onnx.add('Expand', onnx.constant(1), onnx.add('Shape', X))
    total, count = (onnx.add('AveragePool', _padded(onnx, each, pad, end, 0), **windows)
                    for each in (X, ones))
    smallest = onnx.constant(0.5 / np.prod(kernel))
    return onnx.add('Div', total, onnx.add('Max', count, smallest))


def _fits(begin, end, kernel):
    """Return True if ONNX Runtime accepts these pads: no window may lie in the padding only."""
    return all(a < k and b < k for a, b, k in zip(begin, end, kernel))


def _fitting(onnx, X, begin, end, kernel, value):
    """Return X and the pads of a pooling over it; X is padded explicitly if the pads do not fit."""
    if _fits(begin, end, kernel):
        return X, begin + end
    return _padded(onnx, X, begin, end, value), (0,) * 2 * len(kernel)


def _padded(onnx, X, begin, end, value):
    # The extra axis stops ONNX Runtime 1.19 from fusing the Pad into the pooling that follows,
    # which ignores the value.
    X = onnx.add('Pad', onnx.add('Unsqueeze', X, onnx.ints(0)),
                 onnx.ints(0, 0, 0, *begin, 0, 0, 0, *end), onnx.constant(value))
    return onnx.add('Squeeze', X, onnx.ints(0))


def _global_pooling(onnx, node, X, kind):
    if kind in ('sum', 'lp'):
        axes = onnx.ints(*range(2, len(onnx.shape(node.inputs[0]))))
        X = _power(onnx, node, X) if kind == 'lp' else X
        return _root(onnx, node, onnx.add('ReduceSum', X, axes, keepdims=1))
    return onnx.add('GlobalMaxPool' if kind == 'max' else 'GlobalAveragePool', X)


@converts('_contrib_AdaptiveAvgPooling2D')
def adaptive_average_pooling(onnx, node, X):
    """(N, C, H, W) -> (N, C, h, w): row i averages rows floor(i H / h) to ceil((i + 1) H / h) - 1.

    If the sizes do not divide, the windows overlap: two matrices of weights then average.
    """
    wanted = attribute(node, 'output_size') or 1
    wanted = (wanted,) if isinstance(wanted, int) else wanted
    h, w = wanted if len(wanted) == 2 else 2 * wanted
    if (h, w) == (1, 1):
        return onnx.add('GlobalAveragePool', X)
    height, width = onnx.shape(node.inputs[0])[2:]
    if None in (height, width):
        raise ValueError('%s: an adaptive average pooling to %d x %d needs a fixed input size; '
                         'export the net for one input size' % (node.name, h, w))
    if height % h == 0 and width % w == 0:
        steps = [height // h, width // w]
        return onnx.add('AveragePool', X, kernel_shape=steps, strides=steps)
    Y = onnx.add('MatMul', onnx.constant(_averages(height, h)), X)  # (N, C, h, W)
    return onnx.add('MatMul', Y, onnx.constant(_averages(width, w).T))


def _averages(size, wanted):
    """Return the matrix (wanted, size) whose rows average the windows."""
    matrix = np.zeros((wanted, size))
    for i in range(wanted):
        begin, end = i * size // wanted, -(-(i + 1) * size // wanted)
        matrix[i, begin:end] = 1 / (end - begin)
    return matrix
