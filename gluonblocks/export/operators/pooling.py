"""Convert local, global and adaptive pooling."""
import numpy as np

from .layers import channels_first
from .registry import attribute, converts, listed


@converts('Pooling')
def pooling(onnx, node, X):
    """Apply max or average pooling over 1 to 3 dimensions.

    Window i begins at i * stride - pad. For pooling_convention='full', up to stride - 1 elements
    are added to the padding at the end; ONNX's ceil_mode is not used, because it would drop some
    windows. An average includes the padding of width `pad` if count_include_pad is True, but never
    the added elements.
    """
    channels_first(node)
    kind = attribute(node, 'pool_type', 'max')
    if kind not in ('max', 'avg'):
        raise ValueError("%s: expected pool_type='max' or 'avg', found %r" % (node.name, kind))
    if attribute(node, 'global_pool', False):
        return onnx.add('GlobalMaxPool' if kind == 'max' else 'GlobalAveragePool', X)
    kernel = listed(node, 'kernel')
    strides = listed(node, 'stride', [1] * len(kernel))
    begin = end = listed(node, 'pad', [0] * len(kernel))
    windows = dict(kernel_shape=kernel, strides=strides)
    full = attribute(node, 'pooling_convention', 'valid') == 'full'
    if kind == 'avg' and any(begin) and attribute(node, 'count_include_pad', True) is not False:
        if not full:
            return onnx.add('AveragePool', X, pads=begin + end, count_include_pad=1, **windows)
        # AveragePool cannot average over only part of its padding, so pad X separately. The extra
        # axis prevents ONNX Runtime 1.19 from fusing the Pad into the AveragePool.
        X = onnx.add('Unsqueeze', X, [0])
        X = onnx.add('Pad', X, [0, 0, 0, *begin, 0, 0, 0, *end])
        X, begin, end = onnx.add('Squeeze', X, [0]), [0] * len(kernel), [0] * len(kernel)
    if full:  # ONNX Runtime requires padding smaller than the window
        end = [min(pad + stride, size) - 1 for pad, stride, size in zip(end, strides, kernel)]
    return onnx.add('MaxPool' if kind == 'max' else 'AveragePool', X, pads=begin + end, **windows)


@converts('_contrib_AdaptiveAvgPooling2D')
def adaptive_average_pooling(onnx, node, X):
    """Apply adaptive average pooling: (N, C, H, W) -> (N, C, h, w).

    Output row i is the average of rows floor(i * H / h) to ceil((i + 1) * H / h) - 1. If h divides
    H and w divides W, ONNX's AveragePool computes the same. Otherwise, the windows overlap, and two
    matrix products compute the averages.
    """
    wanted = listed(node, 'output_size', [1])
    h, w = wanted if len(wanted) == 2 else 2 * wanted
    if (h, w) == (1, 1):
        return onnx.add('GlobalAveragePool', X)
    height, width = onnx.shape(node.inputs[0])[2:]
    if None in (height, width):
        raise ValueError('%s: adaptive average pooling to %d x %d needs a fixed input size; '
                         'export the net for one input size' % (node.name, h, w))
    if height % h == 0 and width % w == 0:
        steps = [height // h, width // w]
        return onnx.add('AveragePool', X, kernel_shape=steps, strides=steps)
    Y = onnx.add('MatMul', _averages(height, h), X)  # (N, C, h, W)
    return onnx.add('MatMul', Y, _averages(width, w).T)


def _averages(size, wanted):
    """Return a (wanted, size) matrix that averages `size` elements over `wanted` windows."""
    matrix = np.zeros((wanted, size))
    for i in range(wanted):
        begin, end = i * size // wanted, -(-(i + 1) * size // wanted)
        matrix[i, begin:end] = 1 / (end - begin)
    return matrix
