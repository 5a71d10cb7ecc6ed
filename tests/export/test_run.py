"""A run, and anybody's net, as a folder of verified files or none."""
import errno
import json
import os

import mxnet as mx
import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import replace_dataset
from mxnet import autograd, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.data import datasets
from gluonblocks.export import VerificationError, write
from gluonblocks.export import onnx as onnx_format
from gluonblocks.export import run as export_run
from gluonblocks.export.graph import prediction_symbol


@pytest.fixture
def run(make_run, monkeypatch):
    """A run's folder, with a small data set."""
    replace_dataset(monkeypatch, 'synthetic', lambda batch_size, **how: (
        datasets.load_data_synthetic(batch_size, num_train=64, num_test=40, **how)))
    return make_run()[0]


def small_net(*last):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), gb.BatchNorm(4, num_dims=4), nn.Activation('relu'), nn.Dense(3), *last)
    net.initialize(mx.init.Xavier())
    with autograd.train_mode():
        net(nd.random.uniform(shape=(8, 1, 8, 8)))
    return net


def session(path):
    return onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])


def answers(path, X):
    return session(path).run(['logits'], {'data': X})[0]


def names(folder):
    return sorted(os.listdir(str(folder)))


def test_a_run_leaves_with_its_record(run):
    export = gb.export_run(run, ctx='cpu')
    assert export.folder == str(run / 'export') and names(run / 'export') == [
        'README.md', 'export.json', 'model.onnx', 'predict.py']
    net, config = gb.load_run(run, ctx='cpu')
    _, test = datasets.load_data_synthetic(40, num_test=40, num_train=64)
    (X, y), = test
    want = net(X).asnumpy()
    got = answers(run / 'export' / 'model.onnx', X.asnumpy())
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    record = json.loads((run / 'export' / 'export.json').read_text())
    verified = record['formats'][0]['verified']
    assert verified['images'] == 40 and verified['agreement'] == 1
    assert verified['accuracy_here'] == (want.argmax(axis=1) == y.asnumpy()).mean()
    assert verified['largest_difference'] == pytest.approx(np.abs(got - want).max(), abs=2e-6)


def test_the_file_says_what_it_is_of(run):
    export = gb.export_run(run)
    model = onnx.load(os.path.join(export.folder, 'model.onnx'))
    props = {prop.key: prop.value for prop in model.metadata_props}
    config = gb.load_run(run)[1]
    assert json.loads(props['classes']) == ['class %d' % i for i in range(10)]
    assert json.loads(props['input']) == [1, 28, 28] and props['resize'] == 'null'
    assert props['scaling'] == 'x / 255' and props['ground'] == 'dark'
    assert props['preprocessing'] == 'outside' and props['model'] == 'lenet_bn'
    assert props['data_sha256'] == config['data_sha256'] and len(props['weights_sha256']) == 64
    assert float(props['accuracy']) == export.formats[0].verified.accuracy_here


@pytest.mark.parametrize('resize', [None, 32])
def test_with_preprocessing_the_file_takes_pictures_as_they_are(make_run, resize, monkeypatch):
    replace_dataset(monkeypatch, 'synthetic', lambda batch_size, **how: (
        datasets.load_data_synthetic(batch_size, num_train=64, num_test=40, **how)))
    folder, _ = make_run(resize=resize)
    gb.export_run(folder, formats=['onnx', 'onnx-int8'], with_preprocessing=True, max_drop=100)
    net, _ = gb.load_run(folder)
    _, test = datasets.load_data_synthetic(40, num_test=40, num_train=64, resize=resize)
    (X, _), = test
    path = folder / 'export' / 'model.onnx'
    np.testing.assert_allclose(answers(path, test.images), net(X).asnumpy(), rtol=1e-4, atol=1e-4)
    data, = session(path).get_inputs()
    assert (data.type, data.shape) == ('tensor(uint8)', ['N', 28, 28])
    props = {prop.key: prop.value for prop in onnx.load(str(path)).metadata_props}
    assert props['preprocessing'] == 'inside' and props['resize'] == json.dumps(resize)


@pytest.fixture
def corrupted(monkeypatch):
    """Has one weight of what is written be another."""
    write = onnx_format.to_onnx

    def wrong(*args):
        model = write(*args)
        tensor = max(model.graph.initializer, key=lambda tensor: len(tensor.SerializeToString()))
        array = onnx.numpy_helper.to_array(tensor).copy()
        array.flat[7] += 0.5
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
        return model
    monkeypatch.setattr(onnx_format, 'to_onnx', wrong)


def test_one_corrupted_weight_is_caught_and_nothing_is_written(run, corrupted):
    before = names(run)
    with pytest.raises(VerificationError, match=r"^onnx: .*logits differ by .* from the net's"):
        gb.export_run(run)
    assert names(run) == before


@pytest.fixture
def earlier(tmp_path):
    """A folder with an earlier export, whose files hold 'old'."""
    out = tmp_path / 'out'
    out.mkdir()
    files = ['README.md', 'gone.bin', 'model.onnx', 'export.json']
    for name in files:
        (out / name).write_text('old')
    (out / 'export.json').write_text(json.dumps(
        {'files': files + ['../other.txt', 7, '.'], 'info': {'gluonblocks': '1.0'}}))
    return out


def texts(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_failure_leaves_an_earlier_export_as_it_was(run, corrupted, earlier):
    before = texts(earlier)
    with pytest.raises(VerificationError):
        gb.export_run(run, out=str(earlier))
    assert texts(earlier) == before


def test_an_export_replaces_the_one_before_and_nothing_else(earlier, tmp_path):
    (earlier / 'mine.txt').write_text('kept')
    (tmp_path / 'other.txt').write_text('kept')  # the record names it, but it lies elsewhere
    gb.export_net(small_net(), (1, 8, 8), path=str(earlier))
    assert names(earlier) == ['README.md', 'export.json', 'mine.txt', 'model.onnx']
    assert (earlier / 'README.md').read_text() != 'old'
    assert (tmp_path / 'other.txt').read_text() == 'kept'


def test_a_file_of_the_users_in_the_folder_of_an_earlier_export_is_not_replaced(earlier):
    os.unlink(str(earlier / 'export.json'))
    (earlier / 'export.json').write_text(json.dumps(
        {'files': ['model.onnx', 'export.json'], 'info': {'gluonblocks': '1.0'}}))
    before = texts(earlier)
    with pytest.raises(ValueError, match='README.md is in the way: it is not part of the earlier'):
        gb.export_net(small_net(), (1, 8, 8), path=str(earlier))
    assert texts(earlier) == before


@pytest.mark.parametrize('name, text', [
    ('README.md', 'mine'), ('export.json', '{}'), ('export.json', '[1'),
    ('export.json', '{"files": "export.json", "info": {"gluonblocks": "1"}}')])
def test_a_folder_that_is_neither_empty_nor_an_export_is_refused_before_the_work(
        tmp_path, monkeypatch, name, text):
    (tmp_path / name).write_text(text)
    monkeypatch.setattr(write, 'logits_of', None)
    with pytest.raises(ValueError, match='must be a new or an empty folder, or an earlier export '
                                         'with its export.json, but found %s: name' % name):
        gb.export_net(small_net(), (1, 8, 8), path=str(tmp_path))
    assert texts(tmp_path) == {name: text.encode()}


def test_nothing_is_written_beside_the_folder(tmp_path, monkeypatch):
    (tmp_path / 'out').mkdir()  # as where a disk is mounted
    before = []
    monkeypatch.setattr(write, 'write_beside', lambda *args: before.extend(names(tmp_path)))
    gb.export_net(small_net(), (1, 8, 8), path=str(tmp_path / 'out'))
    assert before == ['out'] and names(tmp_path / 'out') == ['export.json', 'model.onnx']


def test_a_strangers_net_leaves_and_trains_on_with_the_same_numbers(tmp_path):
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
    record = json.loads((tmp_path / 'out' / 'export.json').read_text())
    assert record['info']['classes'] == ['a', 'b', 'c']
    assert record['formats'][0]['verified']['images'] == 256


def test_a_net_whose_shapes_are_not_known_yet_gets_them(tmp_path):
    net = nn.HybridSequential()
    net.add(nn.Dense(3), gb.BatchNorm(3, num_dims=2))
    net.initialize()
    gb.export_net(net, (1, 4, 4), path=str(tmp_path / 'out'))
    X = np.ones((2, 1, 4, 4), 'float32')
    np.testing.assert_allclose(answers(tmp_path / 'out' / 'model.onnx', X),
                               net(nd.array(X)).asnumpy(), rtol=1e-4, atol=1e-4)


def test_given_data_and_labels_are_what_it_is_verified_on(tmp_path):
    net, X = small_net(), np.random.RandomState(5).rand(10, 1, 8, 8).astype('float32')
    labels = net(nd.array(X)).asnumpy().argmax(axis=1)
    export = gb.export_net(net, (1, 8, 8), path=str(tmp_path / 'out'), data=X, labels=labels)
    assert export.formats[0].verified[:3] == (10, 1.0, 1.0)


def test_a_net_of_float16_leaves_in_float32(tmp_path):
    net = small_net()
    net.cast('float16')
    gb.export_net(net, (1, 8, 8), path=str(tmp_path / 'out'))
    net.cast('float32')
    X = np.ones((2, 1, 8, 8), 'float32')
    np.testing.assert_allclose(answers(tmp_path / 'out' / 'model.onnx', X),
                               net(nd.array(X)).asnumpy(), rtol=1e-4, atol=1e-4)


def test_pictures_in_colour_go_into_a_strangers_net(tmp_path):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(2, 3), nn.BatchNorm(scale=False), nn.Dense(4))
    net.initialize(mx.init.Xavier())
    gb.export_net(net, (3, 8, 8), path=str(tmp_path / 'out'), with_preprocessing=True)
    pictures = np.random.RandomState(0).randint(0, 256, (3, 3, 8, 8)).astype(np.uint8)
    np.testing.assert_allclose(answers(tmp_path / 'out' / 'model.onnx', pictures),
                               net(nd.array(pictures) / 255).asnumpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('how, said', [
    ({'formats': ['onxn']}, "there is no format 'onxn'; the formats are: onnx, onnx-int8"),
    ({'formats': []}, 'no format to export to'), ({'atol': -1}, 'atol is -1'),
    ({'max_drop': float('nan')}, 'max_drop is nan'),
    ({'classes': ['a', 'b']}, 'there are 2 names of classes, but the net has 3 outputs'),
    ({'labels': [1, 2]}, r'labels have shape \(2,\), but must be one for each of 256 images'),
    ({'data': np.zeros((4, 1, 9, 8))}, r'float64 of shape \(4, 1, 9, 8\), but must be numbers of '
                                       r'shape \(n, 1, 8, 8\)')])
def test_what_cannot_be_is_refused_and_nothing_is_written(how, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        gb.export_net(small_net(), (1, 8, 8), path=str(tmp_path / 'out'), **how)
    assert names(tmp_path) == []


def test_importing_the_package_imports_no_engine_and_no_gluoncv(python):
    # Not onnx, which MXNet itself imports where it finds it.
    code = ('import sys, gluonblocks as gb; gb.export_run, gb.export_net; print(sorted({name.split('
            '".")[0] for name in sys.modules} & {"onnxruntime", "torch", "gluoncv"}))')
    assert python(code) == '[]'


def test_export_of_a_run_of_ours_does_not_import_gluoncv(run, python):
    out = python('import sys, gluonblocks as gb; gb.export_run(%r); print("gluoncv" in sys.modules)'
                 % str(run))
    assert out == 'False'


def test_a_file_in_the_place_of_the_folder_is_told_before_the_work(run, tmp_path, monkeypatch):
    (tmp_path / 'out').write_text('mine')
    monkeypatch.setattr(write, 'logits_of', None)
    with pytest.raises(ValueError, match='out must be a new or an empty folder.* found a file'):
        gb.export_run(run, out=str(tmp_path / 'out'))
    assert (tmp_path / 'out').read_text() == 'mine'


def test_a_disk_that_is_full_is_told_with_the_folders_name_and_leaves_nothing(
        run, tmp_path, monkeypatch):
    def full(*args, **how):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(write, 'replace_files', full)
    with pytest.raises(OSError, match='out could not be written: No space left on device'):
        gb.export_run(run, out=str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()
    assert [name for name in os.listdir(str(tmp_path)) if name.startswith('.tmp-')] == []


def test_a_net_without_a_run_is_compared_itself_and_not_the_graph_made_of_it(
        tmp_path, monkeypatch):
    def wrong(net):
        symbol, params = prediction_symbol(net)
        name = next(name for name in params if name.endswith('bias'))
        return symbol, dict(params, **{name: params[name] + 1})
    net = small_net()
    net.initialize(mx.init.Xavier())
    monkeypatch.setattr(export_run, 'prediction_symbol', wrong)
    with pytest.raises(VerificationError, match="logits differ by .* from the net's"):
        gb.export_net(net, (1, 8, 8), path=str(tmp_path / 'out'))
