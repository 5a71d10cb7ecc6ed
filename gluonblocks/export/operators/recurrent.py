"""The fused recurrent operator, and the operators on sequences."""
from typing import Any, Dict

import numpy as np

from .activations import positions
from .registry import attribute, converts

# {MXNet's mode: (ONNX's operator, the index in MXNet of each of ONNX's gates)}. MXNet orders the
# gates input, forget, cell, output and reset, update, new; ONNX orders them input, output, forget,
# cell and update, reset, new.
MODES = {'rnn_relu': ('RNN', [0]), 'rnn_tanh': ('RNN', [0]), 'lstm': ('LSTM', [0, 3, 1, 2]),
         'gru': ('GRU', [1, 0, 2])}


@converts('RNN')
def rnn(onnx, node, X, parameters, *states):
    """X (T, N, C) -> (T, N, directions * H), and with state_outputs the last states."""
    mode, hidden = attribute(node, 'mode'), attribute(node, 'state_size')
    for name in ('projection_size', 'use_sequence_length', 'lstm_state_clip_min',
                 'lstm_state_clip_max'):
        if attribute(node, name):
            raise ValueError('%s: %s=%s is not converted; expected an RNN without it'
                             % (node.name, name, attribute(node, name)))
    packed = onnx.value(node.inputs[1])
    if packed is None:
        raise ValueError('%s: expected weights that are parameters, found weights that depend on '
                         'the input' % node.name)
    layers = attribute(node, 'num_layers')
    directions = 2 if attribute(node, 'bidirectional', False) else 1
    channels = onnx.shape(node.inputs[0])[2]
    kwargs: Dict[str, Any] = {}
    if mode in ('rnn_relu', 'rnn_tanh'):
        kwargs['activations'] = [mode[4:].title()] * directions
    if mode == 'gru':
        kwargs['linear_before_reset'] = 1  # the reset gate follows the matrix product
    if directions == 2:
        kwargs['direction'] = 'bidirectional'
    op, order = MODES[mode]
    last = []  # the states of each layer
    for i, weights in enumerate(_unpacked(packed, order, layers, directions, channels, hidden)):
        begin, end = onnx.ints(i * directions), onnx.ints((i + 1) * directions)
        first = [state if layers == 1 else onnx.add('Slice', state, begin, end, onnx.ints(0))
                 for state in states]
        outputs = onnx.add(op, X, *[onnx.constant(each) for each in weights], '', *first,
                           hidden_size=hidden, outputs=1 + len(states), **kwargs)
        X = onnx.add('Transpose', outputs[0], perm=[0, 2, 1, 3])  # (T, N, directions, H)
        X = onnx.add('Reshape', X, onnx.ints(0, 0, -1))
        last.append(outputs[1:])
    if not attribute(node, 'state_outputs', False):
        return X
    return [X] + [each[0] if layers == 1 else onnx.add('Concat', *each, axis=0)
                  for each in zip(*last)]


def _unpacked(packed, order, layers, directions, channels, hidden):
    """Yield W, R and B of each layer in ONNX's order of gates.

    MXNet packs all matrices, (gates * H, inputs) and (gates * H, H) of each direction of each
    layer, and then all biases, two vectors (gates * H) of each.
    """
    rows, begin = len(order) * hidden, 0

    def take(*shape):
        nonlocal begin
        values = packed[begin:begin + int(np.prod(shape))].reshape(shape)
        begin += values.size
        gates = values.reshape((len(order), hidden) + shape[1:])
        return gates[order].reshape(shape)
    inputs = [channels] + [directions * hidden] * (layers - 1)
    matrices = [[(take(rows, size), take(rows, hidden)) for _ in range(directions)]
                for size in inputs]
    for layer in matrices:
        W, R = (np.stack(each) for each in zip(*layer))
        yield W, R, np.stack([np.concatenate([take(rows), take(rows)])
                              for _ in range(directions)])


def _lengths(node, lengths):
    """Return the lengths if the operator uses them."""
    return lengths if attribute(node, 'use_sequence_length', False) else ()


@converts('SequenceMask')
def sequence_mask(onnx, node, X, *lengths):
    """X with `value` from the end of each sequence on; `axis` is the time axis, 0 or 1."""
    if not _lengths(node, lengths):
        return X
    axis, rank = attribute(node, 'axis', 0), len(onnx.shape(node.inputs[0]))
    shape = [1 if i == axis else -1 for i in range(2)] + [1] * (rank - 2)
    ends = onnx.add('Reshape', onnx.cast(lengths[0], 'int64'), onnx.ints(*shape))
    valid = onnx.add('Less', positions(onnx, node.inputs[0], axis), ends)
    return onnx.add('Where', valid, X, onnx.constant(float(attribute(node, 'value', 0))))


@converts('SequenceReverse')
def sequence_reverse(onnx, node, X, *lengths):
    """Reverse X (T, N, ...) in time, each sequence up to its length."""
    if _lengths(node, lengths):
        return onnx.add('ReverseSequence', X, onnx.cast(lengths[0], 'int64'), time_axis=0,
                        batch_axis=1)
    return onnx.add('Slice', X, onnx.ints(-1), onnx.ints(-2 ** 62), onnx.ints(0), onnx.ints(-1))


@converts('SequenceLast')
def sequence_last(onnx, node, X, *lengths):
    """The last step of each sequence."""
    axis = attribute(node, 'axis', 0)
    if not _lengths(node, lengths):
        return onnx.add('Gather', X, onnx.constant(-1, 'int64'), axis=axis)
    if axis == 0:  # (N, T, ...)
        rank = len(onnx.shape(node.inputs[0]))
        X = onnx.add('Transpose', X, perm=[1, 0] + list(range(2, rank)))
    ends = onnx.add('Sub', onnx.cast(lengths[0], 'int64'), onnx.ints(1))
    return onnx.add('GatherND', X, onnx.add('Unsqueeze', ends, onnx.ints(1)), batch_dims=1)
