"""Several workers, as processes: one training run, stopped, resumed, and what fails in it."""
import contextlib
import io
import os
import re
import signal

import mxnet as mx
import numpy as np
import pytest
import worker_modules
from mxnet import autograd, gluon, init
from small_runs import IDENTICAL, content

import gluonblocks as gb
from gluonblocks.data.batches import make_loaders
from gluonblocks.runs import process, together
from gluonblocks.runs.config import read_config
from gluonblocks.runs.resolve import resolve_options
from gluonblocks.runs.weights import net_arrays
from tools.attacks.launches import started_by

RUN = {'dataset': 'worker_modules:load', 'batch_size': 12, 'lr': 0.2, 'seed': 3, 'workers': 2,
       'epochs': 2, 'checkpoint_every': 3, 'start_timeout': 300, 'ctx': 'cpu'}
STEPS = 6  # an epoch


@pytest.fixture(scope='module')
def whole_together(tmp_path_factory):
    """A run of two workers that nothing disturbed: (folder, stdout, stderr)."""
    folder = str(tmp_path_factory.mktemp('whole') / 'run')
    with contextlib.redirect_stdout(io.StringIO()) as out, (
            contextlib.redirect_stderr(io.StringIO())) as err:
        gb.train_model('lenet_bn', folder, **RUN)
    return folder, out.getvalue(), err.getvalue()


def without_seconds(lines):
    return [line.split(', time')[0] for line in lines if line.startswith('epoch')]


def test_the_first_worker_prints_the_books_lines_and_the_others_log(whole_together):
    folder, out, err = whole_together
    assert out.startswith('training on cpu(0)\nepoch 1, loss ') and len(out.splitlines()) == 3
    assert err.count('12 images a step: 2 workers × 6\n') == 1
    assert os.listdir(os.path.join(folder, 'logs')) == ['rank1.log']
    with open(os.path.join(folder, 'logs', 'rank1.log')) as f:
        # What all computed together is the same, but for the seconds.
        assert without_seconds(f) == without_seconds(out.splitlines())
    assert read_config(folder)['workers'] == 2


def test_the_accuracy_is_that_of_one_process_with_the_saved_net(whole_together):
    folder, _, _ = whole_together
    with open(os.path.join(folder, 'history.csv')) as f:
        last = f.read().splitlines()[-1].split(',')
    matrix = gb.evaluate_run(folder, weights='final').matrix
    assert matrix.trace() / matrix.sum() == float(last[3])


def test_stopped_by_a_signal_and_resumed_it_ends_with_the_same_bytes(whole_together, folder,
                                                                    monkeypatch):
    show = together.Logs.show

    def stop(self, name, stream, text):
        show(self, name, stream, text)
        if text.startswith('epoch 1,') and name == 'worker 0':
            os.kill(os.getpid(), signal.SIGINT)
    with monkeypatch.context() as patch, pytest.raises(
            gb.training.Interrupted, match='stopped .*can be resumed$') as stopped:
        patch.setattr(together.Logs, 'show', stop)
        gb.train_model('lenet_bn', folder, **RUN)
    assert stopped.value.exit_code == 130
    assert not os.path.exists(os.path.join(folder, 'final.safetensors'))
    gb.resume_run(folder, start_timeout=300)
    assert content(folder, IDENTICAL) == content(whole_together[0], IDENTICAL)


def test_another_number_of_workers_is_refused_unless_it_is_asked_and_recorded(whole_together):
    folder, _, _ = whole_together
    with pytest.raises(gb.checks.OptionError, match='^workers is 1, but the run has 2, .* '
                                                    'change_workers allows it'):
        gb.resume_run(folder, workers=1)
    _, history = gb.resume_run(folder, workers=1, change_workers=True, epochs=3)
    assert [record.epoch for record in history] == [1, 2, 3]
    config = read_config(folder)
    assert (config['workers'], config['worker_changes']) == (1, [[0, 2], [2 * STEPS, 1]])


def test_without_batch_norm_workers_equal_one_process_that_adds_their_shards():
    net, history = gb.train_model('worker_modules:plain', **dict(
        RUN, checkpoint_every=None, lr=0.5, seed=5))
    mx.random.seed(5)
    alone = worker_modules.plain(3)
    alone.initialize(init.Xavier())
    trainer = gluon.Trainer(alone.collect_params(), 'sgd', {'learning_rate': 0.5})
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    loaders = [make_loaders(worker_modules.load(), 12, seed=5, part=(k, 2))[0] for k in range(2)]
    alone(next(iter(make_loaders(worker_modules.load(), 12, seed=5)[0]))[0])
    alone.collect_params().setattr('grad_req', 'add')
    for _ in range(2):
        total = 0.0
        for shards in zip(*loaders):
            alone.collect_params().zero_grad()
            for X, y in shards:
                if X is None:  # one of them, in the last step
                    continue
                with autograd.record():
                    l = loss(alone(X), y)
                l.backward()
                total += l.sum().asscalar()
            trainer.step(12)
    for name, array in net_arrays(alone).items():
        np.testing.assert_allclose(net_arrays(net)[name], array, rtol=1e-4, atol=1e-6)
    assert history[-1].loss == pytest.approx(total / 61, rel=1e-5)


class Alone(gb.training.loop.Alone):
    """Stands for `Workers` in the process of a worker, and notes how it first ended."""

    number, facts, ended = 0, {}, None

    def __init__(self, **job):
        self.job = job

    def end(self, kind='done', code=0, **content):
        self.ended = self.ended or (kind, code, content.get('text'))


@pytest.mark.parametrize('lr, sources, text', [
    (1e38, {}, 'the loss is not finite in epoch 1, step 2 '),
    (0.1, {'module': 'worker_modules', 'name': 'nothing', 'file': '', 'sha256': ''},
     "this run: its model worker_modules:nothing cannot be imported: .* has no 'nothing'")])
def test_a_worker_tells_its_launcher_why_it_failed(monkeypatch, lr, sources, text):
    options = resolve_options('lenet_bn', {'dataset': 'synthetic', 'lr': lr, 'batch_size': 16,
                                           'stop_non_finite': True, 'ctx': 'cpu:0', 'seed': 0})
    workers = Alone(options=dict(vars(options), model='nothing' if sources else 'lenet_bn'),
                    sources={'model': sources, 'dataset': {}}, data_root=None, folder=None,
                    before=None, asked=[], result='')
    monkeypatch.setattr(process, 'Workers', lambda: workers)
    with contextlib.suppress(OSError):  # a real one has ended before it writes its result
        process.main()
    kind, code, said = workers.ended
    assert (kind, code) == ('failed', 1) and re.match(text, said)


def test_a_model_of_the_program_itself_is_refused():
    @gb.register(lr=0.1, batch_size=16)
    def of_this_program(num_classes=3):
        return worker_modules.plain(num_classes)
    of_this_program.__module__ = '__main__'
    with pytest.raises(ValueError, match='put it into a module that they can import'):
        gb.train_model('of_this_program', dataset='synthetic', workers=2)
