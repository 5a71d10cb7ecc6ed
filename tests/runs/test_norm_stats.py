"""norms.csv of a run: there if asked for, and the same bytes however the run was stopped."""
import os

import pytest
from conftest import smaller
from small_runs import content, make_quick, start, stopped

import gluonblocks as gb
from gluonblocks.training.norms import read_norm_stats

NORMS = ('norms.csv',)


EVERY_3 = {'norm_stats': True, 'norm_stats_every': 3}


@pytest.fixture(scope='module')
def whole_norms(tmp_path_factory):
    """The folder of a run of three epochs that recorded, with checkpoints after each step."""
    folder = str(tmp_path_factory.mktemp('norms') / 'run')
    with pytest.MonkeyPatch.context() as patch:
        make_quick(patch)
        start(folder, checkpoint_every=1, **EVERY_3)
    return folder


def test_a_run_has_rows_if_it_is_asked_and_is_otherwise_the_same(whole, whole_norms):
    rows = read_norm_stats(whole_norms)  # of three epochs of four steps
    assert [row[:2] for row in rows[::16]] == [(1, 3), (1, 4), (2, 6), (2, 8), (3, 9), (3, 12)]
    assert [row.layer for row in rows[:16:4]] == ['1', '5', '9', '12']
    assert read_norm_stats(whole.folder) == []
    assert content(whole_norms) == content(whole.folder)


def test_resumed_from_the_checkpoint_before_the_bytes_are_the_same(
        whole_norms, folder, monkeypatch):
    stopped(monkeypatch, folder, 10, checkpoint_every=1, **EVERY_3)
    os.unlink(os.path.join(folder, 'last.safetensors'))
    gb.resume_run(folder)
    assert content(folder, NORMS) == content(whole_norms, NORMS)


@pytest.mark.parametrize('cut', [700, None])
def test_rows_of_a_process_that_was_killed_after_its_last_checkpoint_are_written_once(
        whole_norms, folder, monkeypatch, cut):
    stopped(monkeypatch, folder, 7, checkpoint_every=2, **EVERY_3)
    path = os.path.join(folder, 'norms.csv')
    written, later = [content(f, NORMS)['norms.csv'] for f in (folder, whole_norms)]
    with open(path, 'ab') as f:  # a part of the rows of step 8, or all rows to the end
        f.write(later[len(written):][:cut])
    gb.resume_run(folder)
    assert content(folder, NORMS) == content(whole_norms, NORMS)


def test_recording_may_begin_in_a_resumed_run_and_a_changed_file_is_started_again(copied, capsys):
    gb.resume_run(copied, epochs=4, norm_stats=True)
    err = capsys.readouterr().err
    assert 'norms.csv has no rows for epoch 3: recording continues from here' in err
    assert {row.epoch for row in read_norm_stats(copied)} == {4}
    with open(os.path.join(copied, 'norms.csv'), 'w') as f:
        f.write('what is this')
    gb.resume_run(copied, epochs=5)
    assert 'norms.csv, line 1: expected the columns' in capsys.readouterr().err
    assert {row.epoch for row in read_norm_stats(copied)} == {5}


@pytest.mark.gluoncv
def test_gluoncvs_nets_are_recorded_and_those_without_norms_are_told(folder, monkeypatch, capsys):
    smaller(monkeypatch, num_train=8, num_test=4)
    start(folder, 'gluoncv:cifar_resnet20_v1', epochs=1, norm_stats=True)
    assert len(read_norm_stats(folder)) == 4 * 21
    start(folder + '2', 'gluoncv:alexnet', epochs=1, norm_stats=True, resize=64)
    assert 'has no batch normalization layers: norms.csv is not written' in capsys.readouterr().err
    assert read_norm_stats(folder + '2') == []
