"""A run in a folder: its files, and that it ends as if it had not stopped."""
import csv
import json
import os
import pickle
import re
import signal

import mxnet as mx
import pytest
from mxnet.gluon import nn
from small_runs import WHOLE, content, start, stopped

import gluonblocks as gb
from gluonblocks.runs import process, records
from gluonblocks.runs.checkpoint import load_checkpoint
from gluonblocks.runs.config import read_config


def test_the_folder_has_all_there_is_to_a_run(whole):
    folder, history = whole.folder, whole.history
    assert sorted(os.listdir(folder)) == sorted([
        'config.json', 'history.csv', 'history.jsonl', 'times.csv', 'curves.png',
        'last.safetensors', 'previous.safetensors', 'best.safetensors',
        'final.safetensors', 'final.params'])
    with open(os.path.join(folder, 'history.csv')) as f:
        rows = list(csv.DictReader(f))
    assert [(int(row['epoch']), float(row['loss']), float(row['train_acc']),
             float(row['test_acc'])) for row in rows] == [record[:4] for record in history]
    assert [float(row['learning_rate']) for row in rows] == [1.0] * 3
    with open(os.path.join(folder, 'history.jsonl')) as f:
        assert [json.loads(line) for line in f] == [
            {key: json.loads(value) for key, value in row.items()} for row in rows]
    with open(os.path.join(folder, 'times.csv')) as f:
        times = list(csv.DictReader(f))
    assert [float(row['seconds']) for row in times] == [record.seconds for record in history]
    assert all(float(row['rate']) > 60 / float(row['seconds']) for row in times)


def test_config_tells_what_was_asked_what_was_defaulted_and_on_what(whole):
    config = read_config(whole.folder)
    assert config['asked'] == ['batch_size', 'ctx', 'dataset', 'epochs', 'seed']
    assert {key: config[key] for key in (
        'model', 'dataset', 'data_root', 'batch_size', 'resize', 'num_classes', 'lr', 'optimizer',
        'ctx', 'stop_non_finite')} == {
            'model': 'lenet_bn', 'dataset': 'synthetic', 'data_root': None, 'batch_size': 16,
            'resize': None, 'num_classes': 10, 'lr': 1.0, 'optimizer': 'sgd', 'ctx': 'cpu:0',
            'stop_non_finite': True}
    assert config['versions']['mxnet'] == mx.__version__ and config['threads']
    assert re.match('[0-9a-f]{64}$', config['data_sha256'])


def test_a_run_without_a_folder_computes_and_prints_the_same(whole, capsys):
    net, history = gb.train_model('lenet_bn', **WHOLE)
    assert [r[:4] for r in history] == [r[:4] for r in whole.history]
    assert re.sub('time .*', '', capsys.readouterr().out) == re.sub('time .*', '', whole.out)
    for param, array in zip(net.collect_params().values(), whole.weights):
        assert (param.data().asnumpy() == array).all()


@pytest.mark.parametrize('at', [1, 4, 6, 12])
def test_interrupted_anywhere_it_ends_as_if_it_had_not_been(whole, folder, monkeypatch, capsys,
                                                            at):
    stopped(monkeypatch, folder, at)
    gb.resume_run(folder)
    assert content(folder) == content(whole.folder)
    assert re.sub('time .*', '', capsys.readouterr().out) == re.sub('time .*', '', whole.out)


def dropping(num_classes=10):
    net = nn.HybridSequential()
    net.add(nn.Dense(30), nn.Dropout(0.5), nn.Dense(num_classes))
    return net


@pytest.mark.parametrize('features', [
    {'lr_schedule': 'cosine', 'warmup_epochs': 1, 'lr': 0.1, 'momentum': 0.9},
    {'lr_schedule': 'step', 'lr_decay_epochs': [1, 2], 'label_smoothing': 0.1},
    {'optimizer': 'adam', 'lr': 0.01, 'weight_decay': 1e-3},
    {'ctx': 'cpu:0,1', 'early_stop': 2, 'checkpoint_every': 1},
    {'name': 'dropping'},
])
@pytest.mark.usefixtures('registries')
def test_so_does_a_run_with_features_and_a_net_that_draws_numbers(folder, monkeypatch, features):
    gb.register(lr=1.0)(dropping)
    start(folder + '0', **features)
    stopped(monkeypatch, folder, 6, **features)
    gb.resume_run(folder)
    assert content(folder) == content(folder + '0')


def test_another_target_goes_on_as_the_longer_run(whole, folder):
    start(folder, epochs=1)
    _, history = gb.resume_run(folder, epochs=3)
    assert content(folder) == content(whole.folder)
    assert [record.epoch for record in history] == [1, 2, 3]
    assert read_config(folder)['epochs'] == 3


def test_a_run_that_is_done_stays_as_it_is(whole, copied, capsys):
    gb.resume_run(copied)
    assert content(copied) == content(whole.folder) and capsys.readouterr().out == ''


def test_without_a_checkpoint_it_starts_from_its_beginning(whole, copied, capsys):
    for name in os.listdir(copied):
        if name != 'config.json':
            os.unlink(os.path.join(copied, name))
    gb.resume_run(copied)
    assert content(copied) == content(whole.folder)
    assert 'no checkpoint yet' in capsys.readouterr().err


@pytest.mark.parametrize('signum, code', [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_step_saves_and_says_how_to_go_on(folder, monkeypatch, signum, code):
    stop = stopped(monkeypatch, folder, 6, signum)
    assert stop.exit_code == code
    assert str(stop) == 'stopped in epoch 2, after step 6, and saved; %s can be resumed' % folder
    assert load_checkpoint(os.path.join(folder, 'last.safetensors'))[1]['step'] == 6


class AtEpoch(gb.Hook):
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
        make_hooks = process.make_hooks
        monkeypatch.setattr(process, 'make_hooks', lambda *args: make_hooks(*args) + [hook])
        return hook
    return add


def test_a_signal_after_the_last_epoch_is_told_and_nothing_is_lost(whole, folder, hooked):
    hooked(AtEpoch(3, signal.SIGTERM))
    with pytest.raises(gb.training.Interrupted, match='stopped when training had ended') as stop:
        start(folder)
    assert stop.value.exit_code == 143
    assert content(folder) == content(whole.folder)


def test_every_hook_is_closed_once_whether_the_run_ends_or_fails(folder, hooked):
    hook = hooked(AtEpoch(2))
    with pytest.raises(RuntimeError, match='the hook fails'):
        start(folder)
    assert hook.closed == 1
    hook.at = 0
    gb.resume_run(folder)
    assert hook.closed == 2


def test_early_stop_ends_the_run_and_stays_ended(folder):
    _, history = start(folder, epochs=50, lr=1e-9, early_stop=2)
    assert len(history) == 3  # nothing is learned, so the first epoch is the best
    assert len(gb.resume_run(folder)[1]) == 3


def test_no_pickle_is_written_or_read(folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError('pickle')
    for name in ('dump', 'dumps', 'load', 'loads', 'Pickler', 'Unpickler'):
        monkeypatch.setattr(pickle, name, refuse)
    stopped(monkeypatch, folder, 6, momentum=0.9, ctx='cpu:0,1', checkpoint_every=1)
    gb.resume_run(folder)
    for which in ('best', 'last', 'final'):
        gb.load_run(folder, weights=which)


@pytest.mark.parametrize('error, said', [
    (ImportError('No module named matplotlib'), 'for want of matplotlib'),
    (RuntimeError('no fonts'), 'curves.png is not drawn: no fonts')])
def test_a_picture_that_cannot_be_drawn_costs_nothing_but_itself(whole, folder, monkeypatch, capsys,
                                                                error, said):
    def broken(rows, title):
        raise error
    monkeypatch.setattr(records, 'draw_curves', broken)
    start(folder)
    assert content(folder) == content(whole.folder)
    assert not os.path.exists(os.path.join(folder, 'curves.png'))
    # What will not change within the run is told once.
    assert capsys.readouterr().err.count(said) == (1 if 'want' in said else 3)


def test_tensorboard_events_are_written_by_each_process_that_trains(folder, monkeypatch):
    stopped(monkeypatch, folder, 6, tensorboard=True)
    gb.resume_run(folder)
    steps = [name.rpartition('-')[2] for name in sorted(os.listdir(folder + '/tensorboard'))]
    assert sorted(steps) == ['0', '6']  # the step that each began after
