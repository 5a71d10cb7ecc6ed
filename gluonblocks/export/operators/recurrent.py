"""Convert the fused RNN operator and the sequence operators."""
from typing import Any, Dict

import numpy as np

from .indexing import END, START
from .registry import attribute, converts

# {MXNet mode: (ONNX operator, MXNet's index of each ONNX gate)}. MXNet's gate order is input,
# forget, cell, output for LSTM, and reset, update, new for GRU. ONNX's gate order is input, output,
# forget, cell for LSTM, and update, reset, new for GRU.
MODES = {'rnn_relu': ('RNN', [0]), 'rnn_tanh': ('RNN', [0]), 'lstm': ('LSTM', [0, 3, 1, 2]),
         'gru': ('GRU', [1, 0, 2])}


@converts('RNN')
def rnn(onnx, node, X, parameters, *states):
    """Run an RNN on X (T, N, C); return (T, N, directions * H) and any requested final states."""
    for name in ('projection_size', 'use_sequence_length', 'lstm_state_clip_min',
                 'lstm_state_clip_max'):
        if attribute(node, name):
            raise ValueError('%s: expected an RNN without %s, found %s=%s'
                             % (node.name, name, name, attribute(node, name)))
    packed = onnx.value(node.inputs[1])
    if packed is None:
        raise ValueError('%s: expected an RNN with constant weights, found weights that depend on '
                         'the input' % node.name)
    mode, hidden = attribute(node, 'mode'), attribute(node, 'state_size')
    layers = attribute(node, 'num_layers')
    directions = 2 if attribute(node, 'bidirectional', False) else 1
    kwargs: Dict[str, Any] = {'direction': 'bidirectional'} if directions == 2 else {}
    if mode in ('rnn_relu', 'rnn_tanh'):
        kwargs['activations'] = [mode[4:].title()] * directions
    if mode == 'gru':
        kwargs['linear_before_reset'] = 1  # MXNet applies the reset gate after the matrix product
    op, order = MODES[mode]
    inputs = [onnx.shape(node.inputs[0])[2]] + [directions * hidden] * (layers - 1)
    last = []  # final states of each layer
    for i, weights in enumerate(_unpacked(packed, order, directions, inputs, hidden)):
        first = [state if layers == 1 else onnx.add(
            'Slice', state, [i * directions], [(i + 1) * directions], [0]) for state in states]
        outputs = onnx.add(op, X, *weights, '', *first, hidden_size=hidden,
                           outputs=1 + len(states), **kwargs)
        X = onnx.add('Transpose', outputs[0], perm=[0, 2, 1, 3])  # (T, N, directions, H)
        X = onnx.add('Reshape', X, [0, 0, -1])
        last.append(outputs[1:])
    if not attribute(node, 'state_outputs', False):
        return X
    return [X] + [each[0] if layers == 1 else onnx.add('Concat', *each, axis=0)
                  for each in zip(*last)]


def _unpacked(packed, order, directions, inputs, hidden):
    """Yield ONNX's W (input weights), R (recurrent weights) and B (biases) for each layer.

    The gates are in ONNX's order. `inputs` lists the input size of each layer. In `packed`,
    MXNet's parameter vector, all matrices come first: (gates * H, input size) and (gates * H, H)
    for each direction of each layer. The biases follow in the same order, as vectors (gates * H,).
    """
    rows = len(order) * hidden

    def split(values, *sides):  # -> (rows, side) for each side, in ONNX's gate order
        parts = np.split(values, np.cumsum([rows * side for side in sides])[:-1])
        return [part.reshape((len(order), hidden, -1))[order].reshape((rows, -1))
                for part in parts]
    sides = [side for size in inputs for _ in range(directions) for side in (size, hidden)]
    end = rows * sum(sides)
    matrices, biases = split(packed[:end], *sides), split(packed[end:], *[1] * len(sides))
    for i in range(0, len(sides), 2 * directions):
        yield (np.stack(matrices[i:i + 2 * directions:2]),
               np.stack(matrices[i + 1:i + 2 * directions:2]),
               np.reshape(biases[i:i + 2 * directions], (directions, -1)))


@converts('SequenceMask')
def sequence_mask(onnx, node, X, *lengths):
    """Set X to `value` after the end of each sequence; `axis` is the time axis, 0 or 1."""
    if not attribute(node, 'use_sequence_length', False):
        return X
    axis, rank = attribute(node, 'axis', 0), onnx.rank(node.inputs[0])
    steps, ends = [[-1 if i == k else 1 for i in range(rank)] for k in (axis, 1 - axis)]
    size = onnx.sizes(node.inputs[0])[axis]
    valid = onnx.add('Less', onnx.add('Reshape', onnx.indices(size), steps),
                     onnx.add('Reshape', onnx.cast(lengths[0], 'int64'), ends))
    value = onnx.constant(float(attribute(node, 'value', 0)), onnx.dtype(node.inputs[0]))
    return onnx.add('Where', valid, X, value)


@converts('SequenceReverse')
def sequence_reverse(onnx, node, X, *lengths):
    """Reverse each sequence in X (T, N, ...) along the time axis; padding stays at the end."""
    if not attribute(node, 'use_sequence_length', False):
        return onnx.add('Slice', X, [END], [START], [0], [-1])
    return onnx.add('ReverseSequence', X, onnx.cast(lengths[0], 'int64'), time_axis=0, batch_axis=1)


@converts('SequenceLast')
def sequence_last(onnx, node, X, *lengths):
    """Return the last time step of each sequence; `axis` is the time axis, 0 or 1."""
    axis = attribute(node, 'axis', 0)
    if not attribute(node, 'use_sequence_length', False):
        return onnx.add('Gather', X, np.int64(-1), axis=axis)
    if axis == 0:  # (T, N, ...) -> (N, T, ...)
        rank = onnx.rank(node.inputs[0])
        X = onnx.add('Transpose', X, perm=[1, 0, *range(2, rank)])
    last = onnx.add('Sub', onnx.cast(lengths[0], 'int64'), np.int64(1))
    return onnx.add('GatherND', X, onnx.add('Unsqueeze', last, [1]), batch_dims=1)
