"""Predictions by ONNX Runtime, of the same nets: exported from PyTorch in predict mode."""
import inspect
import io
import warnings

import numpy as np

from ..timing import Clock
from ..workers import Unavailable


def predict_onnx(requests, model, resize, threads):
    """Serve predictions, from a NumPy array to a NumPy array."""
    try:
        import onnx  # noqa: F401  the exporter needs it
        import onnxruntime
        import torch

        from ..torch_nets import NETS
    except ImportError as error:
        raise Unavailable('ONNX Runtime needs torch, onnx and onnxruntime (%s)' % error)
    torch.manual_seed(0)
    side, exported = resize or 28, io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # the newer exporter needs onnxscript as well
        choice = 'dynamo' in inspect.signature(torch.onnx.export).parameters
        older = {'dynamo': False} if choice else {}
        torch.onnx.export(NETS[model]().eval(), (torch.zeros(2, 1, side, side),), exported,
                          input_names=['X'], output_names=['Y'],
                          dynamic_axes={'X': {0: 'N'}, 'Y': {0: 'N'}},
                          keep_initializers_as_inputs=False, **older)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(exported.getvalue(), options,
                                           providers=['CPUExecutionProvider'])
    requests.answer(version=onnxruntime.__version__)
    for request in requests:
        X = np.random.RandomState(0).rand(request['batch'], 1, side, side).astype('float32')
        session.run(None, {'X': X})
        clock = Clock()
        for _ in range(request['predict']):
            session.run(None, {'X': X})
        requests.answer(predict=[clock.lap(), request['predict'] * len(X)])
