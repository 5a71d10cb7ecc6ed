"""The run folder: what is in it, what goes on from it, what is refused."""
import csv
import functools
import json
import os
import pickle
import re
import resource
import signal

import mxnet as mx
import numpy as np
import pytest
from conftest import REPOSITORY
from mxnet import nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks import data, models, run, run_folder, runs, tensorfile

IDENTICAL = ('final.safetensors', 'final.params', 'best.safetensors', 'last.safetensors',
             'history.csv', 'history.jsonl')
WHOLE = {'num_epochs': 3, 'seed': 0, 'batch_size': 16, 'dataset': 'synthetic', 'ctx': 'cpu'}


@pytest.fixture(autouse=True)
def little_data(monkeypatch):
    """An epoch of four steps, and no waiting for the disk."""
    monkeypatch.setattr(tensorfile.os, 'fsync', lambda handle: None)
    monkeypatch.setitem(data.DATASETS, 'synthetic', functools.partial(
        gb.load_data_synthetic, num_train=60, num_test=20))


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / 'run')


def start(folder, name='lenet_bn', **kwargs):
    return gb.train_model(name, out=folder, **dict(WHOLE, **kwargs))


def content(folder, names=IDENTICAL):
    found = {}
    for name in names:
        with open(os.path.join(folder, name), 'rb') as f:
            found[name] = f.read()
    return found


class Stop(gb.Hook):
    """Sends itself a signal after the step `at`."""

    def __init__(self, at, signum=signal.SIGINT):
        self.at, self.signum = at, signum

    def batch_end(self, state):
        if state.step == self.at:
            os.kill(os.getpid(), self.signum)


def stopped(monkeypatch, folder, at, signum=signal.SIGINT, **kwargs):
    """Start a run that is interrupted after the step `at`; the Interrupted."""
    make_hooks = run.make_hooks
    with monkeypatch.context() as patch:
        patch.setattr(run, 'make_hooks', lambda *a: make_hooks(*a) + [Stop(at, signum)])
        with pytest.raises(gb.Interrupted) as stop:
            start(folder, **kwargs)
    return stop.value


def test_the_folder_has_all_there_is_to_a_run(folder):
    net, history = start(folder)
    assert sorted(os.listdir(folder)) == sorted([
        'config.json', 'history.csv', 'history.jsonl', 'times.csv', 'curves.png',
        'last.safetensors', 'previous.safetensors', 'best.safetensors', 'final.safetensors',
        'final.params'])
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


def test_config_tells_what_was_asked_what_was_defaulted_and_on_what(folder):
    start(folder, num_epochs=1)
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
    {'lr_schedule': 'cosine', 'warmup_epochs': 1, 'lr': 0.1, 'momentum': 0.9},
    {'lr_schedule': 'step', 'lr_decay_epochs': [1, 2], 'label_smoothing': 0.1},
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


def test_a_net_that_draws_numbers_too(folder, monkeypatch):
    def dropping(num_classes=10):
        net = nn.HybridSequential()
        net.add(nn.Dense(30), nn.Dropout(0.5), nn.Dense(num_classes))
        return net
    monkeypatch.setitem(models._factories, 'dropping', dropping)
    monkeypatch.setitem(models._recipes, 'dropping', gb.get_recipe('lenet_bn'))
    start(folder + '0', 'dropping')
    stopped(monkeypatch, folder, 6, name='dropping')
    gb.resume_run(folder)
    assert content(folder) == content(folder + '0')


def test_another_target_goes_on_as_the_longer_run(folder):
    start(folder + '0')
    start(folder, num_epochs=1)
    _, history = gb.resume_run(folder, num_epochs=3)
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
    assert str(stop) == ('stopped in epoch 2, after step 6, and saved. To go on:\n'
                         '  python scripts/train.py --resume ' + folder)
    assert runs.load_checkpoint(os.path.join(folder, 'last.safetensors'))[1]['step'] == 6


def damage(folder, name):
    path = os.path.join(folder, name)
    with open(path, 'r+b') as f:
        f.seek(os.path.getsize(path) // 2)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 16]))


def test_of_a_damaged_last_checkpoint_the_one_before_is_used_and_told(folder, monkeypatch, capsys):
    start(folder + '0', checkpoint_every=2)
    stopped(monkeypatch, folder, 6, checkpoint_every=2)
    damage(folder, 'last.safetensors')
    gb.load_run(folder, weights='last')
    assert 'last.safetensors: damaged' in capsys.readouterr().err
    gb.resume_run(folder)
    err = capsys.readouterr().err
    assert 'last.safetensors: damaged' in err and 'before it is used, of step' in err
    assert content(folder) == content(folder + '0')
    assert os.path.exists(os.path.join(folder, 'last.damaged'))


def test_killed_between_the_two_renames_the_one_before_is_used(folder, monkeypatch, capsys):
    start(folder + '0', checkpoint_every=2)
    stopped(monkeypatch, folder, 6, checkpoint_every=2)
    os.unlink(os.path.join(folder, 'last.safetensors'))
    gb.resume_run(folder)
    assert 'damaged' not in capsys.readouterr().err
    assert content(folder) == content(folder + '0')


def test_if_both_are_damaged_it_says_so_and_trains_nothing(folder):
    start(folder)
    damage(folder, 'last.safetensors')
    damage(folder, 'previous.safetensors')
    with pytest.raises(ValueError, match=r'no checkpoint that can be used:\n.*last.*\n.*previous'):
        gb.resume_run(folder)
    with pytest.raises(ValueError, match='no checkpoint that can be used'):
        gb.load_run(folder, weights='last')


def test_random_damage_never_loads(folder):
    start(folder, num_epochs=1)
    path = os.path.join(folder, 'best.safetensors')
    good, rng = content(folder)['best.safetensors'], np.random.RandomState(0)
    for _ in range(30):
        bad = bytearray(good)
        for position in rng.randint(0, len(bad), rng.randint(1, 4)):
            bad[position] ^= rng.randint(1, 256)
        with open(path, 'wb') as f:
            f.write(bad[:rng.randint(len(bad))] if rng.rand() < 0.3 else bad)
        with pytest.raises(gb.DamagedFile, match='best.safetensors'):
            gb.load_run(folder)


def test_a_disk_that_is_full_ends_the_run_with_the_good_checkpoint_there(folder, monkeypatch):
    stopped(monkeypatch, folder, 6)
    good = content(folder, ['last.safetensors'])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100000, limits[1]))  # a checkpoint has 190 kB
    try:
        with pytest.raises(OSError, match='last.safetensors could not be written: File too large'):
            gb.resume_run(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert content(folder, ['last.safetensors']) == good
    start(folder + '0')
    gb.resume_run(folder)
    assert content(folder) == content(folder + '0')


def test_a_folder_that_has_a_run_is_refused_with_the_way_on(folder):
    start(folder, num_epochs=1)
    before = content(folder)
    with pytest.raises(ValueError, match='holds a run already: go on with it by --resume '):
        start(folder)
    assert content(folder) == before


def test_a_folder_that_has_anything_else_is_refused_too(tmp_path):
    (tmp_path / 'thesis.txt').write_text('mine')
    with pytest.raises(ValueError, match='not an empty folder'):
        start(str(tmp_path))
    assert os.listdir(str(tmp_path)) == ['thesis.txt']


def test_two_processes_cannot_train_in_one_folder(folder):
    start(folder, num_epochs=1)
    held = run_folder.RunFolder.open(folder)
    with pytest.raises(ValueError, match='in use: another process'):
        gb.resume_run(folder)
    held.close()
    gb.resume_run(folder)


@pytest.mark.parametrize('asked, said', [
    ({'model': 'resnet'}, 'model lenet_bn there, resnet here'),
    ({'batch_size': 32}, 'batch_size 16 there, 32 here'),
    ({'lr': 0.5}, 'lr 1.0 there, 0.5 here'),
    ({'ctx': 'cpu:0,1'}, 'ctx cpu:0 there, cpu:0,1 here'),
    ({'optimizer': 'adam'}, 'optimizer sgd there, adam here'),
    ({'seed': 1}, 'seed 0 there, 1 here'),
])
def test_what_would_not_go_on_exactly_is_refused_by_name(folder, asked, said):
    start(folder, num_epochs=1)
    with pytest.raises(ValueError, match='cannot go on exactly as it began:\n  ' + said):
        gb.resume_run(folder, num_epochs=2, **asked)


def test_what_is_asked_as_before_is_fine(folder):
    start(folder, num_epochs=1)
    gb.resume_run(folder, num_epochs=2, model='lenet_bn', batch_size=16, ctx='cpu')


def test_other_data_threads_and_versions_are_refused(folder, monkeypatch):
    start(folder, num_epochs=1)
    with monkeypatch.context() as patch:
        patch.setitem(data.DATASETS, 'synthetic', functools.partial(
            gb.load_data_synthetic, num_train=61, num_test=20))
        with pytest.raises(ValueError, match='data_sha256 .* there, .* here'):
            gb.resume_run(folder)
    with monkeypatch.context() as patch:
        patch.setenv('OMP_NUM_THREADS', '77')
        with pytest.raises(ValueError, match=r'threads .* there, 77 here \(OMP_NUM_THREADS='):
            gb.resume_run(folder)
    monkeypatch.setattr(np, '__version__', '0.1')
    with pytest.raises(ValueError, match='numpy .* there, 0.1 here'):
        gb.resume_run(folder)


def test_a_target_that_would_have_changed_the_schedule_is_refused(folder):
    start(folder, num_epochs=2, lr_schedule='cosine')
    with pytest.raises(ValueError, match='schedule cosine over 3 epochs is not what it was over 2'):
        gb.resume_run(folder, num_epochs=3)
    gb.resume_run(folder)


def test_a_target_that_lies_behind_is_refused(folder, monkeypatch):
    stopped(monkeypatch, folder, 6)
    with pytest.raises(ValueError, match='in epoch 2: --epochs 1 lies behind it'):
        gb.resume_run(folder, num_epochs=1)


@pytest.mark.parametrize('lr, what', [(1e38, 'the loss'), (1e20, r'\d+\.moving_var')])
def test_what_is_not_finite_is_named_and_the_weights_before_it_kept(folder, lr, what):
    # At 1e20 it is a statistic that overflows first, and the loss a step later.
    with pytest.raises(gb.NonFiniteLoss) as error:
        start(folder, lr=lr, checkpoint_every=1)
    said = re.sub(r' \(batch \d of 4\)', '', str(error.value))
    found = re.match(what + r' is not finite (?:in|after) epoch 1, step (\d), learning rate (\S+): '
                     r'.*; the weights of step (\d) are in .*last\.safetensors$', said)
    assert int(found.group(3)) < int(found.group(1)) and float(found.group(2)) == lr
    net, _ = gb.load_run(folder, weights='last')
    assert all(np.isfinite(p.data().asnumpy()).all() for p in net.collect_params().values())
    assert not os.path.exists(os.path.join(folder, 'final.safetensors'))


def test_without_checkpoints_in_between_the_weights_of_the_first_step_are_kept(folder):
    with pytest.raises(gb.NonFiniteLoss, match='; the weights of step 1 are in '):
        start(folder, lr=1e38)


def test_early_stop_ends_the_run_and_stays_ended(folder):
    _, history = start(folder, num_epochs=50, lr=1e-9, early_stop=2)
    assert len(history) == 3  # nothing is learned, so the first epoch is the best
    assert len(gb.resume_run(folder)[1]) == 3


@pytest.mark.parametrize('weights', ['best', 'last', 'final'])
def test_load_run_gives_the_net_as_it_was(folder, weights):
    net, history = start(folder, checkpoint_every=3)
    loaded, config = gb.load_run(folder, ctx='cpu', weights=weights)
    X = nd.random.uniform(shape=(4, 1, 28, 28))
    best = max(history, key=lambda record: record.test_acc).epoch
    same = np.array_equal(loaded(X).asnumpy(), net(X).asnumpy())
    assert same or (weights == 'best' and best < 3)
    assert config['model'] == 'lenet_bn' and loaded._active


def test_the_best_weights_are_those_of_the_best_epoch(folder):
    _, history = start(folder)
    net, config = gb.load_run(folder)
    test_iter = data.DATASETS['synthetic'](16, seed=0)[1]
    assert gb.evaluate_accuracy(test_iter, net) == max(record.test_acc for record in history)


def test_the_params_file_loads_into_gluon(folder):
    net, _ = start(folder)
    other = gb.get_model('lenet_bn')
    other.load_parameters(os.path.join(folder, 'final.params'))
    X = nd.random.uniform(shape=(4, 1, 28, 28))
    np.testing.assert_allclose(other(X).asnumpy(), net(X).asnumpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('make, said', [
    (lambda path: None, 'is not a run: it has no config.json'),
    (lambda path: path.mkdir(), 'is not a run: it has no config.json'),
    (lambda path: path.write_text('x'), 'is not a run: it has no config.json'),
    (lambda path: (path.mkdir(), (path / 'config.json').write_text('{')), 'not what was written'),
    (lambda path: (path.mkdir(), (path / 'config.json').write_text('[]')), 'not the config.json'),
])
def test_what_is_no_run_is_refused(tmp_path, make, said):
    make(tmp_path / 'x')
    for call in (gb.load_run, gb.resume_run):
        with pytest.raises(ValueError, match=said):
            call(str(tmp_path / 'x'))


def test_weights_that_are_not_there_yet_or_not_known_are_refused(folder, monkeypatch):
    stopped(monkeypatch, folder, 2)
    with pytest.raises(ValueError, match="no best weights yet: .*weights='last'"):
        gb.load_run(folder)
    with pytest.raises(ValueError, match="weights is 'newest', but must be"):
        gb.load_run(folder, weights='newest')


def test_no_pickle_is_written_or_read(folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError('pickle')
    for name in ('dump', 'dumps', 'load', 'loads', 'Pickler', 'Unpickler'):
        monkeypatch.setattr(pickle, name, refuse)
    stopped(monkeypatch, folder, 6, momentum=0.9, ctx='cpu:0,1', checkpoint_every=1)
    gb.resume_run(folder)
    for weights in ('best', 'last', 'final'):
        gb.load_run(folder, weights=weights)


def test_no_module_of_the_package_names_pickle():
    for name in os.listdir(os.path.join(REPOSITORY, 'gluonblocks')):
        if name.endswith('.py'):
            with open(os.path.join(REPOSITORY, 'gluonblocks', name)) as f:
                text = re.sub('No pickle: .*', '', f.read())
            assert not re.search('pickle|marshal|shelve|save_states|load_states', text), name


def test_without_matplotlib_it_is_told_once_and_trains(folder, monkeypatch, capsys):
    def missing(name):
        raise ImportError(name)
    monkeypatch.setattr(run_folder.importlib, 'import_module', missing)
    start(folder)
    assert capsys.readouterr().err.count('for want of matplotlib') == 1
    assert not os.path.exists(os.path.join(folder, 'curves.png'))


def test_a_killed_process_leftovers_are_gone_after_the_next_resume(folder):
    start(folder, num_epochs=1)
    leftover = os.path.join(folder, tensorfile.TEMPORARY + '1-last.safetensors')
    with open(leftover, 'w'):
        pass
    gb.resume_run(folder)
    assert not os.path.exists(leftover)


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
