"""A net in 8 bits, by ONNX Runtime's static quantization.

Weights are quantized channel by channel, and what flows between the operators by the ranges that
training images give. The nodes are ONNX's own QuantizeLinear and DequantizeLinear, which engines
take together with what is between them.

x86 without VNNI (before Ice Lake and Zen 4) adds two products of 8 bits up in 16, which can
overflow, and gives other answers then. `reduce_range` takes weights of 7 bits, with which nothing
overflows, for a little accuracy.
"""
import os
import tempfile

from . import onnx as onnx_format
from .formats import Written

FILE = 'model-int8.onnx'
NUM_IMAGES = 512  # that the ranges are taken from

WITHOUT_VNNI = ('a CPU without VNNI (x86 before Ice Lake and Zen 4) may overflow with the 8 bit '
                'weights and answer otherwise than was verified here: for such machines export '
                'with reduce_range, weights of 7 bits')


def write(job):
    """The format 'onnx-int8': model-int8.onnx."""
    import onnx
    import onnxruntime  # noqa: F401  before the work
    content = quantize(onnx_format.core_model(job).SerializeToString(), job.calibration,
                       job.reduce_range)
    content = onnx_format.finish(onnx.load_model_from_string(content), job)
    with open(os.path.join(job.folder, FILE), 'wb') as f:
        f.write(content)
    return Written([FILE], onnx_format.engine(content), takes_pictures=job.with_preprocessing,
                   exact=False, notes=() if job.reduce_range else (WITHOUT_VNNI,))


def quantize(content, X, reduce_range=False):
    """An ONNX model's bytes -> those of the model in 8 bits.

    `X`, float32 (n, C, H, W), are the images that tell how far the numbers within the net range.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process
    with tempfile.TemporaryDirectory() as folder:
        whole, prepared, made = [os.path.join(folder, name + '.onnx') for name in (
            'whole', 'prepared', 'made')]
        with open(whole, 'wb') as f:
            f.write(content)
        # It puts batch normalizations into the convolutions before them.
        quant_pre_process(whole, prepared, skip_symbolic_shape=True)
        # Of the others none is computed in 8 bits anyway: around them it would only round.
        others = [node.name for node in onnx.load(prepared).graph.node
                  if node.op_type == 'BatchNormalization']
        quantization.quantize_static(
            prepared, made, _Reader(X), quant_format=quantization.QuantFormat.QDQ,
            per_channel=True, reduce_range=reduce_range, nodes_to_exclude=others,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8)
        with open(made, 'rb') as f:
            return f.read()


class _Reader:
    """Images, a few at a time, as ONNX Runtime's calibration asks for them."""

    def __init__(self, X, size=32):
        self._batches = iter([X[i:i + size] for i in range(0, len(X), size)])

    def get_next(self):
        X = next(self._batches, None)
        return None if X is None else {'data': X}
