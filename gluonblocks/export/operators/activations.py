"""Activations and softmax."""
import numpy as np

from .elementwise import along_axis, times
from .registry import attribute, converts


@converts('Activation')
def activation(onnx, node, X):
    """relu, sigmoid, softrelu, softsign or tanh."""
    kinds = {'relu': 'Relu', 'sigmoid': 'Sigmoid', 'softrelu': 'Softplus', 'softsign': 'Softsign',
             'tanh': 'Tanh'}
    return onnx.add(kinds[attribute(node, 'act_type')], X)


@converts('hard_sigmoid')
def hard_sigmoid(onnx, node, X):
    """min(1, max(0, alpha X + beta))"""
    return onnx.add('HardSigmoid', X, alpha=float(attribute(node, 'alpha', 0.2)),
                    beta=float(attribute(node, 'beta', 0.5)))


@converts('LeakyReLU')
def leaky_relu(onnx, node, X, *slope):
    """leaky, prelu, elu, selu, gelu, or rrelu with its mean slope; a slope (C,) is along axis 1."""
    kind, alpha = attribute(node, 'act_type', 'leaky'), float(attribute(node, 'slope', 0.25))
    if kind == 'prelu':
        rank = len(onnx.shape(node.inputs[0]))
        return onnx.add('PRelu', X, along_axis(onnx, node.inputs[1], slope[0], 1, rank))
    if kind == 'selu':
        return onnx.add('Selu', X)
    if kind == 'gelu':
        one = onnx.add('Add', onnx.add('Erf', times(onnx, X, 0.5 ** 0.5)), onnx.constant(1))
        return onnx.add('Mul', X, times(onnx, one, 0.5))
    if kind == 'rrelu':
        alpha = (float(attribute(node, 'lower_bound', 0.125))
                 + float(attribute(node, 'upper_bound', 0.334))) / 2
    return onnx.add('Elu' if kind == 'elu' else 'LeakyRelu', X, alpha=alpha)


@converts('softmax', 'log_softmax', 'softmin')
def softmax(onnx, node, X, length=None):
    """Softmax of X / temperature along one axis; with lengths, 0 beyond each length."""
    shape = onnx.shape(node.inputs[0])
    axis = attribute(node, 'axis', -1) % len(shape)
    temperature = float(attribute(node, 'temperature') or 1)
    if node.op == 'softmin':
        temperature = -temperature
    if temperature != 1:
        X = onnx.add('Div', X, onnx.constant(temperature))
    op = 'LogSoftmax' if node.op == 'log_softmax' else 'Softmax'
    if length is None:
        return onnx.add(op, X, axis=axis)
    index = positions(onnx, node.inputs[0], axis)  # (size, 1, ...)
    length = onnx.add('Unsqueeze', onnx.cast(length, 'int64'), onnx.ints(axis))
    valid = onnx.add('Less', index, length)
    X = onnx.add('Where', valid, X, onnx.constant(np.finfo('float32').min))
    return onnx.add('Where', valid, onnx.add(op, X, axis=axis), onnx.constant(0))


def positions(onnx, entry, axis):
    """The indices 0, 1, ... along `axis` of an entry, as int64 that broadcasts with it."""
    rank = len(onnx.shape(entry))
    end = onnx.add('Squeeze', onnx.size(entry, axis))
    index = onnx.add('Range', onnx.constant(0, 'int64'), end, onnx.constant(1, 'int64'))
    return onnx.add('Reshape', index, onnx.ints(-1, *[1] * (rank - 1 - axis)))


@converts('SoftmaxActivation')
def softmax_activation(onnx, node, X):
    """Softmax over the channels, or with mode='instance' over the last axis."""
    return onnx.add('Softmax', X, axis=1 if attribute(node, 'mode') == 'channel' else -1)


@converts('SoftmaxOutput')
def softmax_output(onnx, node, X, *label):
    """Softmax over the channels, the last axis, or a complete instance; the label is not used."""
    if attribute(node, 'multi_output', False):
        return onnx.add('Softmax', X, axis=1)
    # By MXNet's definition, over the instance. With 4 axes its oneDNN kernel takes the last one.
    if len(onnx.shape(node.inputs[0])) in (1, 2, 4) or attribute(node, 'preserve_shape', False):
        return onnx.add('Softmax', X, axis=-1)
    Y = onnx.add('Softmax', onnx.add('Flatten', X, axis=1), axis=-1)
    return onnx.add('Reshape', Y, onnx.shape_vector(node.inputs[0]))
