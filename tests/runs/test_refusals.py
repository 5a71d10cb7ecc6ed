"""What a run refuses, because it would not continue exactly or harm what is there."""
import json
import os
import re
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
from gluonblocks.runs.config import encode_config, read_config


def test_a_folder_that_has_a_run_or_anything_else_is_refused(whole, copied, tmp_path):
    with pytest.raises(ValueError, match='already contains a run: resume it, or choose another'):
        start(copied)
    assert content(copied) == content(whole.folder)
    (tmp_path / 'thesis.txt').write_text('mine')
    with pytest.raises(ValueError, match='expected a new or empty folder'):
        start(str(tmp_path))
    with pytest.raises(OSError, match='^[^[]*thesis.txt/x could not be written: Not a directory. '
                                      'Choose a path that you can write to$'):
        start(str(tmp_path / 'thesis.txt' / 'x'), epochs=1)
    assert (tmp_path / 'thesis.txt').read_text() == 'mine'


@pytest.mark.parametrize('make', [lambda path: None, lambda path: path.write_text('x')])
def test_what_is_not_a_run_is_refused(tmp_path, make):
    make(tmp_path / 'x')
    for call in (gb.load_run, gb.resume_run):
        with pytest.raises(ValueError, match='is not a run folder: it (does not exist|is a file)'):
            call(str(tmp_path / 'x'))


def write_config(folder, content):
    with open(os.path.join(folder, 'config.json'), 'wb') as f:
        f.write(content)


def test_a_config_is_read_as_it_was_written_and_refused_if_a_value_changed(copied):
    config = read_config(copied)
    changed = dict(json.loads(encode_config(config)), batch_size=32)
    write_config(copied, json.dumps(changed, indent=2, sort_keys=True).encode())
    for call in (gb.resume_run, gb.load_run):
        with pytest.raises(ValueError, match='was changed after gluonblocks wrote.* a new run'):
            call(copied)
    write_config(copied, encode_config(config))
    assert read_config(copied) == config
    del config['label_smoothing']
    write_config(copied, encode_config(config))
    with pytest.raises(ValueError, match='another version of gluonblocks: it does not contain lab'):
        gb.load_run(copied)


@pytest.mark.parametrize('text, said', [
    (b'{"identity": 1}', 'was changed'), (b'null', 'was changed'), (b'', 'is damaged in line 1. '),
    (b'{"seed": 0,\n"epochs": ', 'is damaged in line 2. Restore'), (b'[' * 100000, 'is damaged: ')])
def test_what_is_not_a_config_is_refused_with_the_files_name(copied, text, said):
    write_config(copied, text)
    with pytest.raises(ValueError, match=re.escape(copied) + '/config.json ' + said):
        gb.load_run(copied)


@pytest.mark.parametrize('asked, said', [
    ({'model': 'resnet'}, 'model was lenet_bn, is now resnet'),
    ({'batch_size': 32}, 'batch_size was 16, is now 32')])
def test_what_would_not_go_on_exactly_is_refused_by_name(whole, asked, said):
    with pytest.raises(ValueError, match='cannot be resumed exactly:\n  ' + said) as error:
        gb.resume_run(whole.folder, **asked)
    name = next(iter(asked))
    assert '\n  %s ' % flag_of(name) in error.value.spelled(flag_of)


def test_an_option_that_does_not_exist_is_refused_and_one_as_before_is_not(copied, monkeypatch):
    with pytest.raises(TypeError, match='unknown option: momentun'):
        gb.resume_run(copied, momentun=0.9)
    # Whether GluonCV is imported counts only for nets that may use it.
    monkeypatch.setitem(sys.modules, 'gluoncv', types.SimpleNamespace(__version__='0.10.5'))
    gb.resume_run(copied, model='lenet_bn', batch_size=16, ctx='cpu')


def test_other_data_threads_operators_and_versions_are_refused(whole, monkeypatch):
    before = read_config(whole.folder)['operators']
    for change, said in [
            (lambda patch: smaller(patch, num_train=61, num_test=20),
             'data_sha256 was .*, is now .*'),
            (lambda patch: patch.setenv('MXNET_OMP_MAX_THREADS', '77'),
             r'threads was .*, is now 77 \(set OMP_NUM_THREADS='),
            (lambda patch: patch.setattr(provenance, 'available', lambda: not before),
             r'operators was %s, is now %s \(set the environment variable GLUONBLOCKS_OPERATORS'
             % (before, not before)),
            (lambda patch: patch.setattr(np, '__version__', '0.1'), 'numpy was .*, is now 0.1')]:
        with monkeypatch.context() as patch, pytest.raises(ValueError, match=said):
            change(patch)
            gb.resume_run(whole.folder)


def test_the_recorded_threads_are_those_that_mxnet_uses(monkeypatch):
    before = provenance.environment(own_model=True)['threads']
    monkeypatch.setenv('OMP_NUM_THREADS', '77')  # too late: MXNet has read the variable
    assert provenance.environment(own_model=True)['threads'] == before


def test_a_target_that_would_have_changed_the_schedule_is_refused(folder):
    start(folder, epochs=1, lr_schedule='cosine')
    with pytest.raises(ValueError, match='must stay 1, got 3: the cosine schedule depends'):
        gb.resume_run(folder, epochs=3)
    gb.resume_run(folder)


def test_a_target_that_lies_behind_is_refused(folder, monkeypatch):
    stopped(monkeypatch, folder, 6)
    with pytest.raises(ValueError, match=r'at least 2 \(the epoch that .* reached\), got 1'):
        gb.resume_run(folder, epochs=1)


def test_another_folder_of_the_data_is_kept_as_an_absolute_path(folder, monkeypatch, tmp_path):
    replace_dataset(monkeypatch, 'synthetic', lambda *args, root=None, **how: (
        datasets.load_data_synthetic(*args, num_train=60, num_test=20, **how)), takes_root=True)
    monkeypatch.chdir(tmp_path)
    for name in ('one', 'two'):
        (tmp_path / name).mkdir()
    start(folder, epochs=1, data_root='one')
    assert read_config(folder)['data_root'] == str(tmp_path / 'one')
    gb.resume_run(folder, epochs=2, data_root='two')
    assert read_config(folder)['data_root'] == str(tmp_path / 'two')


def test_without_tensorboardx_nothing_is_locked_or_written(copied, folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, 'tensorboardX', None)
        for call in (lambda: start(folder + '2', tensorboard=True),
                     lambda: gb.resume_run(copied, tensorboard=True)):
            with pytest.raises(ImportError, match='pip install tensorboardX'):
                call()
    assert not os.path.exists(folder + '2')
    gb.resume_run(copied)


@pytest.mark.parametrize('out', [None, 'run'])
def test_loaders_of_another_type_are_refused_by_name(out, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    replace_dataset(monkeypatch, 'synthetic', lambda batch_size, **how: [
        gluon.data.DataLoader(gluon.data.ArrayDataset(nd.zeros((8, 1, 28, 28)), nd.zeros(8)), 4)
    ] * 2)
    with pytest.raises(ValueError, match='the loaders of the data set synthetic must be of type '
                                         'gluonblocks.data.BatchLoader, got DataLoader'):
        start(out, epochs=1)
    assert not os.path.exists('run')
