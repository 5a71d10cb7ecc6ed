"""Write a net as an ONNX file, and run it in ONNX Runtime."""
import os

import numpy as np

from .. import __version__
from ..files import replace_file
from .checkpoints.params import leave_memory
from .description import Written
from .operators import OnnxGraph
from .preprocessing import add_preprocessing

FILE = 'model.onnx'
OPSET = 13  # operator set that operators/ writes, the first with per-channel quantization
_LARGE = 4096  # minimum size in bytes of an initializer that `_save` writes separately
_REORDERED = 32 << 20  # file size in bytes from which ONNX Runtime must not copy weights
IR_VERSION = 8  # version of the file format, which ONNX Runtime 1.10 and later can read


def check(net):
    """Raise ValueError if ONNX cannot express `net`, a `NetDescription`; the message says why."""
    graph_and_weights(net)


def write(net, folder, options):
    """Write model.onnx in float32; return a `Written`."""
    model, weights = graph_and_weights(net)
    _describe(model, net, options.with_preprocessing)
    _check(model, weights)
    path = os.path.join(folder, FILE)
    replace_file(path, lambda temporary: _save(model, weights, temporary))
    leave_memory(weights.values())
    return Written([FILE], engine(path), takes_pixels=options.with_preprocessing)


def finish(model, net, with_preprocessing):
    """Add metadata, and preprocessing if requested, to an ONNX model; return its bytes."""
    _describe(model, net, with_preprocessing)
    _check(model)
    return model.SerializeToString()


def _describe(model, net, with_preprocessing):
    from onnx import helper
    if with_preprocessing:
        add_preprocessing(model, net.shape, net.picture_size)
    model.producer_name, model.producer_version = 'gluonblocks', __version__
    helper.set_model_props(model, net.metadata('inside' if with_preprocessing else 'outside'))


def _check(model, weights=()):
    """Raise ValueError if `model`, to which the initializers `weights` are added, is invalid."""
    import onnx
    complete = onnx.ModelProto()
    complete.CopyFrom(model)
    complete.graph.input.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, weights[name].shape)
        for name in weights)
    try:
        onnx.checker.check_model(complete, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ValueError('ONNX cannot express the net: %s. Export the outputs of earlier layers'
                         % str(error).strip(' .\n')) from error


def engine(file):
    """Return an engine that runs an ONNX model in ONNX Runtime, on the CPU.

    `file` is a path or the bytes of the model. The engine uses as many threads as MXNet.
    """
    import onnxruntime
    options, disabled = onnxruntime.SessionOptions(), []
    options.log_severity_level = 3  # only errors
    if isinstance(file, str) and os.path.getsize(file) >= _REORDERED:
        # Disable two optimizations that would each hold another copy of all weights: changing the
        # layout of convolutions, and fusing batch norms into convolutions.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        disabled = ['ConvBNFusion']
    threads = os.environ.get('MXNET_OMP_MAX_THREADS') or os.environ.get('OMP_NUM_THREADS') or ''
    options.intra_op_num_threads = int(threads) if threads.isdigit() else 0
    session = onnxruntime.InferenceSession(file, options, providers=['CPUExecutionProvider'],
                                           disabled_optimizers=disabled)
    names = [each.name for each in session.get_inputs()]

    def run(inputs):
        try:
            return session.run(None, dict(zip(names, inputs)))
        except Exception as error:  # ONNX Runtime's exceptions share no narrower base class
            raise ValueError('ONNX Runtime cannot run the file: %s' % error) from error
    return run


def to_onnx(net):
    """Convert a `NetDescription` to an onnx.ModelProto.

    The weights are initializers, not inputs, which makes ONNX Runtime up to four times faster.

    Raises ValueError for attributes that ONNX cannot express, and for unsupported operators; the
    message lists all unsupported operators.
    """
    from onnx import numpy_helper
    model, weights = graph_and_weights(net)
    model.graph.initializer.extend(numpy_helper.from_array(array, name)
                                   for name, array in weights.items())
    return model


def graph_and_weights(net):
    """Return (model, weights): the model from `to_onnx` without its large float32 initializers.

    `weights` maps the names of the omitted initializers to their arrays.
    """
    from onnx import helper, numpy_helper
    written = OnnxGraph(net.symbol, net.params, net.shapes())
    written.convert(net.outputs)

    def infos(names, entries):
        return [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(
            np.dtype(written.dtype(entry))), _dims(written.shape(entry)))
                for name, entry in zip(names, entries)]
    inputs = infos(net.inputs, [written.graph.input(name).entry() for name in net.inputs])
    outputs = infos(net.outputs, written.graph.heads)
    arrays = written.initializers
    weights = {name: np.ascontiguousarray(array) for name, array in arrays.items()
               if array.dtype == np.float32 and array.nbytes >= _LARGE}
    graph = helper.make_graph(
        written.nodes, 'net', inputs, outputs,
        [numpy_helper.from_array(array, name)
         for name, array in arrays.items() if name not in weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)])
    model.ir_version = IR_VERSION
    return model, weights


def _save(model, weights, path):
    """Write `model` with `weights` as initializers, without a second copy of them in memory.

    To avoid the copy, this function itself encodes the protobuf fields that contain weights:
    ModelProto.graph (field 7), GraphProto.initializer (field 5) and TensorProto.raw_data (field 9).
    """
    import onnx
    graph = model.graph.SerializeToString()
    heads = []
    for name, array in weights.items():
        tensor = onnx.TensorProto(name=name, dims=array.shape, data_type=onnx.TensorProto.FLOAT)
        head = tensor.SerializeToString() + _field(9, array.nbytes)
        heads.append(_field(5, len(head) + array.nbytes) + head)
    size = len(graph) + sum(map(len, heads)) + sum(array.nbytes for array in weights.values())
    rest = onnx.ModelProto()
    rest.CopyFrom(model)
    rest.ClearField('graph')
    with open(path, 'wb') as f:
        f.write(rest.SerializeToString() + _field(7, size) + graph)
        for head, array in zip(heads, weights.values()):
            f.write(head)
            f.write(array.astype('<f4', copy=False).data)


def _field(number, size):
    """Return the tag and length that precede the `size` bytes of the protobuf field `number`."""
    head = [number << 3 | 2]
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes(head + [size])


def _dims(shape):
    """Return `shape` as ONNX dimensions: a batch size of None (variable) becomes 'N'."""
    return [size if size is not None else 'N' if i == 0 else None
            for i, size in enumerate(shape)]
