"""A net as an ONNX file, and ONNX Runtime to run it."""
import os

import numpy as np

from .. import __version__
from ..files import write_file
from .description import Written
from .operators import OnnxGraph
from .preprocessing import add_preprocessing

FILE = 'model.onnx'
OPSET = 13  # what operators/ writes; the first with weights quantized per channel
IR_VERSION = 8  # the file format of that time: ONNX Runtime reads it from 1.10 on


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
    names = [each.name for each in session.get_inputs()]
    return lambda inputs: session.run(None, dict(zip(names, inputs)))


def to_onnx(net):
    """An onnx.ModelProto of a `NetDescription`: its inputs and outputs, for batches of any size.

    The weights are initializers and not inputs: ONNX Runtime is then up to four times faster.

    Raises ValueError with all operators that ONNX lacks, and for attributes that it cannot express.
    """
    import onnx
    from onnx import helper, numpy_helper
    written = OnnxGraph(net.symbol, net.params, net.shapes())
    names = dict(zip(written.convert(), net.outputs))
    for node in written.nodes:
        for each in (node.input, node.output):
            each[:] = [names.get(one, one) for one in each]
    inputs = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, _dims(
        written.shape(written.graph.input(name).entry()))) for name in net.inputs]
    outputs = [helper.make_tensor_value_info(name, _type_of(
        helper, written.dtype(head)), _dims(
        written.shape(head))) for name, head in zip(
            net.outputs, written.graph.heads)]
    graph = helper.make_graph(
        written.nodes, 'net', inputs, outputs,
        [numpy_helper.from_array(array, name)
         for name, array in written.used_initializers().items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)])
    model.ir_version = IR_VERSION
    return model


def _dims(shape):
    """Sizes as ONNX's: a name for those that depend on the input, 'N' for the batch."""
    return [size if size is not None else 'N' if i == 0 else None
            for i, size in enumerate(shape)]


def _type_of(helper, dtype):
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
