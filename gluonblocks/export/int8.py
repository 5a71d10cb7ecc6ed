"""Quantize a net to 8 bits with ONNX Runtime's static quantization.

Weights are quantized per channel. Activations are quantized with ranges calibrated on training
images. The nodes are ONNX's QuantizeLinear and DequantizeLinear, which engines fuse with the
operators between them.

x86 CPUs without VNNI (before Ice Lake and Zen 4) add two 8-bit products in 16 bits, which can
overflow and change the outputs. With `reduce_range`, weights have 7 bits and cannot overflow.
"""
import os
import tempfile

from ..files import write_file
from .description import Written
from .onnx import engine, finish, to_onnx

FILE = 'model-int8.onnx'

WITHOUT_VNNI = ('a CPU without VNNI (x86 before Ice Lake and Zen 4) may overflow with the 8 bit '
                'weights and answer otherwise than was verified here: for such machines export '
                'with reduce_range, weights of 7 bits')


def write(net, folder, options):
    """Write model-int8.onnx; return a `Written`."""
    import onnx
    if net.calibration is None:
        raise ValueError('8 bits need images that give the ranges of the values: give a folder of '
                         'such images as the net was trained on')
    content = quantize(to_onnx(net).SerializeToString(), net.calibration, options.reduce_range)
    content = finish(onnx.load_model_from_string(content), net, options.with_preprocessing)
    write_file(os.path.join(folder, FILE), content)
    return Written([FILE], engine(content), takes_pictures=options.with_preprocessing,
                   exact=False, notes=() if options.reduce_range else (WITHOUT_VNNI,))


def quantize(content, X, reduce_range=False):
    """Quantize an ONNX model, given as bytes, to 8 bits and return its bytes.

    `X`, float32 (n, C, H, W), are the images for calibrating the ranges of the activations.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process
    with tempfile.TemporaryDirectory() as folder:
        original, prepared, made = [os.path.join(folder, name + '.onnx') for name in (
            'original', 'prepared', 'made')]
        write_file(original, content)
        # This folds batch normalizations into the convolutions before them.
        quant_pre_process(original, prepared, skip_symbolic_shape=True)
        # The remaining norms are computed in float; quantizing around them only adds rounding.
        graph = onnx.load(prepared).graph
        others = [node.name for node in graph.node if node.op_type == 'BatchNormalization']
        quantization.quantize_static(
            prepared, made, _Reader(graph.input[0], X),
            quant_format=quantization.QuantFormat.QDQ, per_channel=True,
            reduce_range=reduce_range, nodes_to_exclude=others,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8)
        with open(made, 'rb') as f:
            return f.read()


class _Reader:
    """An ONNX Runtime calibration reader that yields images in batches that the input accepts."""

    def __init__(self, input, X):
        self._name = input.name
        size = input.type.tensor_type.shape.dim[0].dim_value or 32  # 0: any batch size

        self._batches = iter([X[i:i + size] for i in range(0, len(X), size)])

    def get_next(self):
        X = next(self._batches, None)
        return None if X is None else {self._name: X}
