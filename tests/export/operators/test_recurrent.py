"""The fused recurrent operator and those on sequences in ONNX compute what MXNet's do."""
import mxnet as mx
import numpy as np
import pytest
from operators_in_onnx import assert_same, onnx_session

X = mx.sym.var('data')


def net(mode, layers=1, bidirectional=False, state_outputs=True, **attrs):
    names = ['state'] + ['cell'] * (mode == 'lstm')
    states = {'state_cell' if name == 'cell' else 'state': mx.sym.var(name) for name in names}
    return mx.sym.RNN(X, mx.sym.var('parameters'), state_size=4, num_layers=layers, mode=mode,
                      bidirectional=bidirectional, state_outputs=state_outputs, **states, **attrs)


def shapes(mode, batch, states, steps=5):
    made = {'data': (steps, batch, 3), 'state': (states, batch, 4)}
    return dict(made, cell=made['state']) if mode == 'lstm' else made


@pytest.mark.parametrize('bidirectional', [True, False])
@pytest.mark.parametrize('layers', [1, 2])
@pytest.mark.parametrize('mode', ['rnn_relu', 'rnn_tanh', 'lstm', 'gru'])
def test_recurrent_nets_of_any_batch_and_length(mode, layers, bidirectional):
    states = layers * (1 + bidirectional)
    symbol = net(mode, layers, bidirectional)
    variants = shapes(mode, 2, states), shapes(mode, 3, states, steps=7)
    arguments, _, _ = symbol.infer_shape(**variants[0])
    size = dict(zip(symbol.list_arguments(), arguments))['parameters'][0]
    # Small weights of both signs: with large ones every gate would be 0 or 1.
    weights = np.random.RandomState(0).uniform(-0.6, 0.6, size).astype('float32')
    assert_same(symbol, *variants, params={'parameters': weights})
    assert_same(net(mode, layers, bidirectional, state_outputs=False), *variants,
                params={'parameters': weights})


def test_weights_of_single_gates_that_are_packed_in_the_graph():
    parts = [mx.sym.var(name, shape=(size,)) for name, size in
             (('i2h', 12 * 3), ('h2h', 12 * 4), ('biases', 24))]
    packed = mx.sym.Concat(*parts, dim=0)
    symbol = mx.sym.RNN(X, packed, mx.sym.var('state'), state_size=4, num_layers=1, mode='gru')
    assert_same(symbol, shapes('gru', 2, 1), shapes('gru', 3, 1))


def test_a_projection_is_an_error():
    symbol = net('lstm', projection_size=2)
    with pytest.raises(ValueError, match='projection_size=2'):
        onnx_session(symbol, {'parameters': np.zeros(120, 'float32')},
                     [{'data': (5, 2, 3), 'state': (1, 2, 2), 'cell': (1, 2, 4)}])


@pytest.mark.parametrize('name, attrs', [
    ('SequenceMask', {'value': 0.7}), ('SequenceReverse', {}), ('SequenceLast', {}),
    ('SequenceMask', {'value': -2, 'axis': 1}), ('SequenceLast', {'axis': 1})])
def test_sequences_with_and_without_lengths(name, attrs):
    function = getattr(mx.sym, name)
    sizes = (3, 4, 2) if attrs.get('axis') else (4, 3, 2)
    more = {'data': (sizes[0], 5, 2) if attrs.get('axis') else (5, 3, 2)}
    assert_same(function(X * 2, **attrs), {'data': sizes}, more)
    symbol = function(X, mx.sym.var('lengths'), use_sequence_length=True, **attrs)
    assert_same(symbol, {'data': sizes}, more, params={'lengths': np.float32([2, 4, 1])})
