"""A run of several workers, as processes: trained, interrupted, resumed on two machines."""
import contextlib
import io
import os
import re
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest
from launchers import address
from small_runs import IDENTICAL, content

import gluonblocks as gb
from gluonblocks import __version__
from gluonblocks.runs import process, workers
from gluonblocks.runs.config import read_config
from gluonblocks.runs.train import check_options, resolve_options
from gluonblocks.training.loop import Alone

EPOCHS, STEPS = 3, 6  # steps in an epoch of 61 images, in batches of 12
RUN = {'dataset': 'importable:load', 'batch_size': 12, 'lr': 0.2, 'seed': 3, 'workers': 3,
       'epochs': EPOCHS, 'checkpoint_every': 4, 'start_timeout': 300}


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A run of three workers that nothing disturbed: (folder, stdout, stderr)."""
    folder = str(tmp_path_factory.mktemp('whole') / 'run')
    with contextlib.redirect_stdout(io.StringIO()) as out, (
            contextlib.redirect_stderr(io.StringIO())) as err:
        gb.train_model('lenet_bn', folder, **RUN)
    return folder, out.getvalue(), err.getvalue()


def test_rank_0_prints_the_books_lines_and_the_others_log(whole):
    folder, out, err = whole
    assert out.startswith('training on cpu(0)\nepoch 1, loss ') and (
        len(out.splitlines()) == 1 + EPOCHS)
    assert err.count('12 images per step: 3 workers × 4\n') == 1
    assert sorted(os.listdir(os.path.join(folder, 'logs'))) == ['rank1.log', 'rank2.log']
    for k in (1, 2):
        with open(os.path.join(folder, 'logs', 'rank%d.log' % k)) as f:
            lines = f.read().splitlines()
        # What all computed together is the same, except the seconds.
        assert [line.split(', time')[0] for line in lines if line.startswith('epoch')] == (
            [line.split(', time')[0] for line in out.splitlines()[1:]])
    assert read_config(folder)['workers'] == 3


def test_the_accuracy_is_that_of_one_process_with_the_saved_net(whole):
    with open(os.path.join(whole[0], 'history.csv')) as f:
        last = f.read().splitlines()[-1].split(',')
    matrix = gb.evaluate_run(whole[0], weights='final').matrix
    assert matrix.trace() / matrix.sum() == float(last[3])


def test_interrupted_and_resumed_on_two_machines_it_has_the_same_bytes(
        whole, tmp_path, monkeypatch):
    folder, show = str(tmp_path / 'run'), workers.Logs.show

    def stop(self, rank, stream, text):
        show(self, rank, stream, text)
        if text.startswith('epoch 1,') and rank == 0:
            os.kill(os.getpid(), signal.SIGINT)
    with monkeypatch.context() as patch, pytest.raises(
            gb.training.Interrupted, match='stopped in epoch 2 .*checkpoint saved; res') as stopped:
        patch.setattr(workers.Logs, 'show', stop)
        gb.train_model('lenet_bn', folder, **RUN)
    assert stopped.value.exit_code == 130
    master = '%s:%d' % address()

    def resume(rank):
        return gb.resume_run(
            folder if rank == 0 else 'no such folder', nodes=2, node_rank=rank, master=master,
            interface='127.0.0.%d' % (1 + rank), start_timeout=300)[0]
    with ThreadPoolExecutor() as pool:
        other = pool.submit(resume, 1)
        nets = resume(0), other.result()
    assert content(folder, IDENTICAL) == content(whole[0], IDENTICAL)
    for one, two in zip(*(net.collect_params().values() for net in nets)):
        assert one.data().asnumpy().tobytes() == two.data().asnumpy().tobytes()


def test_another_number_of_workers_is_refused_unless_it_is_asked_and_recorded(
        whole, tmp_path, monkeypatch):
    monkeypatch.setenv('MXNET_OMP_MAX_THREADS', '7')  # workers on one machine divide its cores
    folder = shutil.copytree(whole[0], str(tmp_path / 'run'))
    with pytest.raises(ValueError, match='workers must stay 3, got 1') as error:
        gb.resume_run(folder, workers=1)
    assert error.value.option == 'workers'
    _, history = gb.resume_run(folder, workers=1, change_workers=True, epochs=EPOCHS + 1)
    assert [record.epoch for record in history] == list(range(1, EPOCHS + 2))
    config = read_config(folder)
    assert (config['workers'], config['worker_changes']) == (
        1, [[0, 3], [STEPS * EPOCHS, 1]])


class Group(Alone):
    """Stands for a `ProcessGroup` with a job; notes its facts, and how it first ended."""

    local_rank, facts, ended = 0, None, None

    def __init__(self, **job):
        self.job = job

    def join(self, facts):
        self.facts = facts()

    def end(self, kind='done', code=0, **content):
        self.ended = self.ended or (kind, code, content.get('text'))


@pytest.mark.parametrize('lr, sources, text', [
    (1e38, {}, 'the loss is not finite in epoch 1, step 2 '),
    (0.1, {'module': 'importable', 'name': 'nothing', 'file': '', 'sha256': ''},
     "this run: the model importable:nothing cannot be imported: .* has no 'nothing'"),
    (0.1, {'module': '__main__', 'name': 'nothing', 'file': 'x.py', 'sha256': ''},
     'this run: the model nothing was registered by the script x.py; .* to a module')])
def test_a_worker_tells_its_launcher_why_it_failed(monkeypatch, lr, sources, text):
    options = resolve_options('lenet_bn', check_options({
        'dataset': 'importable:load', 'lr': lr, 'batch_size': 16, 'stop_non_finite': True,
        'ctx': 'cpu', 'seed': 0}))
    group = Group(options=dict(vars(options), model='nothing' if sources else 'lenet_bn'),
                  sources={'model': sources, 'dataset': {}}, data_root=None, folder=None,
                  before=None, chosen_names=[], result='')
    monkeypatch.setattr(process, 'ProcessGroup', lambda: group)
    with contextlib.suppress(OSError):  # a real one has ended before it writes its result
        process.main()
    kind, code, said = group.ended
    assert (kind, code) == ('failed', 1) and re.match(text, said)


def facts(monkeypatch, **asked):
    group = Group()
    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(process, 'get_model', Mock(side_effect=InterruptedError))
        process.run_training(resolve_options('lenet_bn', check_options(dict({
            'dataset': 'synthetic', 'batch_size': 64, 'seed': 1}, **asked))), workers=group)
    return group.facts


def test_workers_compare_versions_options_and_data_before_the_first_step(monkeypatch):
    one = facts(monkeypatch)
    assert all(one[name] for name in ('gluonblocks', 'mxnet', 'numpy', 'operators'))
    for asked, differs in [
            ({}, set()), ({'optimizer': 'adam'}, {'options'}),
            ({'dataset': 'importable:load'}, {'options', 'num_classes', 'data_sha256'})]:
        other = facts(monkeypatch, **asked)
        assert {name for name in one if one[name] != other[name]} == differs


def test_machines_compare_the_given_options_and_the_version():
    given = {'lr': 0.1, 'data_root': '/here', 'ctx': 'cpu:0'}  # the last two may differ
    same = workers.same_everywhere(given, resume=False)
    assert same == {'lr': 0.1, 'resume': False, 'gluonblocks': __version__}
