"""The net of a checkpoint: its inputs, its outputs without losses, and what does not fit."""
import json
import re

import mxnet as mx
import numpy as np
import pytest

from gluonblocks.export.checkpoints import read_net
from gluonblocks.files import DamagedFile


def test_losses_become_predictions_and_a_head_that_needs_a_label_is_dropped(checkpoint):
    net = read_net(str(checkpoint), shape=(3, 8, 8))
    assert net.outputs == ['embedding_output', 'softmax_output']
    assert net.inputs == {'data': (1, 3, 8, 8)}
    assert (net.twice, net.larger) == ({'data': (2, 3, 8, 8)}, {'data': (1, 3, 72, 72)})
    assert net.notes == ['omitted the output margin_output: it needs softmax_label, which is not '
                         'available at inference']
    assert 'softmax_label' not in net.symbol.list_inputs()


def test_any_layer_can_be_an_output(checkpoint):
    for name in ('fc2', 'fc2_output'):
        assert read_net(str(checkpoint), shape=(3, 8, 8), outputs=[name]).outputs == ['fc2_output']
    with pytest.raises(ValueError, match="no output 'fc3'; its last layers are: .*fc2, softmax"):
        read_net(str(checkpoint), shape=(3, 8, 8), outputs=['fc3'])


@pytest.mark.parametrize('how, said', [
    ({}, r'shape of data is unknown: specify it, for example \(3, 224, 224\)'),
    ({'shape': (4, 8, 8)}, r'expected conv_weight of shape \(4, 4, 3, 3\) for the input '
                           r'data \(4, 8, 8\), found \(4, 3, 3, 3\)'),
    ({'shape': {'image': (3, 8, 8)}}, "no input 'image'; its inputs are: data, softmax_label"),
    ({'shape': (3, 0, 8)}, r'shape of data must consist of positive integers, got \(3, 0, 8\)'),
    ({'shape': (3, 2, 2)},
     r'the input data \(3, 2, 2\) does not fit the net: (?!MXNetError|.*\.cc:)\w')])
def test_a_shape_that_does_not_fit_is_refused_with_the_reason(how, said, checkpoint):
    with pytest.raises(ValueError, match=said):
        read_net(str(checkpoint), **how)


def test_parameters_of_another_net_are_refused(checkpoint):
    mx.nd.save(str(checkpoint / 'face-0013.params'), {'arg:other_weight': mx.nd.zeros(3)})
    with pytest.raises(ValueError, match=r'lacks 10 parameters of the net, such as conv_weight'):
        read_net(str(checkpoint), shape=(3, 8, 8))


def changed(path, change):
    graph = json.loads(path.read_text())
    end = 300 if change(graph) == 'cut' else None
    path.write_text(json.dumps(graph)[:end])


def test_an_operator_that_mxnet_lacks_takes_its_heads_with_it(checkpoint):
    changed(checkpoint / 'face-symbol.json', lambda graph: graph['nodes'][-1].update(op='Unheard'))
    net = read_net(str(checkpoint), shape=(3, 8, 8))
    assert net.outputs == ['embedding_output', 'softmax_output']
    assert re.match('omitted the output margin: it needs margin, whose operator Unheard is not '
                    r'available in MXNet 1\.[789]\.\d', net.notes[0])
    changed(checkpoint / 'face-symbol.json', lambda graph: [
        node.update(op='Unheard') for node in graph['nodes'] if node['name'] == 'conv'])
    with pytest.raises(ValueError, match=r'outputs of earlier layers\n(.*\n)*.*conv, whose'):
        read_net(str(checkpoint), shape=(3, 8, 8))


@pytest.mark.parametrize('change, said', [
    (lambda graph: graph['nodes'][1]['inputs'][0].__setitem__(0, 1), 'takes an input from node 1'),
    (lambda graph: graph.pop('nodes'), "lacks 'nodes'"),
    (lambda graph: graph.update(heads=[[99, 0, 0]]), 'invalid heads .* in a graph with 24 nodes'),
    (lambda graph: graph['nodes'][0].update(op=7), 'node 0 has no operator'),
    (lambda graph: 'cut', '')])
def test_a_symbol_that_is_no_graph_is_refused(change, said, checkpoint):
    changed(checkpoint / 'face-symbol.json', change)
    with pytest.raises(DamagedFile, match='expected a valid symbol file in JSON.*' + said):
        read_net(str(checkpoint), shape=(3, 8, 8))


@pytest.mark.parametrize('name, how, shape, expected', [
    ('SoftmaxOutput', {}, (3, 4), lambda X: softmax(X.reshape(2, 12), 1).reshape(2, 3, 4)),
    ('SoftmaxOutput', {}, (3, 2, 4), lambda X: softmax(X, -1)),  # by oneDNN
    ('SoftmaxOutput', {'multi_output': True}, (3, 4), lambda X: softmax(X, 1)),
    ('SoftmaxOutput', {'multi_output': True}, (3, 2, 4), lambda X: softmax(X, 1)),
    ('SoftmaxOutput', {'preserve_shape': True}, (3, 4), lambda X: softmax(X, -1)),
    ('LogisticRegressionOutput', {}, (3, 4), lambda X: 1 / (1 + np.exp(-X))),
    ('LinearRegressionOutput', {}, (3, 4), lambda X: X),
    ('MAERegressionOutput', {}, (3, 4), lambda X: X)])
def test_each_loss_predicts_as_in_mxnet(name, how, shape, expected, tmp_path):
    symbol = getattr(mx.sym, name)(mx.sym.var('data'), name='loss', **how)
    symbol.save(str(tmp_path / 'a-symbol.json'))
    mx.nd.save(str(tmp_path / 'a-0000.params'), {'arg:unused': mx.nd.zeros(1)})
    net = read_net(str(tmp_path), shape=shape)
    X = np.random.RandomState(0).randn(2, *shape).astype('float32')
    executor = net.symbol.bind(mx.cpu(), {'data': mx.nd.array(X)})
    np.testing.assert_allclose(executor.forward()[0].asnumpy(), expected(X), rtol=1e-5)
    label = dict(zip(symbol.list_arguments(), symbol.infer_shape(data=X.shape)[0]))['loss_label']
    theirs = symbol.bind(mx.cpu(), {'data': mx.nd.array(X), 'loss_label': mx.nd.zeros(label)})
    np.testing.assert_allclose(theirs.forward()[0].asnumpy(), expected(X), rtol=1e-5)


def softmax(X, axis):
    powers = np.exp(X - X.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)
