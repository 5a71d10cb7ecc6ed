"""Quantize a net to 8 bits with ONNX Runtime's static quantization.

Weights are quantized per channel. Activations are quantized per tensor, to ranges that are
calibrated on images. The file contains QuantizeLinear and DequantizeLinear nodes, which engines
fuse with the operators between them.

x86 CPUs without VNNI (before Ice Lake and Zen 4) add two 8-bit products in 16 bits. The sum can
overflow, which changes the outputs. `reduce_range` prevents this by quantizing weights to 7 bits.
"""
import os
import tempfile

from ..files import write_file
from .description import Written
from .onnx import check as check_onnx
from .onnx import engine, finish, to_onnx

FILE = 'model-int8.onnx'

WITHOUT_VNNI = ('on x86 CPUs without VNNI (before Ice Lake and Zen 4), sums of 8-bit products may '
                'overflow, which makes the outputs differ from the verified ones; export with the '
                'reduced range (7-bit weights) for these CPUs')


def check(net):
    """Raise ValueError if `net` lacks calibration images, or if ONNX cannot express it."""
    if net.calibration is None:
        raise ValueError('the onnx-int8 format requires images to calibrate the 8-bit ranges: '
                         'export a classifier, or pass a folder of images similar to the training '
                         'images')
    check_onnx(net)


def write(net, folder, options):
    """Write model-int8.onnx; return a `Written`."""
    import onnx
    content = quantize(to_onnx(net).SerializeToString(), net.calibration, options.reduce_range)
    content = finish(onnx.load_model_from_string(content), net, options.with_preprocessing)
    write_file(os.path.join(folder, FILE), content)
    return Written([FILE], engine(content), takes_pixels=options.with_preprocessing,
                   exact=False, notes=() if options.reduce_range else (WITHOUT_VNNI,))


def quantize(content, X, reduce_range=False):
    """Quantize the ONNX model `content` (bytes) to 8 bits, calibrated on images X (n, C, H, W)."""
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process
    with tempfile.TemporaryDirectory() as folder:
        original, prepared, quantized = [os.path.join(folder, name + '.onnx') for name in (
            'original', 'prepared', 'quantized')]
        write_file(original, content)
        # `quant_pre_process` folds batch normalizations into the convolutions before them.
        quant_pre_process(original, prepared, skip_symbolic_shape=True)
        # Do not quantize the batch normalizations that were not folded: they are computed in float,
        # so quantizing their inputs and outputs would only add rounding errors.
        graph = onnx.load(prepared).graph
        norms = [node.name for node in graph.node if node.op_type == 'BatchNormalization']
        quantization.quantize_static(
            prepared, quantized, _Reader(graph.input[0], X),
            quant_format=quantization.QuantFormat.QDQ, per_channel=True,
            reduce_range=reduce_range, nodes_to_exclude=norms,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8)
        with open(quantized, 'rb') as f:
            return f.read()


class _Reader:
    """An ONNX Runtime calibration reader that returns images in batches the model accepts."""

    def __init__(self, input, X):
        self._name = input.name
        size = input.type.tensor_type.shape.dim[0].dim_value or 32  # 0 stands for any batch size
        self._batches = iter([X[i:i + size] for i in range(0, len(X), size)])

    def get_next(self):
        X = next(self._batches, None)
        return None if X is None else {self._name: X}
