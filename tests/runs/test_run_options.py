"""A run that goes on by other options, and what a run does not fail for."""
import os
import shutil
import signal

import pytest
from conftest import replace_dataset
from mxnet import gluon, nd
from small_runs import content, start, stopped

import gluonblocks as gb
from gluonblocks import files
from gluonblocks.data import datasets
from gluonblocks.runs import folder as run_folder
from gluonblocks.runs import records
from gluonblocks.runs import train as run
from gluonblocks.runs.config import read_config

pytestmark = pytest.mark.usefixtures('little_data')


def test_a_folder_of_data_for_a_data_set_without_files_is_refused(folder):
    with pytest.raises(ValueError, match="data_root is '.*/x', but the data set synthetic has no"):
        gb.train_model('lenet_bn', dataset='synthetic', data_root='x')
    start(folder, epochs=1)
    with pytest.raises(ValueError, match='data_root is .* has no files'):
        gb.resume_run(folder, epochs=2, data_root='x')
    with pytest.raises(ValueError, match="data set 'synthetic' is made on the spot"):
        gb.evaluate_run(folder, data_root='x')


def test_another_folder_of_the_data_is_kept_as_an_absolute_path(folder, monkeypatch, tmp_path):
    replace_dataset(monkeypatch, 'synthetic', lambda *args, root=None, **how: (
        datasets.load_data_synthetic(*args, num_train=60, num_test=20, **how)), takes_root=True)
    monkeypatch.chdir(tmp_path)
    start(folder, epochs=1, data_root='one')
    assert read_config(folder)['data_root'] == str(tmp_path / 'one')
    gb.resume_run(folder, epochs=2, data_root='two')
    assert read_config(folder)['data_root'] == str(tmp_path / 'two')


def test_a_refused_target_leaves_the_config_as_it_was(folder):
    start(folder, epochs=2, lr_schedule='cosine')
    before = content(folder, ('config.json',))
    with pytest.raises(ValueError, match='epochs is 3'):
        gb.resume_run(folder, epochs=3)
    assert content(folder, ('config.json',)) == before


@pytest.fixture
def writes(monkeypatch):
    """The names of the files that are written, in order."""
    names, write = [], files.write_file
    for module in (run_folder, records):
        monkeypatch.setattr(module, 'write_file', lambda path, *args, **how: (
            names.append(os.path.basename(path)), write(path, *args, **how)))
    return names


def test_config_json_is_written_once_by_a_new_run_and_not_by_one_that_goes_on(
        folder, monkeypatch, writes):
    stopped(monkeypatch, folder, 6)
    assert writes.count('config.json') == 1
    gb.resume_run(folder)
    assert writes.count('config.json') == 1
    gb.resume_run(folder, epochs=4)
    assert writes.count('config.json') == 2


def test_an_epochs_checkpoint_is_written_before_its_picture(folder, writes):
    start(folder, epochs=1)
    assert writes.index('last.safetensors') < writes.index('curves.png')


def test_a_picture_that_cannot_be_drawn_costs_nothing_but_itself(folder, monkeypatch, capsys):
    start(folder + '0')

    def broken(rows, title):
        raise RuntimeError('no fonts')
    monkeypatch.setattr(records, 'draw_curves', broken)
    start(folder)
    assert content(folder) == content(folder + '0')
    assert 'curves.png is not drawn: no fonts' in capsys.readouterr().err


def test_checkpoints_are_equal_to_the_last_byte_the_previous_one_too(folder):
    for name in (folder, folder + '2'):
        start(name, checkpoint_every=3)
    names = ('previous.safetensors', 'last.safetensors', 'best.safetensors')
    assert content(folder, names) == content(folder + '2', names)


def test_without_tensorboardx_nothing_is_locked_or_written(folder, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'tensorboardX', None)
    with pytest.raises(ImportError, match='pip install tensorboardX'):
        start(folder, tensorboard=True)
    assert not os.path.exists(folder)
    start(folder, epochs=1)
    with pytest.raises(ImportError, match='pip install tensorboardX'):
        gb.resume_run(folder, epochs=2, tensorboard=True)
    gb.resume_run(folder, epochs=2)


@pytest.mark.parametrize('put, said', [
    (lambda folder, best: os.unlink(best), 'is gone: it is written again'),
    (lambda folder, best: shutil.copy(os.path.join(folder, 'last.safetensors'), best),
     'not the best checkpoint: it is of step 6, and the best epoch was 1: it is written again'),
    (lambda folder, best: os.truncate(best, 99), 'best.safetensors: ')])
def test_a_best_checkpoint_that_is_none_is_told_and_the_run_goes_on(
        folder, monkeypatch, capsys, put, said):
    stopped(monkeypatch, folder, 6)
    put(folder, os.path.join(folder, 'best.safetensors'))
    gb.resume_run(folder)
    assert said in capsys.readouterr().err
    assert os.path.exists(os.path.join(folder, 'final.safetensors'))


class Noted(gb.Hook):
    """Sends a signal at the end of the epoch `at`, or fails there, and notes that it is closed."""

    def __init__(self, at, signum=None):
        self.at, self.signum, self.closed = at, signum, 0

    def epoch_end(self, state):
        if len(state.history) == self.at:
            if self.signum is None:
                raise RuntimeError('the hook fails')
            os.kill(os.getpid(), self.signum)

    def close(self):
        self.closed += 1


@pytest.fixture
def hooked(monkeypatch):
    """Have runs call another hook too."""
    def add(hook):
        make_hooks = run.make_hooks
        monkeypatch.setattr(run, 'make_hooks', lambda *args: make_hooks(*args) + [hook])
        return hook
    return add


def test_a_signal_after_the_last_epoch_is_told_and_nothing_is_lost(folder, hooked):
    start(folder + '0')
    hooked(Noted(3, signal.SIGTERM))
    with pytest.raises(gb.training.Interrupted, match='stopped when training had ended') as stop:
        start(folder)
    assert stop.value.exit_code == 143
    assert content(folder) == content(folder + '0')


def test_every_hook_is_closed_once_whether_the_run_ends_or_fails(folder, hooked):
    hook = hooked(Noted(2))
    with pytest.raises(RuntimeError, match='the hook fails'):
        start(folder)
    assert hook.closed == 1
    hook.at = 0
    gb.resume_run(folder)
    assert hook.closed == 2


def test_a_run_in_a_folder_refuses_loaders_whose_images_it_cannot_check(folder, monkeypatch):
    replace_dataset(monkeypatch, 'synthetic', lambda batch_size, **how: [
        gluon.data.DataLoader(gluon.data.ArrayDataset(nd.zeros((8, 1, 28, 28)), nd.zeros(8)), 4)
    ] * 2)
    with pytest.raises(ValueError, match='loaders of the type DataLoader, but a run that is kept'):
        start(folder, epochs=1)
