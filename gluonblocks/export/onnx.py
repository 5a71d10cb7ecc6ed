"""A prediction graph -> ONNX, operator by operator with MXNet's own converters.

Of MXNet's private API this takes `mxnet.onnx.mx2onnx._export_onnx.MXNetGraph` (1.9.0 and 1.9.1).
`export_model` itself writes onnx's newest opset, but the converters' operators are opset 13's.
"""
import collections
import json
import os
import re
import types

import mxnet as mx
import numpy as np

from .. import __version__
from ..files import write_file
from .description import Written
from .preprocessing import add_preprocessing

FILE = 'model.onnx'
OPSET = 13  # the newest that MXNet's converters know, the first with weights quantized per channel
IR_VERSION = 8  # the file format of that time: ONNX Runtime reads it from 1.10 on

_Output = collections.namedtuple('_Output', 'name dtype')


def write(net, folder, options):
    """The format 'onnx': model.onnx, float32."""
    content = finish(to_onnx(net), net, options.with_preprocessing)
    write_file(os.path.join(folder, FILE), content)
    return Written([FILE], engine(content), takes_pictures=options.with_preprocessing)


def finish(model, net, with_preprocessing):
    """The bytes of `model`, an ONNX model of `net` without metadata; checked."""
    import onnx
    if with_preprocessing:
        add_preprocessing(model, net.shape, net.picture_size)
    model.producer_name, model.producer_version = 'gluonblocks', __version__
    onnx.helper.set_model_props(model, net.metadata('inside' if with_preprocessing else 'outside'))
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def engine(content):
    """ONNX Runtime with the model of these bytes, on the CPU, with as many threads as MXNet."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    threads = os.environ.get('MXNET_OMP_MAX_THREADS') or os.environ.get('OMP_NUM_THREADS') or ''
    options.intra_op_num_threads = int(threads) if threads.isdigit() else 0
    session = onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])
    name = session.get_inputs()[0].name
    return lambda X: session.run(None, {name: X})[0]


def to_onnx(net):
    """An onnx.ModelProto: 'data' (N, C, H, W) float32 -> 'logits' (N, classes), N of any size.

    `net` is a `NetDescription`. The weights are initializers and not inputs: ONNX Runtime is then
    up to four times faster.

    Raises ValueError for an operator that MXNet cannot convert; ImportError if onnx is not
    installed or MXNet is older than 1.9.
    """
    if tuple(int(n) for n in mx.__version__.split('.')[:2]) < (1, 9):
        raise ImportError('ONNX files need MXNet 1.9 or later, found %s: '
                          "pip install 'mxnet==1.9.1'. It reads the weights that older ones wrote"
                          % mx.__version__)
    import onnx
    from onnx import helper
    _, (output,), _ = net.symbol.infer_shape(data=(1,) + tuple(net.shape))
    if len(output) != 2:
        raise ValueError('the net gives %s for an image, but a classifier gives (1, classes)'
                         % (output,))
    try:
        nodes, initializers, last = _convert(net.symbol, net.params)
    except (AttributeError, NotImplementedError, AssertionError, TypeError) as error:
        raise ValueError("MXNet's ONNX exporter cannot write this net: %s" % error) from error
    for node in nodes:
        for names in (node.input, node.output):
            names[:] = ['logits' if name == last else name for name in names]
    inputs, outputs = [
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ['N'] + list(sides))]
        for name, sides in (('data', net.shape), ('logits', output[1:]))]
    graph = helper.make_graph(nodes, 'net', inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)])
    model.ir_version = IR_VERSION
    return model


def _convert(symbol, params):
    """(nodes, initializers, the name of the last node's output) of a graph with the input 'data'.

    It does what `MXNetGraph.create_onnx_graph_proto` does, which checks the graph by onnx's newest
    opset: our models are checked by their own, at the end.
    """
    import onnx
    _add_mapping(onnx)
    import mxnet.onnx  # noqa: F401  registers the converters
    from mxnet.onnx.mx2onnx._export_onnx import MXNetGraph
    weights = {name: array.asnumpy() for name, array in params.items()}
    nodes, initializers, outputs = [], [], []
    graph = json.loads(symbol.tojson())['nodes']
    for i, node in enumerate(graph):
        name = node['name']
        if node['op'] == 'null':
            if name != 'data':
                initializers.append(onnx.numpy_helper.from_array(weights[name], name))
            dtype = weights[name].dtype if name in weights else np.dtype('float32')
            outputs.append([_Output(name, dtype)])
            continue
        made, dtypes = MXNetGraph.convert_layer(
            node, is_input=False, mx_graph=graph, weights=weights, proc_nodes=nodes,
            initializer=initializers, outputs_lookup=outputs, idx=i, opset_version=OPSET)
        nodes += made
        # An operator of several outputs has name, name1 and so on.
        names = [output for each in made for output in each.output
                 if re.fullmatch(re.escape(name) + r'\d*', output)] or [made[-1].output[0]]
        source, output, _ = node['inputs'][0]
        outputs.append([_Output(*pair) for pair in zip(
            sorted(names, key=len), dtypes or len(names) * [outputs[source][output].dtype])])
    return nodes, initializers, outputs[-1][0].name


def _add_mapping(onnx):
    """Give onnx the tables of types that it dropped in 1.19, which MXNet's converters read."""
    if not hasattr(onnx, 'mapping'):
        types_of = {kind: onnx.helper.tensor_dtype_to_np_dtype(kind) for kind in map(
            onnx.TensorProto.DataType.Value, (
                'FLOAT', 'UINT8', 'INT8', 'UINT16', 'INT16', 'INT32', 'INT64', 'BOOL', 'FLOAT16',
                'DOUBLE', 'UINT32', 'UINT64'))}
        onnx.mapping = types.SimpleNamespace(
            TENSOR_TYPE_TO_NP_TYPE=types_of,
            NP_TYPE_TO_TENSOR_TYPE={np_type: kind for kind, np_type in types_of.items()})
