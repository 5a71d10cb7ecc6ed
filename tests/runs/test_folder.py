"""A run in a folder: what is in it, that it goes on as if it had not stopped, and its net."""
import csv
import json
import os
import pathlib
import pickle
import re
import signal

import mxnet as mx
import numpy as np
import pytest
from conftest import REPOSITORY
from mxnet.gluon import nn
from small_runs import WHOLE, content, start, stopped

import gluonblocks as gb
from gluonblocks.runs import load as runs
from gluonblocks.runs import records

pytestmark = pytest.mark.usefixtures('little_data')


def test_the_folder_has_all_there_is_to_a_run(folder):
    net, history = start(folder)
    assert sorted(os.listdir(folder)) == sorted([
        'config.json', 'history.csv', 'history.jsonl', 'times.csv', 'curves.png',
        'clock.json', 'last.safetensors', 'previous.safetensors', 'best.safetensors',
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


def test_a_run_ends_and_has_its_page_where_a_folders_name_is_not_text(tmp_path):
    folder = os.path.join(os.fsencode(tmp_path), b'lat\xe4')
    start(os.fsdecode(folder), epochs=1)
    assert b'final.params' in os.listdir(folder)
    gb.write_report(os.fsdecode(folder), os.path.join(os.fsdecode(folder), 'report.html'))
    with open(os.path.join(folder, b'report.html'), encoding='utf-8') as f:
        assert 'Run lat\ufffd' in f.read()


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path):
    (tmp_path / 'file').write_text('mine')
    with pytest.raises(OSError, match='^[^[]*file/rr could not be written: Not a directory. Name a '
                                      'place that you can write to$'):
        start(str(tmp_path / 'file' / 'rr'), epochs=1)


def test_config_tells_what_was_asked_what_was_defaulted_and_on_what(folder):
    start(folder, epochs=1)
    _, config = gb.load_run(folder)
    assert config['asked'] == ['batch_size', 'ctx', 'dataset', 'epochs', 'seed']
    assert {key: config[key] for key in (
        'model', 'dataset', 'data_root', 'batch_size', 'resize', 'num_classes', 'lr', 'optimizer',
        'ctx')} == {'model': 'lenet_bn', 'dataset': 'synthetic', 'data_root': None,
                    'batch_size': 16, 'resize': None, 'num_classes': 10, 'lr': 1.0,
                    'optimizer': 'sgd', 'ctx': 'cpu:0'}
    assert config['versions']['mxnet'] == mx.__version__ and config['threads']
    assert re.match('[0-9a-f]{64}$', config['data_sha256'])


def test_a_run_in_a_folder_has_the_numbers_of_one_without(folder, capsys):
    net, history = start(folder)
    inside = capsys.readouterr().out
    other, again = gb.train_model('lenet_bn', **WHOLE)
    outside = capsys.readouterr().out
    assert [r[:4] for r in history] == [r[:4] for r in again]
    assert re.sub('time .*', '', inside) == re.sub('time .*', '', outside)
    for a, b in zip(net.collect_params().values(), other.collect_params().values()):
        assert (a.data().asnumpy() == b.data().asnumpy()).all()


@pytest.mark.parametrize('at', [1, 4, 6, 8, 12])
def test_interrupted_anywhere_it_ends_as_if_it_had_not_been(folder, monkeypatch, capsys, at):
    start(folder + '0')
    expected = re.sub('time .*', '', capsys.readouterr().out)
    stopped(monkeypatch, folder, at)
    gb.resume_run(folder)
    assert content(folder) == content(folder + '0')
    assert re.sub('time .*', '', capsys.readouterr().out) == expected


@pytest.mark.parametrize('features', [
    pytest.param({'lr_schedule': 'cosine', 'warmup_epochs': 1, 'lr': 0.1, 'momentum': 0.9},
                 marks=pytest.mark.gluoncv),
    pytest.param({'lr_schedule': 'step', 'lr_decay_epochs': [1, 2], 'label_smoothing': 0.1},
                 marks=pytest.mark.gluoncv),
    {'optimizer': 'adam', 'lr': 0.01, 'weight_decay': 1e-3},
    {'ctx': 'cpu:0,1'},
    {'early_stop': 2},
    {'checkpoint_every': 1},
])
def test_so_does_a_run_with_features(folder, monkeypatch, features):
    start(folder + '0', **features)
    stopped(monkeypatch, folder, 6, **features)
    gb.resume_run(folder)
    assert content(folder) == content(folder + '0')


def test_a_net_that_draws_numbers_too(folder, monkeypatch, registries):
    def dropping(num_classes=10):
        net = nn.HybridSequential()
        net.add(nn.Dense(30), nn.Dropout(0.5), nn.Dense(num_classes))
        return net
    gb.register(lr=1.0)(dropping)
    start(folder + '0', 'dropping')
    stopped(monkeypatch, folder, 6, name='dropping')
    gb.resume_run(folder)
    assert content(folder) == content(folder + '0')


def test_another_target_goes_on_as_the_longer_run(folder):
    start(folder + '0')
    start(folder, epochs=1)
    _, history = gb.resume_run(folder, epochs=3)
    assert content(folder) == content(folder + '0')
    assert [record.epoch for record in history] == [1, 2, 3]
    assert gb.load_run(folder)[1]['epochs'] == 3


def test_a_run_that_is_done_stays_as_it_is(folder, capsys):
    start(folder)
    before = content(folder)
    capsys.readouterr()
    gb.resume_run(folder)
    assert content(folder) == before and capsys.readouterr().out == ''


def test_without_a_checkpoint_it_starts_from_its_beginning(folder, capsys):
    start(folder)
    before = content(folder)
    for name in os.listdir(folder):
        if name != 'config.json':
            os.unlink(os.path.join(folder, name))
    gb.resume_run(folder)
    assert content(folder) == before
    assert 'no checkpoint yet' in capsys.readouterr().err


@pytest.mark.parametrize('signum, code', [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_step_saves_and_says_how_to_go_on(folder, monkeypatch, signum, code):
    stop = stopped(monkeypatch, folder, 6, signum)
    assert stop.exit_code == code
    assert str(stop) == 'stopped in epoch 2, after step 6, and saved; %s can be resumed' % folder
    assert runs.load_checkpoint(os.path.join(folder, 'last.safetensors'))[1]['step'] == 6


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


def test_no_module_of_the_package_names_pickle():
    paths = list((pathlib.Path(REPOSITORY) / 'gluonblocks').rglob('*.py'))
    assert len(paths) > 30
    for path in paths:
        text = re.sub('No pickle: .*', '', path.read_text())
        assert not re.search('pickle|marshal|shelve|save_states|load_states', text), path


def test_without_matplotlib_it_is_told_once_and_trains(folder, monkeypatch, capsys):
    def missing(rows, title):
        raise ImportError('No module named matplotlib')
    monkeypatch.setattr(records, 'draw_curves', missing)
    start(folder)
    assert capsys.readouterr().err.count('for want of matplotlib') == 1
    assert not os.path.exists(os.path.join(folder, 'curves.png'))


def test_tensorboard_events_have_each_epoch_once(folder, monkeypatch):
    stopped(monkeypatch, folder, 6, tensorboard=True)
    gb.resume_run(folder)
    seen = []
    for name in os.listdir(os.path.join(folder, 'tensorboard')):
        seen += read_scalars(os.path.join(folder, 'tensorboard', name))
    with open(os.path.join(folder, 'history.csv')) as f:
        rows = list(csv.DictReader(f))
    losses = sorted((step, value) for tag, step, value in seen if tag == 'loss/train')
    assert losses == [(int(row['epoch']), np.float32(row['loss'])) for row in rows]
    assert {tag for tag, _, _ in seen} == {'loss/train', 'accuracy/train', 'accuracy/test', 'rate',
                                           'learning_rate'}


def read_scalars(path):
    """(tag, step, value) of a file of events: records of length, 4 bytes, message, 4 bytes."""
    from tensorboardX.proto import event_pb2
    with open(path, 'rb') as f:
        content, position, found = f.read(), 0, []
    while position < len(content):
        size = int.from_bytes(content[position:position + 8], 'little')
        event = event_pb2.Event.FromString(content[position + 12:position + 12 + size])
        found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
        position += 16 + size
    return found
