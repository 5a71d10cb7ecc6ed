"""Several workers, as processes: one training, watched, ended, gone on with."""
import os
import re
import signal
import socket
import subprocess
import sys
import time

import mxnet as mx
import numpy as np
import pytest
import worker_modules
from conftest import REPOSITORY, environment
from mxnet import autograd, gluon, init
from processes import is_alive
from small_runs import IDENTICAL, content

import gluonblocks as gb
from gluonblocks.data.batches import make_loaders
from gluonblocks.runs.config import read_config
from gluonblocks.runs.weights import net_arrays
from tools.attacks.launches import started_by

HOST = socket.gethostname()
EPOCHS = 4
RUN = ['--model', 'lenet_bn', '--dataset', 'worker_modules:load', '--batch-size', '12', '--lr',
       '0.2', '--seed', '3', '--workers', '3', '--epochs', str(EPOCHS), '--checkpoint-every', '3',
       '--no-report']


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, os.path.join(REPOSITORY, 'scripts', 'train.py'),
         *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=dict(environment(), PYTHONPATH=os.path.join(REPOSITORY, 'tests')))


def finish(process):
    out, err = process.communicate(timeout=280)
    assert 'Traceback' not in err
    return process.returncode, out, err


def read_to_epoch(process, epoch):
    for line in process.stdout:
        if line.startswith('epoch %d,' % epoch):
            return
    raise AssertionError(process.stderr.read())


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A run of three workers that nothing disturbed: (folder, stdout, stderr)."""
    folder = str(tmp_path_factory.mktemp('whole') / 'run')
    code, out, err = finish(start(*RUN, '--out', folder))
    assert code == 0, err
    return folder, out, err


def test_the_first_worker_prints_the_books_lines_and_the_others_log(whole):
    folder, out, err = whole
    assert out.startswith('training on cpu(0)\nepoch 1, loss ') and (
        len(out.splitlines()) == 1 + EPOCHS)
    assert err.count('12 images a step: 3 workers × 4\n') == 1
    assert sorted(os.listdir(os.path.join(folder, 'logs'))) == ['rank1.log', 'rank2.log']
    for k in (1, 2):
        with open(os.path.join(folder, 'logs', 'rank%d.log' % k)) as f:
            lines = f.read().splitlines()
        # What all computed together is the same, but for the seconds.
        assert [line.split(', time')[0] for line in lines if line.startswith('epoch')] == (
            [line.split(', time')[0] for line in out.splitlines()[1:]])
    assert read_config(folder)['workers'] == 3


def test_the_accuracy_is_that_of_one_process_with_the_saved_net(whole):
    folder, _, _ = whole
    with open(os.path.join(folder, 'history.csv')) as f:
        last = f.read().splitlines()[-1].split(',')
    matrix = gb.evaluate_run(folder, weights='final').matrix
    assert matrix.trace() / matrix.sum() == float(last[3])


# Whom a signal meets, and what the launcher then says: a line, or nothing of one that is killed.
LOSSES = [
    ('launcher', signal.SIGINT, 130, r'interrupted: stopped .*can be resumed'),
    ('worker', signal.SIGKILL, 1, r'error: %s:\d, step \d+: was ended by SIGKILL' % HOST),
    ('launcher', signal.SIGKILL, -9, '')]


def test_whatever_is_lost_all_end_and_the_run_goes_on_to_the_same_bytes(whole, tmp_path):
    folder = str(tmp_path / 'run')
    arguments = [*RUN, '--out', folder]
    for n, (whom, signum, expected, words) in enumerate(LOSSES):
        launcher = start(*arguments)
        read_to_epoch(launcher, n + 1)
        started = started_by(launcher.pid)
        assert {name: len(pids) for name, pids in started.items()} == {
            'worker': 3, 'server': 1, 'scheduler': 1}
        os.kill(launcher.pid if whom == 'launcher' else started[whom][-1], signum)
        code, _, err = finish(launcher)
        assert code == expected and re.search('^%s' % words, err, re.M), err
        pids = [pid for those in started.values() for pid in those]
        end = time.monotonic() + 30
        while any(map(is_alive, pids)) and time.monotonic() < end:
            time.sleep(0.05)  # of a launcher that is killed the system ends them a moment later
        assert not any(map(is_alive, pids))
        arguments = ['--resume', folder, '--no-report']
    code, _, err = finish(start(*arguments))
    assert code == 0, err
    assert content(folder, IDENTICAL) == content(whole[0], IDENTICAL)


def test_another_number_of_workers_is_refused_unless_it_is_asked_and_recorded(whole, tmp_path):
    folder, _, _ = whole
    code, _, err = finish(start('--resume', folder, '--workers', 2))
    assert code == 2 and 'argument --workers: is 2, but the run has 3' in err
    with pytest.raises(ValueError, match='change_workers allows it'):
        gb.resume_run(folder, workers=1)
    steps = 6 * EPOCHS
    code, out, err = finish(start('--resume', folder, '--workers', 2, '--change-workers',
                                  '--epochs', EPOCHS + 1, '--no-report'))
    assert code == 0 and out.startswith('epoch %d,' % (EPOCHS + 1)), err
    config = read_config(folder)
    assert (config['workers'], config['worker_changes']) == (
        2, [[0, 3], [steps, 2]])


def test_without_batch_norm_workers_equal_one_process_that_adds_their_shares():
    net, history = gb.train_model('worker_modules:plain', dataset='worker_modules:load', epochs=2,
                                  batch_size=12, lr=0.5, seed=5, workers=3)
    mx.random.seed(5)
    alone = worker_modules.plain(3)
    alone.initialize(init.Xavier())
    trainer = gluon.Trainer(alone.collect_params(), 'sgd', {'learning_rate': 0.5})
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    loaders = [make_loaders(worker_modules.load(), 12, seed=5, part=(k, 3))[0] for k in range(3)]
    alone(next(iter(make_loaders(worker_modules.load(), 12, seed=5)[0]))[0])
    alone.collect_params().setattr('grad_req', 'add')
    for _ in range(2):
        total = 0.0
        for shares in zip(*loaders):
            alone.collect_params().zero_grad()
            for X, y in shares:
                if X is None:  # two of them, in the last step
                    continue
                with autograd.record():
                    l = loss(alone(X), y)
                l.backward()
                total += l.sum().asscalar()
            trainer.step(12)
    for name, array in net_arrays(alone).items():
        np.testing.assert_allclose(net_arrays(net)[name], array, rtol=1e-4, atol=1e-6)
    assert history[-1].loss == pytest.approx(total / 61, rel=1e-5)


def test_what_fails_in_a_worker_is_told_once_with_its_place():
    code, out, err = finish(start('--model', 'lenet_bn', '--dataset', 'worker_modules:load',
                                  '--workers', 2, '--batch-size', 16, '--lr', '1e38',
                                  '--stop-non-finite'))
    assert code == 1, err
    assert re.search(r'^error: %s:\d, step \d+: the loss is not finite in epoch 1, step ' % HOST,
                     err, re.M)
    assert err.count('not finite') == 1


def test_a_model_of_the_program_itself_is_refused():
    @gb.register(lr=0.1, batch_size=16)
    def of_this_program(num_classes=3):
        return worker_modules.plain(num_classes)
    of_this_program.__module__ = '__main__'
    with pytest.raises(ValueError, match='put it into a module that they can import'):
        gb.train_model('of_this_program', dataset='synthetic', workers=2)


@pytest.mark.parametrize('asked, said', [
    ({'workers': 17}, 'workers is 17, but a step has 16 images'),
    ({'workers': 2, 'optimizer': 'sgld'}, 'the optimizer sgld draws numbers'),
    ({'workers': 0}, 'workers is 0, but must be at least 1'),
    ({'merge_norms': 'first'}, 'goes with several workers only'),
    ({'workers': 2, 'change_workers': True}, 'change_workers is for a run that is resumed'),
    ({'workers': 2, 'merge_norms': 'last'}, 'must be one of mean, first'),
    ({'workers': 2, 'servers': 0}, 'servers is 0'),
    ({'workers': 2, 'stall_timeout': 0}, 'stall_timeout is 0'),
    ({'workers': 2, 'nodes': 3, 'node_rank': 0, 'master': '127.0.0.1:29400'},
     'workers is 2, but there are 3 machines')])
def test_what_cannot_be_right_is_refused_before_anything_starts(asked, said):
    with pytest.raises(ValueError, match=said):
        gb.train_model('lenet_bn', dataset='synthetic', batch_size=16, **asked)
