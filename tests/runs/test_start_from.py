"""Runs that start from trained weights, and train all layers or the last one."""
import contextlib
import hashlib
import json
import os
import shutil

import importable
import numpy as np
import pytest
from mxnet import nd
from safetensors import numpy as safetensors
from small_runs import content, start, stopped

import gluonblocks as gb
from gluonblocks.commands import dispatch
from gluonblocks.runs import process
from gluonblocks.runs.config import read_config
from gluonblocks.runs.weights import net_arrays, read_tensors

THREE = {'dataset': 'importable:load'}  # images of three classes; the run `whole` has ten
LAST = {'14.weight', '14.bias'}  # the layer of a LeNet that depends on their number
FROZEN = {'freeze': 'features', 'epochs': 1}


def weights_in(path):
    return {name: array.asnumpy() for name, array in nd.load(str(path)).items()}


def best(folder):
    return net_arrays(gb.load_run(folder, ctx='cpu')[0])


def assert_equal(arrays, others, but=()):
    assert set(arrays) == set(others)
    for name in set(arrays) - set(but):
        assert arrays[name].tobytes() == others[name].tobytes(), name


@pytest.fixture
def begun(monkeypatch):
    """The weights with which a run began that started from others, by name."""
    make_hooks, found = process.make_hooks, {}

    def note(net, finite, options, workers):
        found.update(net_arrays(net) if options.start_from else {})
        return make_hooks(net, finite, options, workers)
    monkeypatch.setattr(process, 'make_hooks', note)
    return found


@pytest.mark.parametrize('source', ['', 'best.safetensors', 'final.safetensors', 'final.params',
                                    'bare.safetensors'])
def test_a_run_begins_with_the_weights_of_a_run_or_a_file(source, copied, begun, tmp_path):
    final = weights_in(os.path.join(copied, 'final.params'))
    safetensors.save_file(final, os.path.join(copied, 'bare.safetensors'))
    start(str(tmp_path / 'new'), start_from=os.path.join(copied, source), epochs=1)
    assert_equal(begun, best(copied) if source in ('', 'best.safetensors') else final)
    assert np.abs(best(str(tmp_path / 'new'))['0.weight'] - begun['0.weight']).max() > 1e-4


def test_with_other_classes_the_last_layer_alone_is_new_and_named(whole, folder, begun, capsys):
    start(folder, start_from=whole.folder, epochs=1, **THREE)
    assert begun['14.weight'].shape == (3, 84) and begun['14.weight'].std() > 0.05
    assert_equal(begun, best(whole.folder), but=LAST)
    assert capsys.readouterr().err.count(
        'random weights for 14.bias, 14.weight, because the data set has 3 classes\n') == 1


@pytest.mark.parametrize('model', ['lenet_bn', 'lenet_bn_gluon'])
@pytest.mark.parametrize('ctx', ['cpu', 'cpu:0,1'])
def test_frozen_layers_stay_to_the_bit_and_train_the_last_one_as_they_predict(
        model, ctx, begun, tmp_path):
    old, new, still = (str(tmp_path / name) for name in ('old', 'new', 'still'))
    start(old, model, epochs=1)
    net, _ = start(new, model, start_from=old, ctx=ctx, **FROZEN, **THREE)
    assert_equal(net_arrays(net), best(old), but=LAST)
    assert all(np.abs(net_arrays(net)[name] - begun[name]).max() > 1e-3 for name in LAST)
    _, history = start(still, model, start_from=new, ctx=ctx, lr=1e-20, **FROZEN, **THREE)
    # Predicted by the running statistics; those of a batch give another loss.
    (X, y), = gb.data.BatchLoader(*importable.load()[:2], 61)
    p = gb.training.predict(gb.load_run(new, ctx='cpu')[0], X)
    expected = -np.log(p[np.arange(61), y.asnumpy().astype(int)]).mean()
    np.testing.assert_allclose(history[0].loss, expected, rtol=1e-4)


def test_it_resumes_to_the_same_bytes_without_the_weights_it_started_from(
        copied, tmp_path, monkeypatch):
    one, two = str(tmp_path / 'one'), str(tmp_path / 'two')
    how = dict(THREE, start_from=copied, freeze='features', epochs=2)
    start(one, **how)
    with open(os.path.join(copied, 'best.safetensors'), 'rb') as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    config = read_config(one)
    assert [config[name] for name in ('start_from', 'freeze', 'start_sha256')] == [
        copied, 'features', digest]
    stopped(monkeypatch, two, 2, **how)  # of five steps in an epoch
    shutil.rmtree(copied)
    with pytest.raises(ValueError, match='freeze was features, is now none'):
        gb.resume_run(two, freeze='none')
    gb.resume_run(two)
    assert content(two) == content(one)


def test_without_a_checkpoint_it_starts_from_the_same_weights_or_not_at_all(copied, tmp_path):
    new, source = str(tmp_path / 'new'), os.path.join(copied, 'final.params')
    start(new, start_from=source, **FROZEN)
    done = content(new)
    for words in ('', 'weights from which the run started, but .*final.params has changed'):
        for name in ('last', 'previous'):
            os.remove(os.path.join(new, name + '.safetensors'))
        with pytest.raises(ValueError, match=words) if words else contextlib.nullcontext():
            gb.resume_run(new)
        assert words or content(new) == done
        rewrite(source, {'14.bias': np.ones(10)})


def rewrite(path, change):
    """Replace arrays in a .params file, by name; those that are None are left out."""
    arrays = dict(weights_in(path), **change)
    nd.save(path, {name: nd.array(array) for name, array in arrays.items() if array is not None})


@pytest.mark.parametrize('change, model, words', [
    ({}, 'lenet_bn_gluon', '1.moving_mean exists only in the file'),
    ({'0.weight': np.zeros((6, 3, 5, 5))}, 'lenet_bn', '0.weight must have shape (6, 1, 5, 5), '
     'found (6, 3, 5, 5)\n  The images have 1 channel, and 28 x 28 pixels'),
    ({'14.weight': np.zeros((3, 85))}, 'lenet_bn', '14.weight must have shape (10, 84), found (3,'),
    ({'4.bias': None}, 'lenet_bn', '4.bias exists only in the model'),
    ({'4.bias': np.full(16, np.nan)}, 'lenet_bn', '4.bias contains values that are not finite')])
def test_other_weights_are_refused_with_what_differs_and_nothing_is_written(
        change, model, words, copied, tmp_path, capfd):
    path, out = os.path.join(copied, 'final.params'), tmp_path / 'new'
    rewrite(path, change)
    assert dispatch.main(['train', '--model', model, '--dataset', 'synthetic', '--ctx', 'cpu',
                          '--start-from', path, '--out', str(out)]) == 2
    said, err = capfd.readouterr()
    assert (said, out.exists()) == ('', False) and words in err
    assert ('error: argument --start-from: must contain weights for the model %s, but the weights '
            'in %s do not match:' % (model, path)) in err


@pytest.mark.parametrize('source, words', [
    ('nothing', 'nothing does not exist'), ('.', 'is not a run folder: it contains no'),
    ('new.params', 'must be a run folder, or a .safetensors or .params file'),
    ('new.safetensors', 'is not a valid safetensors file'),
    ('run', 'exist: a run writes this file only after'),
    ('damaged.safetensors', 'is damaged: its checksum does not match. Restore')])
def test_what_has_no_weights_is_refused_before_the_data_are_loaded(
        source, words, copied, tmp_path, monkeypatch):
    monkeypatch.setattr(process, 'load_run_data', None)
    for name in ('new.params', 'new.safetensors'):
        (tmp_path / name).write_bytes(b'no weights' * 20)
    os.rename(os.path.join(copied, 'best.safetensors'), str(tmp_path / 'damaged.safetensors'))
    with open(str(tmp_path / 'damaged.safetensors'), 'r+b') as f:
        f.seek(-1, os.SEEK_END)
        f.write(b'?')
    with pytest.raises(ValueError, match='start_from .*' + words):
        start(str(tmp_path / 'out'), start_from=tmp_path / source)


def test_frozen_layers_need_weights_to_start_from_and_norms_of_gluon(tmp_path):
    with pytest.raises(ValueError, match="freeze requires start_from: otherwise"):
        gb.train_model('lenet_bn', freeze='features')
    start(str(tmp_path / 'run'), 'lenet_bn_mean', epochs=1)
    with pytest.raises(ValueError, match='1.moving_mean of the model lenet_bn_mean is a runn'):
        start(str(tmp_path / 'new'), 'lenet_bn_mean', start_from=tmp_path / 'run', **FROZEN)


def test_all_workers_start_from_the_same_weights_and_send_no_frozen_ones(whole, folder, capfd):
    net, _ = start(folder, start_from=whole.folder, workers=2, start_timeout=300, **FROZEN, **THREE)
    assert_equal(net_arrays(net), best(whole.folder), but=LAST)
    assert capfd.readouterr().err.count('starting from ') == 1
    state, _ = read_tensors(os.path.join(folder, 'last.safetensors'))
    statistics = json.loads(state['rank/1'].tobytes())['statistics']
    assert len(statistics) == 2 * (6 + 16 + 120 + 84)  # running means and variances
