"""Convert activations and softmax."""
from .elementwise import along_axis
from .registry import attribute, converts


@converts('Activation')
def activation(onnx, node, X):
    """Apply relu, sigmoid, softrelu, softsign or tanh."""
    kinds = {'relu': 'Relu', 'sigmoid': 'Sigmoid', 'softrelu': 'Softplus', 'softsign': 'Softsign',
             'tanh': 'Tanh'}
    return onnx.add(kinds[attribute(node, 'act_type')], X)


@converts('hard_sigmoid')
def hard_sigmoid(onnx, node, X):
    """Compute min(1, max(0, alpha * X + beta))."""
    return onnx.add('HardSigmoid', X, alpha=float(attribute(node, 'alpha', 0.2)),
                    beta=float(attribute(node, 'beta', 0.5)))


@converts('LeakyReLU')
def leaky_relu(onnx, node, X, *slope):
    """Apply leaky, elu, selu, gelu, prelu (slopes of shape (C,)) or rrelu (with the mean slope)."""
    kind, alpha = attribute(node, 'act_type', 'leaky'), float(attribute(node, 'slope', 0.25))
    if kind == 'prelu':
        rank = onnx.rank(node.inputs[0])
        return onnx.add('PRelu', X, along_axis(onnx, node.inputs[1], slope[0], 1, rank))
    if kind == 'selu':
        return onnx.add('Selu', X)
    if kind == 'gelu':
        one = onnx.add('Add', onnx.add('Erf', onnx.add('Mul', X, 0.5 ** 0.5)), 1)
        return onnx.add('Mul', X, onnx.add('Mul', one, 0.5))
    if kind == 'rrelu':
        alpha = (float(attribute(node, 'lower_bound', 0.125))
                 + float(attribute(node, 'upper_bound', 0.334))) / 2
    return onnx.add('Elu' if kind == 'elu' else 'LeakyRelu', X, alpha=alpha)


@converts('softmax', 'log_softmax', 'softmin')
def softmax(onnx, node, X, *length):
    """Apply softmax, log_softmax or softmin to X / temperature along one axis."""
    if length:
        raise ValueError('%s: expected use_length=False, found True' % node.name)
    temperature = float(attribute(node, 'temperature') or 1)
    if node.op == 'softmin':
        temperature = -temperature
    if temperature != 1:
        X = onnx.add('Div', X, temperature)
    return onnx.add('LogSoftmax' if node.op == 'log_softmax' else 'Softmax', X,
                    axis=attribute(node, 'axis', -1))


@converts('SoftmaxActivation')
def softmax_activation(onnx, node, X):
    """Apply softmax over the channels if mode='channel', otherwise over the last axis."""
    return onnx.add('Softmax', X, axis=1 if attribute(node, 'mode') == 'channel' else -1)
