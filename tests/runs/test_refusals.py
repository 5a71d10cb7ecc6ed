"""What a run refuses, because it would not continue exactly or harm what is there."""
import os
import sys
import types

import numpy as np
import pytest
from conftest import replace_dataset, smaller
from mxnet import gluon, nd
from small_runs import content, start, stopped

import gluonblocks as gb
from gluonblocks.commands.parser import flag_of
from gluonblocks.data import datasets
from gluonblocks.runs import provenance
from gluonblocks.runs.config import read_config


def test_a_folder_that_has_a_run_or_anything_else_is_refused(whole, copied, tmp_path):
    with pytest.raises(ValueError, match='holds a run already: resume it, or name another'):
        start(copied)
    assert content(copied) == content(whole.folder)
    (tmp_path / 'thesis.txt').write_text('mine')
    with pytest.raises(ValueError, match='not an empty folder'):
        start(str(tmp_path))
    with pytest.raises(OSError, match='^[^[]*thesis.txt/x could not be written: Not a directory. '
                                      'Name a place that you can write to$'):
        start(str(tmp_path / 'thesis.txt' / 'x'), epochs=1)
    assert (tmp_path / 'thesis.txt').read_text() == 'mine'


@pytest.mark.parametrize('asked, said', [
    ({'model': 'resnet'}, 'model lenet_bn there, resnet here'),
    ({'batch_size': 32}, 'batch_size 16 there, 32 here'),
    ({'ctx': 'cpu:0,1'}, 'ctx cpu:0 there, cpu:0,1 here')])
def test_what_would_not_go_on_exactly_is_refused_by_name(whole, asked, said):
    with pytest.raises(ValueError, match='cannot go on exactly as it began:\n  ' + said) as error:
        gb.resume_run(whole.folder, **asked)
    name = next(iter(asked))
    assert '\n  %s ' % flag_of(name) in error.value.spelled(flag_of)


def test_other_data_threads_operators_and_versions_are_refused(whole, monkeypatch):
    folder = whole.folder
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


def test_a_target_that_would_have_changed_the_schedule_is_refused(folder):
    start(folder, epochs=2, lr_schedule='cosine')
    before = content(folder, ('config.json',))
    with pytest.raises(ValueError, match='is 3, over which the schedule cosine is not what'):
        gb.resume_run(folder, epochs=3)
    assert content(folder, ('config.json',)) == before
    gb.resume_run(folder)


def test_a_target_that_lies_behind_is_refused(folder, monkeypatch):
    stopped(monkeypatch, folder, 6)
    with pytest.raises(ValueError, match='is 1, which lies behind the run: it is in epoch 2'):
        gb.resume_run(folder, epochs=1)


def test_recording_may_be_left_out_of_a_resumed_run(folder):
    start(folder, epochs=1, norm_stats=True, norm_stats_every=3)
    gb.resume_run(folder, epochs=2, norm_stats=False)
    config = read_config(folder)
    assert (config['norm_stats'], config['norm_stats_every']) == (False, 3)


def test_another_folder_of_the_data_is_kept_as_an_absolute_path(folder, monkeypatch, tmp_path):
    replace_dataset(monkeypatch, 'synthetic', lambda *args, root=None, **how: (
        datasets.load_data_synthetic(*args, num_train=60, num_test=20, **how)), takes_root=True)
    monkeypatch.chdir(tmp_path)
    start(folder, epochs=1, data_root='one')
    assert read_config(folder)['data_root'] == str(tmp_path / 'one')
    gb.resume_run(folder, epochs=2, data_root='two')
    assert read_config(folder)['data_root'] == str(tmp_path / 'two')


def test_without_tensorboardx_nothing_is_locked_or_written(copied, folder, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'tensorboardX', None)
    with pytest.raises(ImportError, match='pip install tensorboardX'):
        start(folder + '2', tensorboard=True)
    assert not os.path.exists(folder + '2')
    with pytest.raises(ImportError, match='pip install tensorboardX'):
        gb.resume_run(copied, tensorboard=True)
    with pytest.raises(TypeError, match='no option named momentun'):
        gb.resume_run(copied, momentun=0.9)
    gb.resume_run(copied, model='lenet_bn', batch_size=16, ctx='cpu')  # as before


def test_a_run_in_a_folder_refuses_loaders_whose_images_it_cannot_check(folder, monkeypatch):
    replace_dataset(monkeypatch, 'synthetic', lambda batch_size, **how: [
        gluon.data.DataLoader(gluon.data.ArrayDataset(nd.zeros((8, 1, 28, 28)), nd.zeros(8)), 4)
    ] * 2)
    with pytest.raises(ValueError, match='loaders of the type DataLoader, but a run that is kept'):
        start(folder, epochs=1)


def test_a_run_of_our_models_may_be_resumed_whether_or_not_gluoncv_was_imported(
        copied, whole, monkeypatch):
    monkeypatch.setitem(sys.modules, 'gluoncv', types.SimpleNamespace(__version__='0.10.5'))
    _, history = gb.resume_run(copied, epochs=4)
    assert [record[:4] for record in history[:3]] == [record[:4] for record in whole.history]
