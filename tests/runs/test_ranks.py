"""A run of several workers, as processes: trained, interrupted, resumed on two machines."""
import contextlib
import io
import os
import re
import shutil
import signal
import threading

import importable
import pytest
from launchers import address
from small_runs import IDENTICAL, content

import gluonblocks as gb
from gluonblocks import __version__
from gluonblocks.runs import process, together
from gluonblocks.runs.config import read_config
from gluonblocks.runs.resolve import check_given, resolve_options

EPOCHS, STEPS = 3, 6  # steps in an epoch of 61 images, in batches of 12
RUN = {'dataset': 'importable:load', 'batch_size': 12, 'lr': 0.2, 'seed': 3, 'workers': 3,
       'epochs': EPOCHS, 'checkpoint_every': 4, 'start_timeout': 300}


class Printed(io.StringIO):
    """Text that is printed; does something once the line of an epoch is there."""

    def __init__(self, epoch=0, do=None):
        super().__init__()
        self._epoch, self._do = epoch, do

    def write(self, text):
        if self._do and text.startswith('epoch %d,' % self._epoch):
            self._do()
        return super().write(text)


@contextlib.contextmanager
def printing(epoch=0, do=None):
    with contextlib.redirect_stdout(Printed(epoch, do)) as out, (
            contextlib.redirect_stderr(io.StringIO())) as err:
        yield out, err


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A run of three workers that nothing disturbed: (folder, stdout, stderr)."""
    folder = str(tmp_path_factory.mktemp('whole') / 'run')
    with printing() as (out, err):
        gb.train_model('lenet_bn', folder, **RUN)
    return folder, out.getvalue(), err.getvalue()


def test_rank_0_prints_the_books_lines_and_the_others_log(whole):
    folder, out, err = whole
    assert out.startswith('training on cpu(0)\nepoch 1, loss ') and (
        len(out.splitlines()) == 1 + EPOCHS)
    assert err.count('12 images a step: 3 workers × 4\n') == 1
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


def test_interrupted_and_resumed_on_two_machines_it_has_the_same_bytes(whole, tmp_path):
    folder = str(tmp_path / 'run')
    with pytest.raises(gb.training.Interrupted, match='^stopped in epoch 2, .*can be resumed$'), (
            printing(1, lambda: os.kill(os.getpid(), signal.SIGINT))):
        gb.train_model('lenet_bn', folder, **RUN)
    master, results = '%s:%d' % address(), {}

    def resume(rank):
        results[rank] = gb.resume_run(
            folder if rank == 0 else 'no such folder', nodes=2, node_rank=rank, master=master,
            interface='127.0.0.%d' % (1 + rank), start_timeout=300)
    other = threading.Thread(target=resume, args=(1,))
    other.start()
    with printing():
        resume(0)
        other.join()
    assert content(folder, IDENTICAL) == content(whole[0], IDENTICAL)
    for (_, one), (_, two) in zip(results[0][0].collect_params().items(),
                                  results[1][0].collect_params().items()):
        assert one.data().asnumpy().tobytes() == two.data().asnumpy().tobytes()


def test_another_number_of_workers_is_refused_unless_it_is_asked_and_recorded(whole, tmp_path):
    folder = shutil.copytree(whole[0], str(tmp_path / 'run'))
    with pytest.raises(ValueError, match='workers is 1, but the run has 3') as error:
        gb.resume_run(folder, workers=1)
    assert error.value.option == 'workers'
    with printing() as (out, _):
        gb.resume_run(folder, workers=1, change_workers=True, epochs=EPOCHS + 1)
    assert out.getvalue().startswith('epoch %d,' % (EPOCHS + 1))
    config = read_config(folder)
    assert (config['workers'], config['worker_changes']) == (
        1, [[0, 3], [STEPS * EPOCHS, 1]])


class Group:
    """Stands for a `ProcessGroup`, and ends where the ranks meet, or where this one ends."""

    shard = rank, world_size = 0, 1
    facts = ended = None

    def devices(self, devices):
        return devices

    def join(self, facts):
        self.facts = facts()
        raise InterruptedError

    def end(self, kind, code=0, **content):
        self.ended = kind, code, content['text']
        raise SystemExit


@pytest.mark.parametrize('error, kind, code, said', [
    (gb.training.Interrupted(2, True, 'stopped'), 'stopped', 0, '^stopped$'),
    (ArithmeticError('the loss is not finite'), 'failed', 1, '^the loss is not finite$'),
    (MemoryError(), 'failed', 1, '^MemoryError$'), (TypeError('a bug'), 'failed', 1, '^Traceback')])
def test_a_worker_tells_the_launcher_why_it_ends(error, kind, code, said, monkeypatch):
    def fail(workers):
        raise error
    group = Group()
    monkeypatch.setattr(process, 'ProcessGroup', lambda: group)
    monkeypatch.setattr(process, '_train', fail)
    with pytest.raises(SystemExit):
        process.main()
    assert group.ended[:2] == (kind, code) and re.search(said, group.ended[2])


def facts(**asked):
    group = Group()
    with pytest.raises(InterruptedError):
        process.train_by(resolve_options('lenet_bn', check_given(dict({
            'dataset': 'synthetic', 'batch_size': 64, 'seed': 1}, **asked))), workers=group)
    return group.facts


@pytest.mark.parametrize('asked, differs', [
    ({}, set()), ({'seed': 2}, {'options'}), ({'optimizer': 'adam'}, {'options'}),
    ({'dataset': 'importable:load'}, {'options', 'num_classes', 'data_sha256'})])
def test_workers_compare_versions_options_and_data_before_the_first_step(asked, differs):
    one, other = facts(), facts(**asked)
    assert all(one[name] for name in ('gluonblocks', 'mxnet', 'numpy', 'operators'))
    assert {name for name in one if one[name] != other[name]} == differs


def test_machines_compare_the_given_options_and_the_version():
    given = {'lr': 0.1, 'data_root': '/here', 'ctx': 'cpu:0'}  # the last two may differ
    same = together.same_everywhere(given, resume=False)
    assert same == {'lr': 0.1, 'resume': False, 'gluonblocks': __version__}


def test_a_model_of_the_program_itself_is_refused():
    @gb.register(lr=0.1, batch_size=16)
    def of_this_program(num_classes=3):
        return importable.plain(num_classes)
    of_this_program.__module__ = '__main__'
    with pytest.raises(ValueError, match='put it into a module that they can import'):
        gb.train_model('of_this_program', dataset='synthetic', workers=2)


@pytest.mark.parametrize('asked, said', [
    ({'workers': 17}, 'workers is 17, but a step has 16 images'),
    ({'workers': 2, 'optimizer': 'sgld'}, 'the optimizer sgld draws random numbers'),
    ({'workers': 0}, 'workers is 0, but must be at least 1'),
    ({'workers': 2, 'change_workers': True}, 'change_workers is for a run that is resumed'),
    ({'workers': 2, 'servers': 0}, 'servers is 0'),
    ({'workers': 2, 'stall_timeout': 0}, 'stall_timeout is 0'),
    ({'workers': 2, 'nodes': 3, 'node_rank': 0, 'master': '127.0.0.1:29400'},
     'workers is 2, but there are 3 machines')])
def test_impossible_options_are_refused_before_anything_starts(asked, said):
    with pytest.raises(ValueError, match=said):
        gb.train_model('lenet_bn', dataset='synthetic', batch_size=16, **asked)
