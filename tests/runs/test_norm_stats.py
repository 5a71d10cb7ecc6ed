"""norms.csv of a run: there if asked for, and the same bytes however the run was stopped."""
import os
import signal

import pytest
from conftest import smaller
from small_runs import content, make_quick, start, stopped

import gluonblocks as gb
from gluonblocks.training.norms import read_norm_stats

NORMS = ('norms.csv',)


def recorded(folder, **how):
    return start(folder, norm_stats=True, norm_stats_every=3, **how)


@pytest.fixture(scope='module')
def whole_norms(tmp_path_factory):
    """The folder of a run of three epochs that recorded, with checkpoints after each step."""
    folder = str(tmp_path_factory.mktemp('norms') / 'run')
    with pytest.MonkeyPatch.context() as patch:
        make_quick(patch)
        recorded(folder, checkpoint_every=1)
    return folder


def test_a_run_has_rows_of_its_epochs_and_of_each_so_many_steps_if_it_is_asked(whole, whole_norms):
    rows = read_norm_stats(whole_norms)  # of three epochs of four steps
    assert [row[:2] for row in rows[::16]] == [(1, 3), (1, 4), (2, 6), (2, 8), (3, 9), (3, 12)]
    assert [row.layer for row in rows[:16:4]] == ['1', '5', '9', '12']
    assert read_norm_stats(whole.folder) == []


def test_recording_and_saving_leave_the_rest_of_the_run_as_it_is(whole, whole_norms):
    assert content(whole_norms) == content(whole.folder)


@pytest.mark.parametrize('at, signum, last', [
    (3, signal.SIGTERM, True), (10, signal.SIGINT, False)])
def test_interrupted_and_resumed_the_bytes_are_the_same(whole_norms, folder, monkeypatch, at,
                                                        signum, last):
    stopped(monkeypatch, folder, at, signum, norm_stats=True, norm_stats_every=3,
            checkpoint_every=None if last else 1)
    if not last:  # it is resumed from the checkpoint before
        os.unlink(os.path.join(folder, 'last.safetensors'))
    gb.resume_run(folder)
    assert content(folder, NORMS) == content(whole_norms, NORMS)


@pytest.mark.parametrize('cut', [700, None])
def test_rows_of_a_process_that_was_killed_after_its_last_checkpoint_are_written_once(
        whole_norms, folder, monkeypatch, cut):
    stopped(monkeypatch, folder, 7, norm_stats=True, norm_stats_every=3, checkpoint_every=2)
    path = os.path.join(folder, 'norms.csv')
    written, later = [content(f, NORMS)['norms.csv'] for f in (folder, whole_norms)]
    with open(path, 'ab') as f:  # a part of the rows of step 8, or all rows to the end
        f.write(later[len(written):][:cut])
    gb.resume_run(folder)
    assert content(folder, NORMS) == content(whole_norms, NORMS)


def test_recording_may_begin_when_a_run_is_resumed_and_what_is_missing_is_told(copied, capsys):
    gb.resume_run(copied, epochs=4, norm_stats=True)
    assert 'norms.csv has no rows of epoch 3: it goes on from here' in capsys.readouterr().err
    assert {row.epoch for row in read_norm_stats(copied)} == {4}


def test_a_file_that_was_changed_is_told_and_written_anew(folder, capsys):
    recorded(folder, epochs=1)
    with open(os.path.join(folder, 'norms.csv'), 'w') as f:
        f.write('what is this')
    gb.resume_run(folder, epochs=2)
    assert 'norms.csv, line 1: expected the columns' in capsys.readouterr().err
    assert {row.epoch for row in read_norm_stats(folder)} == {2}


@pytest.mark.gluoncv
def test_gluoncvs_nets_are_recorded_and_those_without_norms_are_told(folder, monkeypatch, capsys):
    smaller(monkeypatch, num_train=8, num_test=4)
    start(folder, 'gluoncv:cifar_resnet20_v1', epochs=1, norm_stats=True)
    assert len(read_norm_stats(folder)) == 4 * 21
    start(folder + '2', 'gluoncv:alexnet', epochs=1, norm_stats=True, resize=64)
    assert 'has no batch normalization layer: no norms.csv' in capsys.readouterr().err
    assert read_norm_stats(folder + '2') == []
