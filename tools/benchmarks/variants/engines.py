"""Predictions by ONNX Runtime, of files that gluonblocks exports."""
import os

import numpy as np

from ..timing import serve_predictions


def export(requests, model, folder):
    """Write a model in the formats 'onnx' and 'onnx-int8' into `folder`; answer where they are.

    `paths` has the file of each format that could be written, `missing` the reasons for the others.
    """
    import gluonblocks as gb  # first: it sets MXNet's threads
    from gluonblocks.export.run import export_net

    import mxnet as mx  # isort: skip
    net, side = gb.get_model(model), gb.get_recipe(model).resize or 28
    net.initialize(init=mx.init.Xavier())
    X = np.random.RandomState(0).rand(64, 1, side, side).astype('float32')
    for _ in range(10):
        with mx.autograd.record():  # running statistics that keep the activations bounded
            net(mx.nd.array(X))
    paths, missing = {}, []
    for name, file in (('onnx', 'model.onnx'), ('onnx-int8', 'model-int8.onnx')):
        try:
            # The net is not trained, so 8 bits need not be right: only its speed counts.
            export_net(net, (1, side, side), os.path.join(folder, name), [name], data=X,
                       max_drop=100)
        except ImportError as error:
            missing.append(str(error).splitlines()[0])
        else:
            paths[name] = os.path.join(folder, name, file)
    requests.answer(paths=paths, missing=missing)


def predict(requests, path, threads, model):
    """Serve predictions of the net in the file at `path`."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    requests.answer(version=onnxruntime.__version__)
    serve_predictions(requests, lambda X: session.run(None, {'data': X}),
                      session.get_inputs()[0].shape[1:])
