"""The ONNX file: what it holds, and what ONNX Runtime makes of it."""
import json
import types

import mxnet as mx
import numpy as np
import onnx
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.export import onnx as onnx_format
from gluonblocks.export import prediction_symbol
from gluonblocks.export.formats import Job
from gluonblocks.export.onnx import engine, finish, to_onnx


def used(net, *shape):
    """`net` with averages that have moved, initialized."""
    net.initialize(mx.init.Xavier())
    with autograd.train_mode():
        for _ in range(5):
            net(nd.random.uniform(shape=(8,) + shape))
    return net


def strangers_net():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), gb.BatchNorm(4, num_dims=4), nn.Activation('relu'), nn.MaxPool2D(2),
            nn.BatchNorm(scale=False), nn.Dropout(0.5), nn.Dense(6), gb.BatchNorm(6, num_dims=2),
            nn.Dense(3))
    return used(net, 1, 8, 8)


def job_of(net, shape, **rest):
    symbol, params = prediction_symbol(net)
    return Job(symbol=symbol, params=params, shape=shape, shared={},
               **dict({'info': {}, 'config': None, 'run': None, 'test': None, 'calibration': None,
                       'folder': None, 'weights': None}, **rest))


def model_of(net, shape):
    return to_onnx(*prediction_symbol(net), shape)


def assert_same(net, model, X):
    got = engine(model.SerializeToString())(X)
    np.testing.assert_allclose(got, net(nd.array(X)).asnumpy(), rtol=1e-4, atol=1e-5)


def test_every_model_leaves_with_the_same_answers(model_name):
    net, shape = gb.get_model(model_name), (1, 32, 32)
    used(net, *shape)
    X = np.random.RandomState(0).rand(2, *shape).astype('float32')
    assert_same(net, model_of(net, shape), X)


@pytest.mark.gluoncv
@pytest.mark.parametrize('name', ['cifar_resnet20_v1', 'mobilenet0.25', 'mobilenetv2_0.25'])
def test_nets_of_gluoncv_leave_with_the_same_answers(name):
    net, shape = gb.get_model('gluoncv:' + name), (1, 32, 32)
    used(net, *shape)
    X = np.random.RandomState(0).rand(2, *shape).astype('float32')
    assert_same(net, model_of(net, shape), X)


@pytest.mark.parametrize('hybridize', [False, True])
def test_a_strangers_net_leaves_with_the_same_answers_for_any_batch(hybridize):
    net = strangers_net()
    net[4].gamma.set_data(nd.full(4, 3))  # which scale=False ignores
    net.hybridize(hybridize)
    model = model_of(net, (1, 8, 8))
    for n in (1, 3, 7):
        assert_same(net, model, np.random.RandomState(n).rand(n, 1, 8, 8).astype('float32'))


def test_input_and_output_have_their_names_and_the_batch_is_open():
    model = model_of(strangers_net(), (1, 8, 8))
    graph = model.graph
    assert [opset.version for opset in model.opset_import] == [13] and model.ir_version == 8

    def described(values):
        return [(value.name, [dim.dim_param or dim.dim_value
                              for dim in value.type.tensor_type.shape.dim]) for value in values]
    assert described(graph.input) == [('data', ['N', 1, 8, 8])]
    assert described(graph.output) == [('logits', ['N', 3])]


def test_weights_are_no_inputs_and_nothing_of_the_training_is_left():
    graph = model_of(strangers_net(), (1, 8, 8)).graph
    assert len(graph.initializer) == 18
    assert {node.op_type for node in graph.node} == {
        'Conv', 'BatchNormalization', 'Relu', 'MaxPool', 'Flatten', 'Gemm'}


def test_metadata_are_texts_and_lists_are_json():
    job = job_of(strangers_net(), (1, 8, 8), info={'classes': ['a', 'b', 'ü'], 'input': [1, 8, 8],
                                                   'resize': None, 'model': 'x', 'accuracy': 0.5})
    model = onnx.load_model_from_string(finish(onnx_format.core_model(job), job))
    props = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(props.pop('classes')) == ['a', 'b', 'ü']
    assert props == {'input': '[1, 8, 8]', 'resize': 'null', 'model': 'x', 'accuracy': '0.5'}


@pytest.mark.parametrize('there', [False, True])
def test_onnx_is_afterwards_as_it_was(there, monkeypatch):
    mapping = types.SimpleNamespace()
    if there:
        monkeypatch.setitem(vars(onnx), 'mapping', mapping)
    else:
        monkeypatch.delitem(vars(onnx), 'mapping', raising=False)
    check = onnx.checker.check_graph
    model_of(strangers_net(), (1, 8, 8))
    assert vars(onnx).get('mapping') is (mapping if there else None)
    assert onnx.checker.check_graph is check


def test_an_operator_that_the_exporter_does_not_know_is_named():
    class Odd(nn.HybridBlock):
        def hybrid_forward(self, F, X):
            return F.khatri_rao(F.flatten(X), F.flatten(X))
    with pytest.raises(ValueError, match='exporter cannot write this net: No conversion .*khatri'):
        model_of(Odd(), (1, 2, 2))


def test_a_net_that_gives_no_row_of_classes_is_refused():
    net = used(nn.Conv2D(2, 3), 1, 8, 8)
    with pytest.raises(ValueError, match=r'gives \(1, 2, 6, 6\) for an image, but a classifier'):
        model_of(net, (1, 8, 8))
