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
from small_runs import WHOLE, add_hook, content, start, stopped

import gluonblocks as gb
from gluonblocks.runs import folder as module
from gluonblocks.runs import records
from gluonblocks.runs.checkpoint import load_checkpoint
from gluonblocks.runs.config import read_config
from gluonblocks.training import norms


def test_the_folder_has_all_there_is_to_a_run(whole):
    folder, history = whole.folder, whole.history
    assert sorted(os.listdir(folder)) == sorted([
        'config.json', 'history.csv', 'history.jsonl', 'times.csv', 'curves.png',
        'last.safetensors', 'previous.safetensors', 'best.safetensors',
        'final.safetensors', 'final.params'])
    def rows(name):
        with open(os.path.join(folder, name)) as f:
            return [{key: json.loads(text) for key, text in row.items()}
                    for row in csv.DictReader(f)]
    assert [tuple(row.values()) for row in rows('history.csv')] == [
        (*record[:4], 1.0) for record in history]
    with open(os.path.join(folder, 'history.jsonl')) as f:
        assert [json.loads(line) for line in f] == rows('history.csv')
    assert [row['seconds'] for row in rows('times.csv')] == [record.seconds for record in history]
    assert all(row['rate'] > 60 / row['seconds'] for row in rows('times.csv'))


def test_config_tells_what_was_asked_what_was_defaulted_and_on_what(whole):
    config = read_config(whole.folder)
    assert config['chosen'] == ['batch_size', 'ctx', 'dataset', 'epochs', 'seed']
    expected = {'model': 'lenet_bn', 'dataset': 'synthetic', 'data_root': None, 'batch_size': 16,
                'resize': None, 'num_classes': 10, 'lr': 1.0, 'optimizer': 'sgd', 'ctx': 'cpu:0',
                'stop_non_finite': True}
    assert {name: config[name] for name in expected} == expected
    assert config['versions']['mxnet'] == mx.__version__ and config['threads']
    assert re.match('[0-9a-f]{64}$', config['data_sha256'])


def test_what_belongs_to_a_checkpoint_is_written_before_it(folder, monkeypatch):
    names = []

    def recorded(write):
        return lambda path, *args, **how: (
            names.append(os.path.basename(path).split('.')[0]), write(path, *args, **how))
    monkeypatch.setattr(module, 'write_file', recorded(module.write_file))
    monkeypatch.setattr(norms, 'append_file', recorded(norms.append_file))
    start(folder, epochs=1, norm_stats=True)
    assert names == ['config', 'last', 'norms', 'best', 'last', 'final']


def test_a_run_without_a_folder_computes_and_prints_the_same(whole, capsys):
    net, history = gb.train_model('lenet_bn', **WHOLE)
    assert [r[:4] for r in history] == [r[:4] for r in whole.history]
    assert re.sub('time .*', '', capsys.readouterr().out) == re.sub('time .*', '', whole.out)
    for param, array in zip(net.collect_params().values(), whole.weights):
        assert (param.data().asnumpy() == array).all()


@pytest.mark.parametrize('at, signum, code, where', [
    (1, signal.SIGINT, 130, 'in epoch 1 after step 1'),
    (4, signal.SIGTERM, 143, 'in epoch 1 after step 4'),
    (6, signal.SIGTERM, 143, 'in epoch 2 after step 6'),
    (12, signal.SIGINT, 130, 'in epoch 3 after step 12')])
def test_interrupted_anywhere_it_ends_as_if_it_had_not_been(whole, folder, monkeypatch, capsys,
                                                            at, signum, code, where):
    stop = stopped(monkeypatch, folder, at, signum)
    assert stop.exit_code == code
    assert str(stop) == 'stopped %s, checkpoint saved; resume the run in %s' % (where, folder)
    assert load_checkpoint(os.path.join(folder, 'last.safetensors'))[1]['step'] == at
    gb.resume_run(folder)
    assert content(folder) == content(whole.folder)
    assert re.sub('time .*', '', capsys.readouterr().out) == re.sub('time .*', '', whole.out)


class AtOnce(gb.Hook):
    """Sends a signal before the first step."""

    def begin(self, state):
        os.kill(os.getpid(), signal.SIGINT)


def test_interrupted_before_the_first_step_it_starts_again(whole, folder, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(
            gb.training.Interrupted, match='^stopped immediately; progress'):
        add_hook(patch, AtOnce())
        start(folder)
    gb.resume_run(folder)
    assert content(folder) == content(whole.folder)


def test_a_second_signal_while_the_checkpoint_is_saved_leaves_the_one_before(
        whole, folder, monkeypatch):
    encode = module.encode_checkpoint
    def signalled(net, trainer, state, *args):
        if state.step == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return encode(net, trainer, state, *args)
    with monkeypatch.context() as patch:
        patch.setattr(module, 'encode_checkpoint', signalled)
        stop = stopped(monkeypatch, folder, 6)
    assert str(stop) == ('stopped immediately; progress since the last checkpoint is lost; resume '
                         'the run in %s' % folder)
    gb.resume_run(folder)
    assert content(folder) == content(whole.folder)


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


def test_a_run_that_is_done_stays_and_one_without_a_checkpoint_starts_again(whole, copied, capsys):
    gb.resume_run(copied)
    printed = capsys.readouterr()
    assert content(copied) == content(whole.folder) and printed.out == ''
    assert 'the run is complete: it has been trained for 3 epochs' in printed.err
    for name in os.listdir(copied):
        if name != 'config.json':
            os.unlink(os.path.join(copied, name))
    gb.resume_run(copied)
    assert content(copied) == content(whole.folder)
    assert 'no checkpoint yet' in capsys.readouterr().err


class AtTheEnd(gb.Hook):
    """Sends a signal at the end of the third epoch, and counts how often it is closed."""

    closed = 0

    def epoch_end(self, state):
        if len(state.history) == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    def close(self):
        self.closed += 1


def test_a_signal_after_the_last_epoch_loses_nothing_and_hooks_are_closed_once(
        whole, folder, monkeypatch):
    hook = AtTheEnd()
    add_hook(monkeypatch, hook)
    with pytest.raises(gb.training.Interrupted, match='stopped after training had finish') as stop:
        start(folder)
    assert (stop.value.exit_code, hook.closed) == (143, 1)
    assert content(folder) == content(whole.folder)


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
    (ImportError('No module named matplotlib'), 'curves.png, because matplotlib is not installed'),
    (RuntimeError('no fonts'), 'could not draw curves.png: no fonts')])
def test_a_picture_that_cannot_be_drawn_costs_nothing_but_itself(whole, folder, monkeypatch, capsys,
                                                                error, said):
    def broken(rows, title):
        raise error
    monkeypatch.setattr(records, 'draw_curves', broken)
    start(folder)
    assert content(folder) == content(whole.folder)
    assert not os.path.exists(os.path.join(folder, 'curves.png'))
    # What will not change within the run is told once.
    assert capsys.readouterr().err.count(said) == (1 if 'matplotlib' in said else 2)


def test_curves_are_drawn_after_the_first_and_the_last_epoch_and_every_ten_seconds(
        folder, monkeypatch):
    drawn = []
    monkeypatch.setattr(records, 'draw_curves', lambda rows, title: drawn.append(len(rows)) or b'')
    monkeypatch.setattr(records, 'PAUSE', 1000)
    start(folder, epochs=4)
    assert drawn == [1, 4]
    monkeypatch.setattr(records, 'PAUSE', 0)
    gb.resume_run(folder, epochs=6)
    assert drawn == [1, 4, 5, 6]
    gb.resume_run(folder)  # a run that was killed before the last plot gets it
    assert drawn[4:] == [6]


def test_tensorboard_events_are_written_by_each_process_that_trains(folder, monkeypatch):
    stopped(monkeypatch, folder, 6, tensorboard=True)
    gb.resume_run(folder)
    steps = [name.rpartition('-')[2] for name in sorted(os.listdir(folder + '/tensorboard'))]
    assert sorted(steps) == ['0', '6']  # the step that each began after
