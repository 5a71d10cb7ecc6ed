"""`python -m gluonblocks`: what it prints, what it finds wrong, its exit codes."""
import os
import platform
import subprocess
import sys
from importlib import metadata

import mxnet as mx
import numpy as np
import pytest
from conftest import REPOSITORY, environment

import gluonblocks as gb
from gluonblocks import _runtime
from gluonblocks.commands import doctor as report
from gluonblocks.graphs import operators as cpp
from gluonblocks.graphs.kernels.build import Unavailable


@pytest.fixture
def run_report(tmp_path):
    """Run it as a user does: (exit code, {title: text}, what is wrong)."""
    def run(path=None, **env):
        env.setdefault('MXNET_HOME', str(tmp_path / 'no-home'))
        environ = environment(**env)
        if path:
            environ['PYTHONPATH'] = os.pathsep.join([str(path), REPOSITORY])
        done = subprocess.run([sys.executable, '-m', 'gluonblocks'], capture_output=True,
                              text=True, env=environ, cwd=str(tmp_path))
        assert 'Traceback' not in done.stderr + done.stdout
        told, _, wrong = done.stdout.partition('\n\n')
        lines = dict(line.split(None, 1) for line in told.replace('MXNet build', 'build')
                     .splitlines())
        return done.returncode, lines, wrong
    return run


def test_it_tells_what_a_bug_report_needs(run_report, tmp_path):
    code, lines, wrong = run_report()
    cores = _runtime.physical_cores()
    assert (code, wrong) == (0, 'all is well\n')
    assert lines['Python'].startswith(platform.python_version())
    assert lines['NumPy'] == np.__version__
    assert lines['MXNet'].startswith(mx.__version__)
    assert lines['threads'] == '%d for %d cores' % (cores, cores)
    assert lines['devices'] == ', '.join(map(str, gb.try_all_gpus()))
    for title, feature in [('oneDNN', 'MKLDNN'), ('CUDA', 'CUDA'), ('distributed', 'DIST_KVSTORE')]:
        enabled = mx.runtime.Features().is_enabled(feature)
        assert '%s %s' % (title, 'yes' if enabled else 'no') in lines['build']
    assert 'OMP_NUM_THREADS=%d' % cores in lines['mended']
    assert 'MXNET_HOME=%s' % (tmp_path / 'no-home') in lines['variables']
    assert not (tmp_path / 'no-home').exists()  # it fetched nothing


def test_another_number_of_threads_than_cores_is_wrong(monkeypatch):
    monkeypatch.setenv('MXNET_OMP_MAX_THREADS', str(_runtime.physical_cores() + 1))
    lines, wrong = report.collect()
    assert dict(lines)['threads'] == '%d for %d cores' % (_runtime.physical_cores() + 1,
                                                          _runtime.physical_cores())
    assert any('Unset' in text and 'MXNET_OMP_MAX_THREADS' in text for text in wrong)


@pytest.mark.parametrize('error, version, remedy', [
    ("""ModuleNotFoundError("No module named 'mxnet'", name="mxnet")""", 'cannot be imported',
     _runtime.install_command()),
    ('OSError("libgomp.so.1: cannot open")', 'cannot be imported', 'apt-get install libgomp1'),
    ("""ModuleNotFoundError("No module named 'numpy'", name="numpy")""", 'cannot be imported',
     'pip install numpy')])
def test_without_mxnet_or_numpy_it_says_what_to_install(run_report, tmp_path, error, version,
                                                        remedy):
    (tmp_path / ('numpy.py' if 'numpy' in error else 'mxnet.py')).write_text('raise ' + error)
    code, lines, wrong = run_report(path=tmp_path)
    assert code == 1 and lines['MXNet'].endswith(version) and lines['data'] == 'unknown'
    assert remedy.replace('\n', '\n  ') in wrong


def test_operators_that_are_off_are_reported(monkeypatch):
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', '0')
    assert dict(report.collect()[0])['operators'] == 'off (GLUONBLOCKS_OPERATORS=0)'


def test_a_value_that_is_not_0_or_1_is_wrong(monkeypatch):
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', 'fast')
    lines, wrong = report.collect()
    assert dict(lines)['operators'] == 'unknown'
    assert any("must be 0 (off) or 1 (on, the default), got 'fast'" in text for text in wrong)


def test_operators_that_can_be_used_are_ready(operators):
    assert dict(report.collect()[0])['operators'] == 'ready'


def test_the_report_does_not_compile_the_operators(operators, run_report, tmp_path):
    cache = tmp_path / 'cache'
    code, lines, _ = run_report(GLUONBLOCKS_OPERATORS='1', XDG_CACHE_HOME=str(cache))
    assert code == 0 and lines['operators'].startswith('not compiled yet') and not cache.exists()


@pytest.fixture
def no_operators(monkeypatch, recwarn):
    def unavailable(build=True):
        raise Unavailable('no reason', 'no remedy')
    monkeypatch.setattr(cpp, '_status', None)
    monkeypatch.setattr(cpp, 'library', unavailable)
    yield
    assert not [warned for warned in recwarn if warned.category is RuntimeWarning]


@pytest.mark.parametrize('value, said', [
    (None, 'unavailable, so training is slower: no reason. To use them: no remedy'),
    ('1', 'unavailable')])
def test_unavailable_operators_are_reported_and_wrong_if_they_were_asked_for(
        monkeypatch, no_operators, value, said):
    monkeypatch.delenv('GLUONBLOCKS_OPERATORS', raising=False)
    if value:
        monkeypatch.setenv('GLUONBLOCKS_OPERATORS', value)
    lines, wrong = report.collect()
    assert dict(lines)['operators'] == said
    assert ('The C++ operators cannot be used: no reason.\nTo use them: no remedy' in wrong) == (
        value == '1')


def test_a_damaged_file_is_wrong_and_stays(monkeypatch, tmp_path):
    folder = tmp_path / 'datasets' / 'fashion-mnist'
    folder.mkdir(parents=True)
    bad = folder / 'train-labels-idx1-ubyte.gz'
    bad.write_bytes(b'not what it should be')
    monkeypatch.setenv('MXNET_HOME', str(tmp_path))
    lines, wrong = report.collect()
    assert any(str(bad) in text for text in wrong)
    assert dict(lines)['data'] == 'Fashion-MNIST, 1 of 4 files in %s' % folder
    assert bad.exists()


def test_data_that_are_there_and_not_there(tiny, monkeypatch):
    monkeypatch.setenv('MXNET_HOME', str(tiny.home()))
    lines, wrong = report.collect()
    assert '4 of 4 files' in dict(lines)['data'] and not any('idx' in text for text in wrong)
    monkeypatch.setenv('MXNET_HOME', str(tiny.folder / 'none'))
    assert 'not here yet' in dict(report.collect()[0])['data']


def test_a_data_folder_that_cannot_be_created_is_wrong_with_the_remedy(monkeypatch, tmp_path):
    (tmp_path / 'file').write_text('not a folder')
    monkeypatch.setenv('MXNET_HOME', str(tmp_path / 'file' / 'home'))
    wrong = '\n'.join(report.collect()[1])
    assert 'you cannot write to %s' % (tmp_path / 'file' / 'home') in wrong
    assert 'Set MXNET_HOME' in wrong and '--data-root' in wrong


def test_a_read_only_folder_that_has_all_the_data_is_well(tiny, monkeypatch):
    monkeypatch.setenv('MXNET_HOME', str(tiny.home()))
    monkeypatch.setattr(report.os, 'access', lambda path, mode: False)
    assert not any('cannot write' in text for text in report.collect()[1])
    next((tiny.home() / 'datasets' / 'fashion-mnist').iterdir()).unlink()
    assert any('cannot write' in text for text in report.collect()[1])


@pytest.mark.parametrize('versions, said', [
    ({'numpy': '3.0.0'}, "numpy 3.0.0 is outside of what was tested"),
    ({'tqdm': None}, "tqdm is not installed:  pip install 'tqdm"),
])
def test_what_does_not_fit_is_said(monkeypatch, versions, said):
    version = report._version
    monkeypatch.setattr(report, '_version', lambda name: (
        versions[name] if name in versions else version(name)))
    assert any(text.startswith(said) for text in report.collect()[1])


def test_not_installed_but_run_from_its_folder_is_not_wrong(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)
    monkeypatch.setattr(report.metadata, 'metadata', missing)
    assert report._unmet(None) == []


def test_a_build_for_gpus_without_one_is_said(monkeypatch):
    enabled = mx.runtime.Features.is_enabled
    monkeypatch.setattr(mx.runtime.Features, 'is_enabled',
                        lambda self, name: name == 'CUDA' or enabled(self, name))
    assert any('no GPU works' in text for text in report.collect()[1])
