"""Predictions by ONNX Runtime, of the files that gluonblocks exports."""
import numpy as np
import onnxruntime

from ..timing import Clock


def predict_onnx(requests, model, path, threads):
    """Serve predictions of the net in the file at `path`, from a NumPy array to a NumPy array."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    shape = session.get_inputs()[0].shape[1:]
    requests.answer(version=onnxruntime.__version__)
    for request in requests:
        X = np.random.RandomState(0).rand(request['batch'], *shape).astype('float32')
        session.run(None, {'data': X})
        clock = Clock()
        for _ in range(request['predict']):
            session.run(None, {'data': X})
        requests.answer(predict=[clock.lap(), request['predict'] * len(X)])
