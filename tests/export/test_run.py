"""A run, and any net, as a folder of verified files or none."""
import json
import os

import mxnet as mx
import numpy as np
import onnx
import onnxruntime
import pytest
from exports import names, small_net
from mxnet import autograd, nd
from mxnet.gluon import nn
from PIL import Image

import gluonblocks as gb
from gluonblocks.export import VerificationError, formats
from gluonblocks.export import run as export_run
from gluonblocks.export.graph import prediction_symbol


def answers(path, X):
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    return session.run(['logits'], {'data': X})[0]


def assert_computes(path, net, X):
    np.testing.assert_allclose(answers(path, X), net(nd.array(X)).asnumpy(), rtol=1e-4, atol=1e-4)


def test_a_run_is_exported_with_its_record_and_metadata(run_of, tmp_path):
    export = gb.export_run(run_of(), ctx='cpu', out=str(tmp_path))
    assert export.folder == str(tmp_path) and names(tmp_path) == [
        'README.md', 'export.json', 'model.onnx', 'predict.py']
    net, config = gb.load_run(run_of(), ctx='cpu')
    (X, y), = gb.data.load_data_synthetic(40, num_test=40, num_train=64)[1]
    want = net(X).asnumpy()
    got = answers(tmp_path / 'model.onnx', X.asnumpy())
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    one, = json.loads((tmp_path / 'export.json').read_text())['formats']
    verified = one['verified']
    assert verified['images'] == 40 and verified['agreement'] == 1
    assert verified['accuracy_here'] == (want.argmax(axis=1) == y.asnumpy()).mean()
    assert verified['largest_difference'] == pytest.approx(np.abs(got - want).max(), abs=2e-6)
    assert one['bytes'] == (tmp_path / 'model.onnx').stat().st_size
    assert set(one['milliseconds']) == {'1', '256'}
    props = {prop.key: prop.value
             for prop in onnx.load(str(tmp_path / 'model.onnx')).metadata_props}
    assert json.loads(props['classes']) == ['class %d' % i for i in range(10)]
    assert json.loads(props['input']) == [1, 28, 28] and props['resize'] == 'null'
    assert props['scaling'] == 'x / 255' and props['ground'] == 'dark'
    assert props['preprocessing'] == 'outside' and props['model'] == 'lenet_bn'
    assert props['data_sha256'] == config['data_sha256'] and len(props['weights_sha256']) == 64
    assert float(props['accuracy']) == verified['accuracy_here']


@pytest.mark.parametrize('resize', [None, 40])
def test_with_preprocessing_the_file_takes_uint8_images(run_of, resize, tmp_path):
    gb.export_run(run_of(resize), formats=['onnx', 'onnx-int8'], with_preprocessing=True,
                  max_drop=100, out=str(tmp_path))
    net, _ = gb.load_run(run_of(resize))
    test = gb.data.load_data_synthetic(40, num_test=40, num_train=64, resize=resize)[1]
    (X, _), = test
    model = onnx.load(str(tmp_path / 'model.onnx'))
    np.testing.assert_allclose(answers(tmp_path / 'model.onnx', test.images), net(X).asnumpy(),
                               rtol=1e-4, atol=1e-4)
    props = {prop.key: prop.value for prop in model.metadata_props}
    assert props['preprocessing'] == 'inside' and props['resize'] == json.dumps(resize)
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8


def test_the_net_itself_is_compared_and_not_the_graph_made_of_it(tmp_path, monkeypatch):
    def wrong(net, inputs=('data',)):
        symbol, params = prediction_symbol(net, inputs)
        name = next(name for name in params if name.endswith('bias'))
        return symbol, dict(params, **{name: params[name] + 1})
    monkeypatch.setattr(export_run, 'prediction_symbol', wrong)
    with pytest.raises(VerificationError, match="differs from the net's output by"):
        gb.export_net(small_net(), (1, 8, 8), path=str(tmp_path / 'out'))


def test_a_net_without_a_run_is_exported_and_trains_on_with_the_same_numbers(tmp_path):
    def end(export):
        mx.random.seed(3)
        net = small_net(gb.BatchNorm(3, num_dims=2))
        net.hybridize()
        if export:
            gb.export_net(net, (1, 8, 8), path=str(tmp_path / 'out'), classes=['a', 'b', 'c'])
        with autograd.record():
            loss = net(nd.ones((4, 1, 8, 8)) * nd.arange(4).reshape((4, 1, 1, 1))).sum()
        loss.backward()
        return [param.data().asnumpy() for param in net.collect_params().values()]
    for exported, not_exported in zip(end(True), end(False)):
        np.testing.assert_array_equal(exported, not_exported)
    assert names(tmp_path) == ['out']  # nothing is written beside the folder
    record = json.loads((tmp_path / 'out' / 'export.json').read_text())
    assert record['info']['classes'] == ['a', 'b', 'c']
    assert record['formats'][0]['verified']['images'] == 256


def test_a_net_whose_shapes_are_unknown_gets_them(tmp_path):
    net = nn.HybridSequential()
    net.add(nn.Dense(3), gb.BatchNorm(3, num_dims=2))
    net.initialize()
    gb.export_net(net, (1, 4, 4), path=str(tmp_path / 'out'))
    assert_computes(tmp_path / 'out' / 'model.onnx', net, np.ones((2, 1, 4, 4), 'float32'))


def test_a_net_with_a_fixed_batch_in_a_reshape_is_exported_for_any_batch(tmp_path):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(2, 3), nn.HybridLambda(lambda F, X: F.reshape(X, (8, 32))), nn.Dense(3))
    net.initialize()
    X = np.random.RandomState(0).rand(8, 1, 6, 6).astype('float32')
    expected = net(nd.array(X)).asnumpy()
    gb.export_net(net, (1, 6, 6), path=str(tmp_path / 'out'))
    for rows in (slice(8), slice(2, 5)):
        np.testing.assert_allclose(answers(tmp_path / 'out' / 'model.onnx', X[rows]),
                                   expected[rows], rtol=0, atol=1e-5)


def test_given_data_and_labels_are_what_it_is_verified_on(tmp_path):
    net, X = small_net(), np.random.RandomState(5).rand(10, 1, 8, 8).astype('float32')
    labels = net(nd.array(X)).asnumpy().argmax(axis=1)
    export = gb.export_net(net, (1, 8, 8), path=str(tmp_path / 'out'), data=X, labels=labels)
    assert export.formats[0].verified[:3] == (10, 1.0, 1.0)


def test_a_net_of_float16_is_exported_in_float32(tmp_path):
    net = small_net()
    net.cast('float16')
    gb.export_net(net, (1, 8, 8), path=str(tmp_path / 'out'))
    net.cast('float32')
    assert_computes(tmp_path / 'out' / 'model.onnx', net, np.ones((2, 1, 8, 8), 'float32'))


def test_a_net_that_casts_to_float16_is_exported_in_float32(tmp_path):
    net = nn.HybridSequential()
    net.add(nn.HybridLambda(lambda F, X: F.cast(X, 'float16')), nn.Dense(3, in_units=64),
            nn.HybridLambda(lambda F, X: F.cast(X, 'float32')))
    net.initialize()
    net.cast('float16')
    gb.export_net(net, (1, 8, 8), path=str(tmp_path / 'out'))
    net.cast('float32')
    assert_computes(tmp_path / 'out' / 'model.onnx', net[1], np.ones((2, 1, 8, 8), 'float32'))


@pytest.mark.parametrize('how, said', [
    ({'formats': ['onxn']}, "one of the formats onnx, onnx-int8, torch, web, got 'onxn'"),
    ({'formats': []}, 'expected at least one format, got none'),
    ({'atol': -1}, 'atol must be a non-negative number, got -1'),
    ({'max_drop': float('nan')}, 'max_drop must be a non-negative number, got nan'),
    ({'classes': ['a', 'b']}, 'expected 3 class names, one for each output of the net, got 2'),
    ({'labels': [1, 2]}, r'one label for each of 256 images, got labels of shape \(2,\)'),
    ({'data': np.zeros((4, 1, 9, 8))}, r'must be a numeric array of shape \(n, 1, 8, 8\), '
                                       r'got float64 of shape \(4, 1, 9, 8\)'),
    ({'data': np.zeros((4, 1, 8, 8)), 'with_preprocessing': True}, 'must be a uint8 array of sh')])
def test_impossible_requests_are_refused_and_nothing_is_written(how, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        gb.export_net(small_net(), (1, 8, 8), path=str(tmp_path / 'out'), **how)
    assert names(tmp_path) == []


def test_a_missing_package_is_named_with_its_install_line(monkeypatch, tmp_path):
    monkeypatch.setitem(formats.FORMATS, 'onnx', formats.FORMATS['onnx']._replace(
        needs=('no_such_module',)))
    with pytest.raises(ImportError, match='the onnx format requires no_such_module, which is not i'
                                          r".*\n  python -m pip install 'gluonblocks\[export\]' "
                                          'numpy==' + np.__version__):
        gb.export_net(small_net(), (1, 8, 8), path=str(tmp_path / 'out'))


def test_the_package_imports_no_engine_and_an_export_neither_gluoncv_nor_torch(python, tmp_path):
    out = python('import sys, gluonblocks as gb; gb.export_run; before = "onnxruntime" in sys.modul'
                 'es; net = gb.get_model("lenet_bn"); net.initialize(); gb.export_net(net, (1, 28, '
                 '28), %r); print(before, "gluoncv" in sys.modules, "torch" in sys.modules)'
                 % str(tmp_path / 'out'))
    assert out == 'False False False'


NETS = '''
import gluonblocks as gb
from mxnet.gluon import nn
def ours(num_classes=10):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, strides=2), gb.BatchNorm(4, num_dims=4), nn.Activation('relu'),
            nn.GlobalAvgPool2D(), nn.Dense(num_classes))
    return net
'''


def test_a_users_net_on_colour_images_is_exported_without_what_is_for_small_grey_ones(
        write_module, tmp_path):
    write_module('nets_of_ours', NETS)
    for name, color in (('leaf', (60, 180, 60)), ('red rose', (200, 60, 60))):
        os.makedirs(str(tmp_path / 'pets' / name))
        for i in range(8):
            Image.new('RGB', (24, 20), tuple(c + i for c in color)).save(
                str(tmp_path / 'pets' / name / ('%d.png' % i)))
    run = str(tmp_path / 'run')
    gb.train_model('nets_of_ours:ours', epochs=1, batch_size=4, test_share=0.25, seed=0, ctx='cpu',
                   dataset='folder:%s' % (tmp_path / 'pets'), out=run)
    for how, said in (({'formats': ['web']}, r'input shape \(3, 20, 24\): omit this format'),
                      ({'with_preprocessing': True}, 'has colour images: export without prep')):
        with pytest.raises(ValueError, match=said):
            gb.export_run(run, **how)
        assert not os.path.exists(os.path.join(run, 'export'))
    export = gb.export_run(run)
    assert export.info['classes'] == ['leaf', 'red rose']
    assert export.info['input'] == [3, 20, 24] and 'ground' not in export.info
    assert export.formats[0].verified.images == 4
    assert names(export.folder) == ['README.md', 'export.json', 'model.onnx']
    with open(os.path.join(export.folder, 'README.md')) as f:
        assert 'predict.py' not in f.read()
    gb.write_report(run, str(tmp_path / 'page.html'), ctx='cpu')
    text = (tmp_path / 'page.html').read_text()
    assert 'red rose' in text and '4 × 9 × 11' in text  # the convolution's output for 20 x 24
