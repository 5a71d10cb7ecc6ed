"""ONNX files, in float32 and in 8 bits: their content, and what ONNX Runtime makes of it."""
import dataclasses
import json

import numpy as np
import onnx
import pytest
from linear_onnx import dense, model
from mxnet import nd
from mxnet.gluon import nn, rnn
from onnx import TensorProto, helper
from torch_nets import described, trained

import gluonblocks as gb
from gluonblocks.data.batches import BatchLoader
from gluonblocks.export import VerificationError, int8
from gluonblocks.export.formats import FORMATS
from gluonblocks.export.onnx import engine, finish, to_onnx
from gluonblocks.export.preprocessing import add_preprocessing


def mixed_net():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), gb.BatchNorm(4, num_dims=4), nn.Activation('relu'), nn.MaxPool2D(2),
            nn.BatchNorm(scale=False), nn.Dropout(0.5), nn.Dense(6), gb.BatchNorm(6, num_dims=2),
            nn.Dense(3))
    return trained(net, (1, 8, 8))


def assert_same(net, model, X):
    got, = engine(model.SerializeToString())((X,))
    here = net(nd.array(X)).asnumpy()
    np.testing.assert_allclose(got, here, rtol=1e-4, atol=1e-5 * max(1, np.abs(here).max()))


def images(n, *shape):
    return np.random.RandomState(n).rand(n, *shape).astype('float32')


def test_every_model_gives_the_same_answers(model_name):
    net = trained(gb.get_model(model_name), (1, 32, 32))
    assert_same(net, to_onnx(described(net, (1, 32, 32))), images(2, 1, 32, 32))


@pytest.mark.gluoncv
@pytest.mark.parametrize('name', ['cifar_resnet20_v1', 'mobilenet0.25', 'mobilenetv2_0.25'])
def test_nets_of_gluoncv_give_the_same_answers(name):
    net = trained(gb.get_model('gluoncv:' + name), (1, 32, 32))
    assert_same(net, to_onnx(described(net, (1, 32, 32))), images(2, 1, 32, 32))


@pytest.mark.parametrize('hybridize', [False, True])
def test_any_batch_gives_the_same_answers(hybridize):
    net = mixed_net()
    net[4].gamma.set_data(nd.full(4, 3))  # which scale=False ignores
    net.hybridize(hybridize)
    model = to_onnx(described(net, (1, 8, 8)))
    for n in (1, 3, 7):
        assert_same(net, model, images(n, 1, 8, 8))


@pytest.mark.parametrize('layer', [
    rnn.LSTM(5, layout='NTC'), rnn.GRU(5, layout='NTC'),
    nn.HybridLambda(lambda F, X: F.split(X, num_outputs=2, axis=2)[0])],
    ids=['LSTM', 'GRU', 'split'])
def test_a_layer_of_which_only_the_first_of_several_outputs_is_used(layer):
    net = nn.HybridSequential()
    net.add(layer, nn.Dense(3))
    model = to_onnx(described(trained(net, (3, 4)), (3, 4)))
    onnx.checker.check_model(model, full_check=True)
    assert_same(net, model, images(2, 3, 4))


def test_an_input_that_the_file_cannot_take_is_an_error_of_values():
    net = nn.Dense(2, in_units=3)
    run = engine(to_onnx(described(trained(net, (3,)), (3,))).SerializeToString())
    with pytest.raises(ValueError, match='ONNX Runtime cannot run the file: .*dimensions'):
        run([np.zeros((1, 4), 'float32')])


def test_the_graph_has_named_ends_an_open_batch_and_nothing_of_training():
    net = described(mixed_net(), (1, 8, 8), classes=['a', 'b', 'ü'], resize=None, accuracy=0.5)
    model = onnx.load_model_from_string(finish(to_onnx(net), net, False))
    graph = model.graph
    assert [opset.version for opset in model.opset_import] == [13] and model.ir_version == 8
    ends = [(value.name, [dim.dim_param or dim.dim_value
                          for dim in value.type.tensor_type.shape.dim])
            for value in list(graph.input) + list(graph.output)]
    assert ends == [('data', ['N', 1, 8, 8]), ('logits', ['N', 3])]  # weights are no inputs
    assert len(graph.initializer) == 18
    assert {node.op_type for node in graph.node} == {
        'Conv', 'BatchNormalization', 'Relu', 'MaxPool', 'Flatten', 'Gemm'}
    props = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(props.pop('classes')) == ['a', 'b', 'ü']
    assert props == {'resize': 'null', 'accuracy': '0.5', 'preprocessing': 'outside'}


def test_a_large_file_gives_the_same_answers_without_some_optimizations(tmp_path, monkeypatch):
    monkeypatch.setattr('gluonblocks.export.onnx._REORDERED', 0)
    net = mixed_net()
    path, X = tmp_path / 'model.onnx', images(3, 1, 8, 8)
    onnx.save(to_onnx(described(net, (1, 8, 8))), str(path))
    got, = engine(str(path))((X,))
    np.testing.assert_allclose(got, net(nd.array(X)).asnumpy(), rtol=1e-4, atol=1e-5)


class Odd(nn.HybridBlock):
    def hybrid_forward(self, F, X):
        return F.khatri_rao(F.flatten(X), F.flatten(X))


def test_operators_that_onnx_lacks_are_all_named_with_their_layers():
    with pytest.raises(ValueError, match=r'no counterpart in ONNX: khatri_rao \(odd0_khatri_rao0'):
        to_onnx(described(Odd(prefix='odd0_'), (1, 8, 8)))


def test_types_that_onnx_lacks_for_an_operator_are_an_error_of_values(tmp_path):
    net = nn.HybridLambda(lambda F, X: F.cast(X, 'uint8') + 1)
    with pytest.raises(ValueError, match='ONNX cannot express the net: .*tensor.uint8'):
        gb.export_net(net, (3,), str(tmp_path / 'out'))


@pytest.mark.parametrize('name', ['onnx', 'onnx-int8'])
def test_a_format_that_is_based_on_onnx_checks_the_operators_before_the_export(name):
    net = dataclasses.replace(described(Odd(prefix='odd0_'), (1, 8, 8)),
                              calibration=images(2, 1, 8, 8))
    with pytest.raises(ValueError, match='no counterpart in ONNX: khatri_rao'):
        FORMATS[name].check(net)


def preprocessed(pictures, shape, size):
    """The input of a net of shape (C, H, W) for uint8 `pictures` of `size`."""
    model = helper.make_model(helper.make_graph(
        [helper.make_node('Identity', ['data'], ['logits'])], 'net',
        [helper.make_tensor_value_info('data', TensorProto.FLOAT, ['N'] + list(shape))],
        [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['N'] + list(shape))]),
        opset_imports=[helper.make_opsetid('', 13)])
    model.ir_version = 8
    add_preprocessing(model, shape, size)
    onnx.checker.check_model(model, full_check=True)
    X, = engine(model.SerializeToString())((pictures,))
    return X


@pytest.mark.parametrize('size, resize', [
    ((28, 28), (28, 28)), ((28, 28), (96, 96)), ((28, 28), (299, 299)), ((28, 28), (20, 20)),
    ((28, 28), (7, 7)), ((28, 28), (1, 1)), ((28, 20), (33, 50)), ((9, 40), (40, 9))])
def test_images_are_resized_in_the_graph_as_the_loader_does_bit_for_bit(size, resize):
    pictures = np.random.RandomState(0).randint(0, 256, (20,) + size).astype(np.uint8)
    (X, _), = BatchLoader(pictures, np.zeros(20, np.int32), 20, resize=resize)
    np.testing.assert_array_equal(preprocessed(pictures, (1,) + resize, size), X.asnumpy())


def test_colour_images_keep_their_channels():
    pictures = np.random.RandomState(0).randint(0, 256, (4, 3, 8, 8)).astype(np.uint8)
    got = preprocessed(pictures, (3, 16, 16), (8, 8))
    want = nd.image.resize(nd.array(pictures.transpose(0, 2, 3, 1), dtype='uint8'), size=(16, 16))
    want = want.asnumpy().transpose(0, 3, 1, 2).astype('float32') / np.float32(255)
    np.testing.assert_array_equal(got, want)


def weights_of(path):
    return {tensor.name: onnx.numpy_helper.to_array(tensor)
            for tensor in onnx.load(str(path)).graph.initializer}


def test_weights_of_8_bits_have_a_scale_per_channel_and_a_reduced_range_is_7_bits(
        run_of, tmp_path):
    full = gb.export_run(run_of(), formats=['onnx', 'onnx-int8'], max_drop=100,
                         out=str(tmp_path / '8'))
    held = weights_of(tmp_path / '8' / 'model-int8.onnx')
    weight, = [array for array in held.values() if array.shape == (16, 6, 5, 5)]
    assert weight.dtype == np.int8 and np.abs(weight.astype(int)).max() > 64
    assert [name for name, array in held.items() if array.shape == (16,) and
            array.dtype == np.float32 and name.endswith('_scale')]
    assert full.formats[1].bytes < full.formats[0].bytes / 2
    assert 'without VNNI' in full.formats[1].notes[0]
    reduced = gb.export_run(run_of(), formats=['onnx-int8'], max_drop=100, reduce_range=True,
                            out=str(tmp_path / '7'))
    assert all(np.abs(array.astype(int)).max() <= 64
               for array in weights_of(tmp_path / '7' / 'model-int8.onnx').values()
               if array.dtype == np.int8)
    assert reduced.formats[0].notes == ()


def test_8_bits_are_calibrated_on_training_images_and_too_large_a_drop_is_refused(
        run_of, tmp_path, monkeypatch):
    seen, quantize = [], int8.quantize

    def badly(content, X, reduce_range):
        seen.append(X)
        return quantize(content, 1e-3 * X, reduce_range)  # the ranges of black images
    monkeypatch.setattr(int8, 'quantize', badly)
    gb.export_run(run_of(), formats=['onnx-int8'], max_drop=100, out=str(tmp_path / 'run'))
    train, _ = gb.data.load_data_synthetic(64, num_train=64, num_test=40)
    known = {image.tobytes() for image in train.images}
    assert seen[0].shape == (64, 1, 28, 28)
    assert {np.rint(255 * X[0]).astype(np.uint8).tobytes() for X in seen[0]} == known
    net, X = mixed_net(), 20 * images(40, 1, 8, 8) - 10
    labels = net(nd.array(X)).asnumpy().argmax(axis=1)
    with pytest.raises(VerificationError, match='onnx-int8: .*accuracy drops from 1.* at most 0 '):
        gb.export_net(net, (1, 8, 8), formats=['onnx', 'onnx-int8'], max_drop=0, data=X,
                      labels=labels, path=str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


def test_calibration_uses_the_batch_size_of_a_file_that_accepts_only_one():
    _, weight, bias = dense()
    model_of_one = onnx.load_model_from_string(model(weight, bias))
    for value in (model_of_one.graph.input[0], model_of_one.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    X = np.random.RandomState(0).rand(3, 1, 28, 28).astype('float32')
    content = int8.quantize(model_of_one.SerializeToString(), X)
    found, = engine(content)((X[:1],))
    expected = X[:1].reshape(1, -1) @ weight.T + bias
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()
