"""norms.csv of a run: there when asked for, and the same bytes however the run was stopped."""
import os
import signal

import pytest
from conftest import REPOSITORY, run_python, smaller
from small_runs import content, start, stopped

import gluonblocks as gb
from gluonblocks.runs.config import read_config
from gluonblocks.runs.options import OptionError
from gluonblocks.training.norms import read_norm_stats

pytestmark = pytest.mark.usefixtures('little_data')
NORMS = ('norms.csv',)


def recorded(folder, **how):
    return start(folder, norm_stats=True, norm_stats_every=3, **how)


def test_a_run_records_nothing_unless_it_is_asked(folder):
    start(folder, epochs=1)
    assert not os.path.exists(os.path.join(folder, 'norms.csv'))
    assert read_norm_stats(folder) == [] and read_config(folder)['norm_stats'] is False


def test_a_run_has_rows_of_its_epochs_and_of_each_so_many_steps(folder):
    recorded(folder)  # three epochs of four steps
    rows = read_norm_stats(folder)
    assert [row[:2] for row in rows[::16]] == [(1, 3), (1, 4), (2, 6), (2, 8), (3, 9), (3, 12)]
    assert [row.layer for row in rows[:16:4]] == ['1', '5', '9', '12']


def test_recording_leaves_the_rest_of_the_run_as_it_is(folder):
    start(folder + '0')
    recorded(folder)
    assert content(folder) == content(folder + '0')


@pytest.mark.parametrize('at, signum', [
    (1, signal.SIGINT), (3, signal.SIGTERM), (4, signal.SIGINT), (7, signal.SIGTERM),
    (12, signal.SIGINT)])
def test_interrupted_anywhere_and_resumed_the_bytes_are_the_same(folder, monkeypatch, at, signum):
    recorded(folder + '0')
    stopped(monkeypatch, folder, at, signum, norm_stats=True, norm_stats_every=3)
    gb.resume_run(folder)
    assert content(folder, NORMS) == content(folder + '0', NORMS)


KILLED = """
import os, signal, sys
sys.path.insert(0, %r)
from conftest import smaller
import gluonblocks as gb, pytest, small_runs
from gluonblocks.training import norms
smaller(pytest.MonkeyPatch(), num_train=60, num_test=20)
append, calls = norms.append_file, []
def killing(path, content):
    calls.append(1)
    if len(calls) == %d:
        with open(path, 'ab') as f:
            f.write(content[:%d])
        os.kill(os.getpid(), signal.SIGKILL)
    append(path, content)
norms.append_file = killing
small_runs.start(%r, norm_stats=True, norm_stats_every=3, checkpoint_every=1)
"""


@pytest.mark.parametrize('call, written', [(1, 0), (2, 30), (4, 500), (5, 10 ** 6)])
def test_killed_while_rows_are_written_and_resumed_the_bytes_are_the_same(folder, call, written):
    recorded(folder + '0', checkpoint_every=1)
    with pytest.raises(AssertionError):  # of a process that was killed
        run_python(KILLED % (os.path.join(REPOSITORY, 'tests'), call, written, folder),
                   OMP_NUM_THREADS=read_config(folder + '0')['threads'])
    assert not os.path.exists(os.path.join(folder, 'final.safetensors'))
    gb.resume_run(folder)
    assert content(folder, NORMS) == content(folder + '0', NORMS)


def test_from_the_checkpoint_before_the_last_the_bytes_are_the_same(folder, monkeypatch):
    recorded(folder + '0')
    stopped(monkeypatch, folder, 10, norm_stats=True, norm_stats_every=3, checkpoint_every=1)
    os.unlink(os.path.join(folder, 'last.safetensors'))
    gb.resume_run(folder)
    assert content(folder, NORMS) == content(folder + '0', NORMS)


def test_a_run_that_goes_further_has_the_bytes_of_one_that_went_there_at_once(folder):
    recorded(folder + '0')
    recorded(folder, epochs=2)
    gb.resume_run(folder, epochs=3)
    assert content(folder, NORMS) == content(folder + '0', NORMS)


def test_recording_may_begin_when_a_run_is_resumed_and_what_is_missing_is_told(folder, capsys):
    start(folder, epochs=2)
    gb.resume_run(folder, epochs=3, norm_stats=True)
    assert 'norms.csv has no rows of epoch 2: it goes on from here' in capsys.readouterr().err
    assert {row.epoch for row in read_norm_stats(folder)} == {3}


def test_a_file_that_was_changed_is_told_and_written_anew(folder, capsys):
    recorded(folder, epochs=2)
    with open(os.path.join(folder, 'norms.csv'), 'w') as f:
        f.write('what is this')
    gb.resume_run(folder, epochs=3)
    assert 'norms.csv, line 1: expected the columns' in capsys.readouterr().err
    assert {row.epoch for row in read_norm_stats(folder)} == {3}


def test_rows_of_a_run_that_diverged_are_kept_up_to_where_it_ended(folder):
    with pytest.raises(gb.training.NonFiniteLoss):
        recorded(folder, lr=1e30)
    assert read_norm_stats(folder)[0].step == 3


def test_steps_without_recording_are_refused(folder):
    with pytest.raises(OptionError, match='norm_stats_every is 5, but goes with norm_stats only'):
        start(folder, norm_stats_every=5)
    with pytest.raises(OptionError, match='norm_stats is for a run that is kept in a folder'):
        gb.train_model('lenet_bn', norm_stats=True)
    assert not os.path.exists(folder)


@pytest.mark.gluoncv
def test_gluoncvs_nets_are_recorded_and_those_without_norms_are_told(folder, monkeypatch, capsys):
    smaller(monkeypatch, num_train=8, num_test=4)
    start(folder, 'gluoncv:cifar_resnet20_v1', epochs=1, norm_stats=True)
    assert len(read_norm_stats(folder)) == 4 * 21
    start(folder + '2', 'gluoncv:alexnet', epochs=1, norm_stats=True)
    assert 'has no batch normalization layer: no norms.csv' in capsys.readouterr().err
    assert read_norm_stats(folder + '2') == []


def test_the_command_records_too(script, folder):
    code, _, err = script('train.py', '--model', 'lenet_bn', '--dataset', 'synthetic', '--epochs',
                          1, '--out', folder, '--norm-stats', '--norm-stats-every', 5, '--seed', 0)
    assert code == 0, err
    assert [row.step for row in read_norm_stats(folder)[::16]] == [5, 8]
