"""Predictions with ONNX Runtime, using files that gluonblocks exports."""
import os

import numpy as np

from ..timing import serve_predictions


def export(requests, model, folder):
    """Export a model to `folder`; answer with the `path` of the ONNX file.

    If a library is missing, answer {"missing": error message} instead.
    """
    import gluonblocks as gb  # first: it sets MXNet's threads
    from gluonblocks.export.run import export_net

    import mxnet as mx  # isort: skip
    net, side = gb.get_model(model), gb.get_recipe(model).resize or 28
    net.initialize(init=mx.init.Xavier())
    X = np.random.RandomState(0).rand(64, 1, side, side).astype('float32')
    for _ in range(10):  # updates the running statistics; otherwise, activations would be too large
        with mx.autograd.record():
            net(mx.nd.array(X))
    try:
        export_net(net, (1, side, side), os.path.join(folder, 'onnx'), ['onnx'], data=X)
    except ImportError as error:
        requests.answer(missing=str(error).splitlines()[0])
    else:
        requests.answer(path=os.path.join(folder, 'onnx', 'model.onnx'))


def predict(requests, path, threads, model):
    """Load the ONNX file at `path`, and time predictions with it on request."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    requests.answer(version=onnxruntime.__version__)
    serve_predictions(requests, lambda X: session.run(None, {'data': X}),
                      session.get_inputs()[0].shape[1:])
