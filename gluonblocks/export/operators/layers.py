"""Convert convolutions, fully connected layers and normalization layers to ONNX."""
import numpy as np

from .elementwise import along_axis
from .registry import attribute, converts, listed


def channels_first(node):
    """Raise ValueError unless a layer has the layout (N, C, ...)."""
    if attribute(node, 'layout') not in (None, 'NCW', 'NCHW', 'NCDHW'):
        raise ValueError('%s: expected the layout NCW, NCHW or NCDHW, found %s'
                         % (node.name, attribute(node, 'layout')))


def _windows(node):
    """Return the ONNX attributes of a convolution over 1, 2 or 3 dimensions."""
    channels_first(node)
    kernel = listed(node, 'kernel')
    ones, zeros = [1] * len(kernel), [0] * len(kernel)
    return dict(kernel_shape=kernel, strides=listed(node, 'stride', ones),
                dilations=listed(node, 'dilate', ones), pads=2 * listed(node, 'pad', zeros),
                group=attribute(node, 'num_group', 1))


@converts('Convolution', 'Convolution_v1')
def convolution(onnx, node, X, *weights):
    """Apply a convolution."""
    return onnx.add('Conv', X, *weights, **_windows(node))


@converts('Deconvolution')
def deconvolution(onnx, node, X, *weights):
    """Apply a transposed convolution; `target_shape` overrides `pad` and `adj`."""
    windows, target = _windows(node), listed(node, 'target_shape')
    if any(target):
        del windows['pads']
        return onnx.add('ConvTranspose', X, *weights, output_shape=target, **windows)
    return onnx.add('ConvTranspose', X, *weights, **windows,
                    output_padding=listed(node, 'adj', [0] * len(windows['strides'])))


@converts('FullyConnected')
def fully_connected(onnx, node, X, weight, *bias):
    """Apply a dense layer: (N, ...) -> (N, units), or (..., C) -> (..., units) if flatten=False."""
    if attribute(node, 'flatten', True):
        if onnx.rank(node.inputs[0]) != 2:
            X = onnx.add('Flatten', X, axis=1)
        return onnx.add('Gemm', X, weight, *bias, transB=1)
    Y = onnx.add('MatMul', X, onnx.add('Transpose', weight, perm=[1, 0]))
    return onnx.add('Add', Y, *bias) if bias else Y


@converts('BatchNorm', 'BatchNorm_v1', '_contrib_SyncBatchNorm')
def batch_norm(onnx, node, X, gamma, beta, mean, variance):
    """Normalize with the running statistics; any axis may be the channel axis."""
    first_output_only(node)
    if attribute(node, 'fix_gamma', True):  # MXNet uses ones and ignores the stored gamma
        gamma = onnx.constant(np.ones(onnx.shape(node.inputs[1])))
    perm = list(range(onnx.rank(node.inputs[0])))
    axis = perm[attribute(node, 'axis', 1)]
    if axis != 1:
        perm[1], perm[axis] = axis, 1
        X = onnx.add('Transpose', X, perm=perm)
    Y = onnx.add('BatchNormalization', X, gamma, beta, mean, variance,
                 epsilon=float(attribute(node, 'eps', 1e-3)))
    return Y if axis == 1 else onnx.add('Transpose', Y, perm=perm)


def first_output_only(node):
    """Raise ValueError if a normalization layer also returns its mean and variance."""
    if attribute(node, 'output_mean_var', False):
        raise ValueError('%s: expected output_mean_var=False, found True' % node.name)


@converts('InstanceNorm')
def instance_norm(onnx, node, X, gamma, beta):
    """Normalize (N, C, ...) over all axes except the first two."""
    return onnx.add('InstanceNormalization', X, gamma, beta,
                    epsilon=float(attribute(node, 'eps', 1e-3)))


@converts('LayerNorm')
def layer_norm(onnx, node, X, gamma, beta):
    """Compute (X - mean) / sqrt(variance + eps) * gamma + beta along one axis."""
    first_output_only(node)
    rank = onnx.rank(node.inputs[0])
    axis = attribute(node, 'axis', -1) % rank
    X = onnx.add('Sub', X, onnx.add('ReduceMean', X, axes=[axis], keepdims=1))
    variance = onnx.add('ReduceMean', onnx.add('Mul', X, X), axes=[axis], keepdims=1)
    variance = onnx.add('Add', variance, attribute(node, 'eps', 1e-5))
    X = onnx.add('Div', X, onnx.add('Sqrt', variance))
    X = onnx.add('Mul', X, along_axis(onnx, node.inputs[1], gamma, axis, rank))
    return onnx.add('Add', X, along_axis(onnx, node.inputs[2], beta, axis, rank))


@converts('GroupNorm')
def group_norm(onnx, node, X, gamma, beta):
    """Normalize (N, C, ...) over groups of channels; each group has one gamma and one beta."""
    first_output_only(node)
    Y = onnx.add('Reshape', X, [0, attribute(node, 'num_groups', 1), -1])
    Y = onnx.add('InstanceNormalization', Y, gamma, beta,
                 epsilon=float(attribute(node, 'eps', 1e-5)))
    return onnx.add('Reshape', Y, onnx.add('Shape', X))


@converts('L2Normalization')
def l2_normalization(onnx, node, X):
    """Compute X / sqrt(sum(X^2) + eps), where `mode` selects the axes of the sum."""
    rank = onnx.rank(node.inputs[0])
    axes = {'instance': range(1, rank), 'channel': [1], 'spatial': range(2, rank)}[
        attribute(node, 'mode', 'instance')]
    total = onnx.add('ReduceSumSquare', X, axes=list(axes), keepdims=1)
    total = onnx.add('Add', total, attribute(node, 'eps', 1e-10))
    return onnx.add('Div', X, onnx.add('Sqrt', total))


@converts('LRN')
def lrn(onnx, node, X):
    """Compute X / (knorm + alpha / nsize * (sum of X^2 over nsize channels))^beta."""
    return onnx.add('LRN', X, size=attribute(node, 'nsize'),
                    alpha=float(attribute(node, 'alpha', 1e-4)),
                    beta=float(attribute(node, 'beta', 0.75)),
                    bias=float(attribute(node, 'knorm', 2)))
