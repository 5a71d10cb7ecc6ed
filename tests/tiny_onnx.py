"""An ONNX file of one matrix, written by hand: a net whose answers NumPy can tell."""
import numpy as np


def linear_onnx(weight, bias, side):
    """data float32 (N, 1, side, side) -> logits = flattened data @ weight + bias, bytes."""
    return _message(
        (1, 8),  # ir_version
        (7, _message(
            (1, _message((1, 'data'), (2, 'flat'), (4, 'Flatten'))),
            (1, _message((1, 'flat'), (1, 'weight'), (1, 'bias'), (2, 'logits'), (4, 'Gemm'))),
            (2, 'linear'),
            (5, _tensor('weight', weight)),
            (5, _tensor('bias', bias)),
            (11, _value('data', ['N', 1, side, side])),
            (12, _value('logits', ['N', len(bias)])))),
        (8, _message((1, ''), (2, 13))))  # opset_import


def linear_answer(image, weight, bias):
    """The probabilities for an image uint8 (side, side), in float64."""
    logits = image.reshape(-1) / 255 @ np.asarray(weight, np.float64) + bias
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _tensor(name, array):
    array = np.asarray(array, '<f4')
    return _message(*[(1, n) for n in array.shape] + [(2, 1), (8, name), (9, array.tobytes())])


def _value(name, shape):
    dims = [(1, _message((2 if isinstance(n, str) else 1, n))) for n in shape]
    return _message((1, name), (2, _message((1, _message((1, 1), (2, _message(*dims)))))))


def _message(*fields):
    """Protocol Buffers: (number, value) of each field, whole numbers, texts or bytes."""
    out = b''
    for number, value in fields:
        if isinstance(value, int):
            out += _varint(number << 3) + _varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += _varint(number << 3 | 2) + _varint(len(value)) + value
    return out


def _varint(n):
    out = b''
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])
