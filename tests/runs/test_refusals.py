"""What a run's folder refuses, because it would not go on exactly or harm what is there."""
import os

import numpy as np
import pytest
from conftest import smaller
from small_runs import content, start, stopped

import gluonblocks as gb
from gluonblocks.runs import folder as run_folder
from gluonblocks.runs import provenance
from gluonblocks.runs.config import read_config

pytestmark = pytest.mark.usefixtures('little_data')


def test_a_folder_that_has_a_run_is_refused_with_the_way_on(folder):
    start(folder, epochs=1)
    before = content(folder)
    with pytest.raises(ValueError, match='holds a run already: resume it, or name another'):
        start(folder)
    assert content(folder) == before


def test_a_folder_that_has_anything_else_is_refused_too(tmp_path):
    (tmp_path / 'thesis.txt').write_text('mine')
    with pytest.raises(ValueError, match='not an empty folder'):
        start(str(tmp_path))
    assert os.listdir(str(tmp_path)) == ['thesis.txt']


def test_two_processes_cannot_train_in_one_folder(folder):
    start(folder, epochs=1)
    held = run_folder.RunFolder.open(folder)
    with pytest.raises(ValueError, match='in use: another process'):
        gb.resume_run(folder)
    held.__exit__()
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
    start(folder, epochs=1)
    with pytest.raises(ValueError, match='cannot go on exactly as it began:\n  ' + said):
        gb.resume_run(folder, epochs=2, **asked)


def test_what_is_asked_as_before_is_fine(folder):
    start(folder, epochs=1)
    gb.resume_run(folder, epochs=2, model='lenet_bn', batch_size=16, ctx='cpu')


def test_other_data_threads_operators_and_versions_are_refused(folder, monkeypatch):
    start(folder, epochs=1)
    trained_with = read_config(folder)['operators']
    with monkeypatch.context() as patch:
        smaller(patch, num_train=61, num_test=20)
        with pytest.raises(ValueError, match='data_sha256 .* there, .* here'):
            gb.resume_run(folder)
    with monkeypatch.context() as patch:
        patch.setenv('OMP_NUM_THREADS', '77')
        with pytest.raises(ValueError, match=r'threads .* there, 77 here \(OMP_NUM_THREADS='):
            gb.resume_run(folder)
    with monkeypatch.context() as patch:
        patch.setattr(provenance, 'available', lambda: not trained_with)
        with pytest.raises(ValueError, match=r'operators %s there, %s here \(the environment '
                           'variable GLUONBLOCKS_OPERATORS' % (trained_with, not trained_with)):
            gb.resume_run(folder)
    monkeypatch.setattr(np, '__version__', '0.1')
    with pytest.raises(ValueError, match='numpy .* there, 0.1 here'):
        gb.resume_run(folder)


@pytest.mark.gluoncv
def test_a_target_that_would_have_changed_the_schedule_is_refused(folder):
    start(folder, epochs=2, lr_schedule='cosine')
    with pytest.raises(ValueError, match='is 3, over which the schedule cosine is not what'):
        gb.resume_run(folder, epochs=3)
    gb.resume_run(folder)


def test_a_target_that_lies_behind_is_refused(folder, monkeypatch):
    stopped(monkeypatch, folder, 6)
    with pytest.raises(ValueError, match='is 1, which lies behind the run: it is in epoch 2'):
        gb.resume_run(folder, epochs=1)


@pytest.mark.parametrize('make, said', [
    (lambda path: None, 'is not a run: it has no config.json'),
    (lambda path: path.mkdir(), 'is not a run: it has no config.json'),
    (lambda path: path.write_text('x'), 'is not a run: it has no config.json'),
    (lambda path: (path.mkdir(), (path / 'config.json').write_text('{')),
     r'config.json is damaged: .* line 1 column 2 .* Put back a copy of the file, or train again'),
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
