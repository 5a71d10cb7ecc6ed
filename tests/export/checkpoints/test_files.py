"""A checkpoint as verified files: outputs, sizes, formats, and what is refused."""
import json

import mxnet as mx
import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

import gluonblocks as gb
from gluonblocks.commands import dispatch
from gluonblocks.export import VerificationError, operators
from gluonblocks.export.checkpoints import load


def run(path, X):
    return onnxruntime.InferenceSession(str(path)).run(None, {'data': X})


def in_mxnet(checkpoint, X):
    """The outputs of the symbol as it is, by MXNet's own executor."""
    symbol, arguments, states = mx.model.load_checkpoint(str(checkpoint / 'face'), 12)
    arguments.update(data=mx.nd.array(X), softmax_label=mx.nd.zeros(len(X)))
    executor = symbol.bind(mx.cpu(), arguments, aux_states=states)
    return [each.asnumpy() for each in executor.forward()]


def test_all_outputs_are_those_of_mxnet_for_any_batch_and_any_size(checkpoint, tmp_path):
    export = gb.export_files(str(checkpoint), shape=(3, 8, 8), path=str(tmp_path / 'out'),
                             input_range=(0, 255))
    assert export.formats[0].verified.largest_difference < 1e-4
    for sides in ((1, 3, 8, 8), (5, 3, 8, 8), (2, 3, 20, 9)):
        X = np.random.RandomState(0).uniform(0, 255, sides).astype('float32')
        found, expected = run(tmp_path / 'out' / 'model.onnx', X), in_mxnet(checkpoint, X)
        for ours, theirs in zip(found, expected):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert len(found) == 2
    model = onnx.load(str(tmp_path / 'out' / 'model.onnx'))
    assert [each.name for each in model.graph.output] == ['embedding_output', 'softmax_output']
    assert export.notes[0].startswith('omitted the output margin_output: ')
    card = (tmp_path / 'out' / 'README.md').read_text()
    assert '| `data` | N × 3 × any × any |' in card and export.notes[0].replace('_', r'\_') in card


def test_a_net_for_one_size_of_images_is_written_for_that_size(tmp_path):
    symbol = mx.sym.FullyConnected(mx.sym.var('data'), num_hidden=2, name='fc')
    symbol.save(str(tmp_path / 'a-symbol.json'))
    mx.nd.save(str(tmp_path / 'a-0000.params'), {
        'arg:fc_weight': mx.nd.ones((2, 12)), 'arg:fc_bias': mx.nd.zeros(2)})
    gb.export_files(str(tmp_path), shape=(3, 2, 2), path=str(tmp_path / 'out'))
    sides = onnx.load(str(tmp_path / 'out' / 'model.onnx')).graph.input[0].type.tensor_type.shape
    assert [side.dim_param or side.dim_value for side in sides.dim] == ['N', 3, 2, 2]


def test_a_conversion_that_computes_something_else_is_refused_and_nothing_is_written(
        checkpoint, tmp_path, monkeypatch):
    monkeypatch.setitem(operators.CONVERTERS, 'Convolution', lambda made, node, X, weight, bias: (
        made.add('Conv', X, weight, kernel_shape=(3, 3))))
    with pytest.raises(VerificationError, match='onnx: output 0 for a batch of 1'):
        gb.export_files(str(checkpoint), shape=(3, 8, 8), path=str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


def test_files_are_compared_with_the_losses_that_the_symbol_has(checkpoint, tmp_path, monkeypatch):
    replace = load.replace_losses

    def wrong(graph):
        replace(graph)
        for node in graph.nodes:
            node.op = 'log_softmax' if node.op == 'softmax' else node.op
    monkeypatch.setattr(load, 'replace_losses', wrong)
    with pytest.raises(VerificationError, match='onnx: output 1'):
        gb.export_files(str(checkpoint), shape=(3, 8, 8), path=str(tmp_path / 'out'))


def test_a_block_with_a_loss_leaves_without_its_label(tmp_path):
    scores = mx.sym.FullyConnected(mx.sym.var('data'), num_hidden=3)
    block = mx.gluon.SymbolBlock(mx.sym.SoftmaxOutput(scores, name='loss'),
                                 [mx.sym.var('loss_label'), mx.sym.var('data')])
    block.initialize()
    X = np.random.RandomState(0).rand(2, 7).astype('float32')
    expected = block(mx.nd.zeros(2), mx.nd.array(X)).asnumpy()
    gb.export_net(block, {'loss_label': (), 'data': (7,)}, path=str(tmp_path / 'out'))
    found, = run(tmp_path / 'out' / 'model.onnx', X)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for i in range(6):
        Image.fromarray(np.random.RandomState(i).randint(0, 256, (9, 9, 3)).astype('uint8')).save(
            str(folder / ('%d.png' % i)))
    return str(folder)


def test_8_bits_are_calibrated_on_pictures_and_never_on_random_input(
        checkpoint, tmp_path, pictures):
    how = dict(shape=(3, 8, 8), formats=['onnx-int8'], path=str(tmp_path / 'out'), mean=127.5)
    with pytest.raises(ValueError, match='format requires images .* pass a folder of images'):
        gb.export_files(str(checkpoint), **how)
    export = gb.export_files(str(checkpoint), calibrate=pictures, images=pictures, max_drop=20,
                             **how)
    # Batches of 1, 2 and 3 and a larger image of random numbers, and 6 pictures.
    assert export.formats[0].verified.images == 13
    assert export.info['verified_on'] == 'random numbers from 0 to 1 and 6 images'


def command(*argv):
    return dispatch.main(['export'] + list(map(str, argv)))


def test_the_command_takes_a_checkpoint_and_prints_a_table(checkpoint, capsys):
    assert command(checkpoint / 'face-symbol.json', '--shape', '3,8,8', '--epoch', '3',
                   '--outputs', 'fc1') == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split() == ['format', 'bytes', 'largest', 'difference', 'ms', 'at',
                                           '1']
    assert out.splitlines()[-1] == 'compared on random numbers from 0 to 1: fc1_output'
    record = json.loads((checkpoint / 'export' / 'export.json').read_text())
    assert record['info']['outputs'] == ['fc1_output']


@pytest.mark.parametrize('argv, said', [
    (['--weights', 'best'], '--weights is only for runs, but '),
    (['--shape', '3,x'], "argument --shape: expected comma-separated numbers, got '3,x'"),
    (['--shape', '3,8,8', '--shape', '3'], 'expected a name in every --shape if there are several'),
    (['--input-range', 'a'], "expected comma-separated numbers, got 'a'")])
def test_wrong_arguments_are_refused_at_once(argv, said, checkpoint, capsys):
    with pytest.raises(SystemExit) as stopped:
        command(checkpoint, *argv)
    assert stopped.value.code == 2 and said in capsys.readouterr().err
    assert not (checkpoint / 'export').exists()
