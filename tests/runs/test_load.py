"""The net of a run, read back from its folder."""
import os
import shutil

import numpy as np
import pytest
from mxnet import nd
from small_runs import start

import gluonblocks as gb
from gluonblocks import files
from gluonblocks.runs import config as config_file
from gluonblocks.runs import load as runs
from gluonblocks.runs import tensors, weights
from gluonblocks.training import loop as training
from gluonblocks.training.metrics import Evaluation

pytestmark = pytest.mark.usefixtures('little_data')


@pytest.mark.parametrize('weights', ['best', 'last', 'final'])
def test_load_run_gives_the_net_as_it_was(folder, weights):
    net, history = start(folder, checkpoint_every=3)
    loaded, config = gb.load_run(folder, ctx='cpu', weights=weights)
    if weights == 'best':  # those of a run that ended at the best epoch
        best = max(history, key=lambda record: record.test_acc).epoch
        net, _ = start(folder + '2', epochs=best)
    X = nd.random.uniform(shape=(4, 1, 28, 28))
    np.testing.assert_array_equal(loaded(X).asnumpy(), net(X).asnumpy())
    assert config['model'] == 'lenet_bn' and loaded._active


def scored(num_correct):
    """An evaluation of 100 images, of which so many are correct."""
    return Evaluation(np.ones(100, int), np.arange(100) < num_correct, np.empty((100, 0)))


def test_the_best_weights_are_those_of_the_best_epoch(folder, monkeypatch):
    rights = iter([50, 90, 70])
    monkeypatch.setattr(training, 'evaluate', lambda *args: scored(next(rights)))
    start(folder)
    best = runs.load_checkpoint(os.path.join(folder, 'best.safetensors'))[1]
    assert best['step'] == 8 and best['best_epoch'] == 2  # four steps an epoch


def test_another_checkpoint_in_the_place_of_the_best_is_refused(folder, monkeypatch):
    rights = iter([50, 90, 70])

    def count(*args):  # at the end of epochs, before its checkpoint; keeps the best of the first
        if os.path.exists(best) and not os.path.exists(best + '.1'):
            shutil.copy(best, best + '.1')
        return scored(next(rights))
    best = os.path.join(folder, 'best.safetensors')
    monkeypatch.setattr(training, 'evaluate', count)
    start(folder, checkpoint_every=5)  # the one before the last is of step 10, in the third epoch
    gb.load_run(folder)
    for name, step in [('last.safetensors', 12), ('previous.safetensors', 10),
                       ('best.safetensors.1', 4)]:
        shutil.copy(os.path.join(folder, name), best)
        with pytest.raises(files.DamagedFile, match='best.safetensors: not the best checkpoint: it '
                           'is of step %d, and the best epoch was 2' % step):
            gb.load_run(folder)


def test_a_best_checkpoint_newer_than_the_last_is_the_best(folder, monkeypatch):
    rights = iter([50, 90, 70])
    monkeypatch.setattr(training, 'evaluate', lambda *args: scored(next(rights)))
    start(folder, epochs=2)
    for name in ('last', 'previous'):  # as where a process is killed between the two
        os.unlink(os.path.join(folder, name + '.safetensors'))
    start(folder + '1', epochs=1)
    shutil.copy(os.path.join(folder + '1', 'last.safetensors'), folder)
    gb.load_run(folder)


def test_a_run_in_half_precision_predicts_on_a_cpu_in_single(folder):
    net, _ = start(folder)  # a CPU trains none in half: its files stand for such a run's
    config = dict(config_file.read_config(folder), dtype='float16')
    config['identity'] = config_file.identity_of(config)
    with open(os.path.join(folder, 'config.json'), 'wb') as f:
        f.write(config_file.encode_config(config))
    halves = {name: array.astype('float16' if array.ndim == 4 and 'weight' in name else 'float32')
              for name, array in weights.net_arrays(net).items()}
    files.write_file(os.path.join(folder, 'final.safetensors'),
                     tensors.encode_tensors(halves, {'identity': config['identity']}))
    loaded, config = gb.load_run(folder, weights='final')
    assert config['dtype'] == 'float16'
    for name, array in weights.net_arrays(loaded).items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, halves[name])
    X = nd.random.uniform(shape=(4, 1, 28, 28))
    np.testing.assert_allclose(loaded(X).asnumpy(), net(X).asnumpy(), rtol=0.05, atol=0.05)


def test_the_params_file_loads_into_gluon(folder):
    net, _ = start(folder)
    other = gb.get_model('lenet_bn')
    other.load_parameters(os.path.join(folder, 'final.params'))
    X = nd.random.uniform(shape=(4, 1, 28, 28))
    np.testing.assert_allclose(other(X).asnumpy(), net(X).asnumpy(), rtol=1e-5, atol=1e-6)


def test_a_last_checkpoint_older_than_the_one_before_it_is_not_used(folder, capsys):
    start(folder + '1', epochs=1)
    start(folder, checkpoint_every=3)
    shutil.copy(os.path.join(folder + '1', 'last.safetensors'), folder)
    gb.load_run(folder, weights='last')
    said = capsys.readouterr().err
    assert 'last.safetensors: not the last checkpoint: it is of step 4, and that before it' in said
    assert 'The checkpoint before it is used, of step 12' in said
