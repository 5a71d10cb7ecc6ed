"""Small ONNX files for tests: one dense layer, with the metadata that an export writes."""
import json

import numpy as np
from mxnet import nd
from mxnet.gluon import nn

NAMES = ['class %d' % i for i in range(10)]


def dense():
    """A Gluon net (N, 1, 28, 28) -> (N, 10), with its weight and bias."""
    rng = np.random.RandomState(0)
    weight = rng.normal(0, 1 / 7, (10, 784)).astype('float32')
    bias = rng.normal(size=10).astype('float32')
    net = nn.Dense(10, in_units=784)
    net.initialize()
    net.weight.set_data(nd.array(weight))
    net.bias.set_data(nd.array(bias))
    return net, weight, bias


def model(weight, bias, inside=False, **metadata):
    """The bytes of the layer as an ONNX file; `inside`: it takes uint8, and scales within."""
    from onnx import TensorProto, helper, numpy_helper
    shape = ['N', 28, 28] if inside else ['N', 1, 28, 28]
    nodes = [helper.make_node('Flatten', ['x' if inside else 'data'], ['flat']),
             helper.make_node('Gemm', ['flat', 'weight', 'bias'], ['logits'], transB=1)]
    tensors = [numpy_helper.from_array(array.astype('float32'), name)
               for array, name in ((weight, 'weight'), (bias, 'bias'))]
    if inside:
        nodes[:0] = [helper.make_node('Cast', ['data'], ['cast'], to=TensorProto.FLOAT),
                     helper.make_node('Div', ['cast', 'most'], ['x'])]
        tensors.append(numpy_helper.from_array(np.float32(255), 'most'))
    graph = helper.make_graph(nodes, 'dense', [helper.make_tensor_value_info(
        'data', TensorProto.UINT8 if inside else TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['N', 10])], tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)])
    made.ir_version = 8
    helper.set_model_props(made, {key: value for key, value in dict({
        'classes': json.dumps(NAMES), 'input': json.dumps([1, 28, 28]), 'resize': 'null',
        'scaling': 'x / 255', 'ground': 'dark',
        'preprocessing': 'inside' if inside else 'outside'}, **metadata).items()
        if value is not None})
    return made.SerializeToString()
