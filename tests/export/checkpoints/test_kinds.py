"""Checkpoints of every kind, made by old versions of MXNet, leave it as they were."""
import glob
import json
import os
import tarfile

import mxnet as mx
import numpy as np
import onnxruntime
import pytest

import gluonblocks as gb

FILES = os.path.join(os.path.dirname(__file__), 'files')
ALL = sorted(os.path.relpath(path, FILES)[:-len('.tar.gz')]
             for path in glob.glob(os.path.join(FILES, '*', '*.tar.gz')))
with open(os.path.join(FILES, 'inputs.json')) as f:
    SHAPES = {kind: {name: tuple(sides) for name, sides in shapes.items()}
              for kind, shapes in json.load(f).items()}
# Shapes for a batch of two of labels that MXNet does not find by itself.
LABELS = {'ssd': {'label': (2, 2, 5)}, 'lstm': {'softmax_label': (2, 4)},
          'fused_rnn': {'softmax_label': (8,)}}
# What the files leave out because it cannot be computed without a label.
DROPPED = {'arcface_training': ['softmax_output'], 'ssd': ['loc_loss_output', 'cls_label_output']}
SAME_IN_TORCH = sorted(set(SHAPES) - {'ssd', 'yolo', 'fused_rnn', 'warpctc'})


def unpacked(which, folder):
    """(symbol, parameters) of a checkpoint of files/, as MXNet itself loads them."""
    with tarfile.open(os.path.join(FILES, which + '.tar.gz')) as archive:
        archive.extractall(str(folder))
    symbol, = folder.glob('*-symbol.json')
    params, = folder.glob('*.params')
    text = symbol.read_text()
    if 'WarpCTC' in text:  # which the wheels lack: a softmax of each row, by its source
        graph = json.loads(text)
        graph['nodes'][-1].update(op='SoftmaxActivation', attrs={},
                                  inputs=graph['nodes'][-1]['inputs'][:1])
        text = json.dumps(graph)
    text = text.replace('"op": "MultiBox', '"op": "_contrib_MultiBox')  # as it is called since 0.9
    return mx.sym.load_json(text), mx.nd.load(str(params))


def inputs_of(which, n=2):
    """Two inputs that suit each net: words below 7, or pixels."""
    rng = np.random.RandomState(1)
    return {name: rng.uniform(0, 7, (n,) + shape).astype('float32')
            for name, shape in SHAPES[os.path.basename(which)].items()}


def predicted(symbol, params, inputs, labels):
    """Run a symbol in MXNet's executor, with zeros as labels; return its outputs by name."""
    executor = symbol.simple_bind(mx.cpu(), grad_req='null', **dict(
        labels, **{name: X.shape for name, X in inputs.items()}))
    for name, array in params.items():
        name = name.replace('arg:', '').replace('aux:', '')
        dict(executor.arg_dict, **executor.aux_dict)[name][:] = array
    outputs = executor.forward(is_train=False, **{
        name: mx.nd.array(X) for name, X in inputs.items()})
    return dict(zip(symbol.list_outputs(), [output.asnumpy() for output in outputs]))


def assert_same(found, wanted):
    for name, array in found.items():
        np.testing.assert_allclose(array, wanted[name], rtol=0, err_msg=name,
                                   atol=1e-4 * max(1, np.abs(wanted[name]).max()))


@pytest.mark.parametrize('which', ALL)
def test_every_kind_of_checkpoint_computes_in_onnx_what_it_did(which, tmp_path):
    kind = os.path.basename(which)
    symbol, params = unpacked(which, tmp_path)
    export = gb.export_files(os.path.join(FILES, which + '.tar.gz'), shape=SHAPES[kind],
                             path=str(tmp_path / 'out'))
    assert export.formats[0].verified.largest_difference <= 1e-4
    session = onnxruntime.InferenceSession(str(tmp_path / 'out' / 'model.onnx'))
    names = [output.name for output in session.get_outputs()]
    assert names == [name for name in symbol.list_outputs() if name not in DROPPED.get(kind, ())]
    inputs = inputs_of(which)
    wanted = predicted(symbol, params, inputs, LABELS.get(kind, {}))
    assert_same(dict(zip(names, session.run(names, inputs))), wanted)


@pytest.mark.parametrize('which', ['mxnet-1.9/' + kind for kind in SAME_IN_TORCH])
def test_every_kind_whose_operators_pytorch_has_computes_there_what_it_did(which, tmp_path):
    pytest.importorskip('torch', reason='PyTorch is not installed (the extra `torch`)')
    kind = os.path.basename(which)
    export = gb.export_files(os.path.join(FILES, which + '.tar.gz'), shape=SHAPES[kind],
                             path=str(tmp_path / 'out'), formats=['torch'])
    assert export.formats[0].verified.largest_difference <= 1e-4


def test_all_kinds_are_there_for_each_version():
    for version in ('1.7', '1.8', '1.9'):
        assert {'mxnet-%s/%s' % (version, kind) for kind in SHAPES} <= set(ALL)
