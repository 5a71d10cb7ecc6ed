"""One operator, or a few, in MXNet and in ONNX Runtime."""
import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from gluonblocks.export.operators import OnnxGraph, run_symbol


def onnx_session(symbol, params, variants):
    """(session, the `OnnxGraph`) of a symbol; see `OnnxGraph` for `variants`."""
    made = OnnxGraph(symbol, params, variants)
    heads = made.convert()
    dims = {name: made.shape(made.graph.input(name).entry()) for name in made.inputs}
    graph = helper.make_graph(
        made.nodes, 'net', [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, sides)
                            for name, sides in dims.items()],
        [helper.make_empty_tensor_value_info(name) for name in heads],
        [numpy_helper.from_array(array, name) for name, array in made.initializers.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)])
    model.ir_version = 8
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options), made


def assert_same(symbol, *variants, params=None, low=-1.0, high=1.0, rtol=1e-4, seed=0):
    """ONNX gives what MXNet does for `symbol` on random inputs, for each of the `variants`.

    A variant is the shapes of the inputs by name; the first is the one that is exported. Parameters
    that `params` lacks are random.
    """
    rng = np.random.RandomState(seed)
    arguments, _, states = symbol.infer_shape(
        **variants[0], **{name: array.shape for name, array in (params or {}).items()})
    names = symbol.list_arguments() + symbol.list_auxiliary_states()
    params = dict({name: rng.uniform(0.5, 1.5, shape).astype('float32')
                   for name, shape in zip(names, arguments + states) if name not in variants[0]},
                  **params or {})
    session, _ = onnx_session(symbol, params, list(variants))
    for shapes in variants:
        inputs = {name: rng.uniform(low, high, shape).astype('float32')
                  for name, shape in shapes.items()}
        expected = run_symbol(symbol, params, inputs)
        used = {each.name for each in session.get_inputs()}
        found = session.run(None, {name: X for name, X in inputs.items() if name in used})
        assert len(found) == len(expected)
        for ours, mxnets in zip(found, expected):
            assert ours.shape == mxnets.shape, (shapes, ours.shape, mxnets.shape)
            np.testing.assert_allclose(ours, mxnets, rtol=rtol,
                                       atol=rtol * max(1, np.abs(
                                           mxnets[np.isfinite(mxnets)]).max(initial=0)))
