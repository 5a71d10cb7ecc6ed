"""A prediction graph -> ONNX, by MXNet's own exporter, mended for the newer releases of onnx.

Of MXNet's private API this takes `mxnet.onnx.mx2onnx._export_onnx.MXNetGraph` (1.9.0 and 1.9.1),
for `export_model` writes the newest opset of onnx, whatever that is, and its operators are opset
13's.
"""
import contextlib
import json
import os
import types

import mxnet as mx

from .. import __version__
from .formats import Written
from .preprocessing import add_preprocessing

FILE = 'model.onnx'
OPSET = 13  # the newest that MXNet's exporter knows, the first with weights quantized per channel
IR_VERSION = 8  # the file format of that time: ONNX Runtime reads it from 1.10 on


def write(job):
    """The format 'onnx': model.onnx, float32."""
    import onnxruntime  # noqa: F401  before the work
    content = finish(core_model(job), job)
    with open(os.path.join(job.folder, FILE), 'wb') as f:
        f.write(content)
    return Written([FILE], engine(content), takes_pictures=job.with_preprocessing)


def core_model(job):
    """The ONNX model of the job's net alone, float32, without preprocessing and metadata."""
    import onnx
    if 'onnx' not in job.shared:
        job.shared['onnx'] = to_onnx(job.symbol, job.params, job.shape)
    model = onnx.ModelProto()
    model.CopyFrom(job.shared['onnx'])
    return model


def finish(model, job):
    """The bytes of `model` with preprocessing, if the job asks for it, and metadata; checked."""
    import onnx
    if job.with_preprocessing:
        add_preprocessing(model, job.shape, job.picture_size)
    model.producer_name, model.producer_version = 'gluonblocks', __version__
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, metadata(job.info))
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def metadata(info):
    """An export's `info` as ONNX's metadata_props: texts by name, lists and numbers as JSON."""
    return {name: value if isinstance(value, str) else json.dumps(value)
            for name, value in info.items()}


def engine(content):
    """ONNX Runtime with the model of these bytes, on the CPU: its only input -> its output.

    It takes as many threads as MXNet does here.
    """
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    threads = os.environ.get('MXNET_OMP_MAX_THREADS') or os.environ.get('OMP_NUM_THREADS') or ''
    options.intra_op_num_threads = int(threads) if threads.isdigit() else 0
    session = onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])
    name = session.get_inputs()[0].name
    return lambda X: session.run(None, {name: X})[0]


def to_onnx(symbol, params, shape):
    """An onnx.ModelProto: 'data' (N, C, H, W) float32 -> 'logits' (N, classes), N of any size.

    `symbol` and `params` are as `prediction_symbol` gives them, `shape` is (C, H, W). The weights
    are initializers and no inputs: ONNX Runtime is then up to four times faster.

    Raises ValueError for an operator that MXNet's exporter does not know, ImportError where onnx is
    not installed or MXNet is older than 1.9.
    """
    if tuple(int(n) for n in mx.__version__.split('.')[:2]) < (1, 9):
        raise ImportError('MXNet is %s here, and its ONNX exporter is of use from 1.9 on: '
                          "pip install 'mxnet==1.9.1'. It reads the weights that older ones wrote"
                          % mx.__version__)
    import onnx
    from onnx import helper
    _, (output,), _ = symbol.infer_shape(data=(1,) + tuple(shape))
    if len(output) != 2:
        raise ValueError('the net gives %s for an image, but a classifier gives (1, classes)'
                         % (output,))
    with _mended():
        import mxnet.onnx  # noqa: F401  registers the operators
        from mxnet.onnx.mx2onnx._export_onnx import MXNetGraph
        try:
            graph = MXNetGraph().create_onnx_graph_proto(
                symbol, params, [(1,) + tuple(shape)], [onnx.TensorProto.FLOAT],
                opset_version=OPSET, dynamic=True, dynamic_input_shapes=[('N',) + tuple(shape)])
        except (AttributeError, NotImplementedError, AssertionError, TypeError) as error:
            raise ValueError("MXNet's ONNX exporter cannot write this net: %s" % error) from error
    held = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in held]
    del graph.input[:]
    graph.input.extend(inputs)
    _rename(graph, graph.output[0].name, 'logits')
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info('logits', onnx.TensorProto.FLOAT,
                                                      ['N', output[1]]))
    graph.name = 'net'
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)])
    model.ir_version = IR_VERSION
    return model


def _rename(graph, old, new):
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new


@contextlib.contextmanager
def _mended():
    """onnx as MXNet's exporter knows it, with what newer releases lack or do otherwise.

    From 1.19 on there is no onnx.mapping. And check_graph knows the newest opset only, which has
    some operators otherwise than 13 has: the whole model is checked in the end, by its own opset.
    """
    import onnx
    kinds = [onnx.TensorProto.DataType.Value(name) for name in (
        'FLOAT', 'UINT8', 'INT8', 'UINT16', 'INT16', 'INT32', 'INT64', 'BOOL', 'FLOAT16', 'DOUBLE',
        'UINT32', 'UINT64')]
    mapping = types.SimpleNamespace()
    mapping.TENSOR_TYPE_TO_NP_TYPE = {kind: onnx.helper.tensor_dtype_to_np_dtype(kind)
                                      for kind in kinds}
    mapping.NP_TYPE_TO_TENSOR_TYPE = {np_type: kind for kind, np_type
                                      in mapping.TENSOR_TYPE_TO_NP_TYPE.items()}
    of_onnx, of_checker = vars(onnx), vars(onnx.checker)
    kept = of_onnx.get('mapping'), of_checker['check_graph']
    of_onnx['mapping'], of_checker['check_graph'] = mapping, lambda graph: None
    try:
        yield
    finally:
        of_checker['check_graph'] = kept[1]
        if kept[0] is None:
            del of_onnx['mapping']
        else:
            of_onnx['mapping'] = kept[0]
