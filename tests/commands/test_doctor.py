"""`python -m gluonblocks`: what it prints, what it finds wrong, its exit codes."""
import os
import platform
import subprocess
import sys

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


def test_the_report_does_not_compile_the_operators(operators, run_report, tmp_path):
    cache = tmp_path / 'cache'
    code, lines, _ = run_report(GLUONBLOCKS_OPERATORS='1', XDG_CACHE_HOME=str(cache))
    assert code == 0 and lines['operators'].startswith('not compiled yet') and not cache.exists()


@pytest.mark.parametrize('module, error, remedy', [
    ('mxnet', 'OSError("libgomp.so.1: cannot open")', 'apt-get install libgomp1'),
    ('numpy', """ModuleNotFoundError("No module named 'numpy'", name="numpy")""",
     'pip install numpy')])
def test_without_mxnet_or_numpy_it_says_what_to_install(run_report, tmp_path, module, error,
                                                        remedy):
    (tmp_path / (module + '.py')).write_text('raise ' + error)
    code, lines, wrong = run_report(path=tmp_path)
    assert code == 1 and lines['MXNet'].endswith('cannot be imported')
    assert lines['data'] == 'unknown' and remedy in wrong


def collect():
    lines, wrong = report.collect()
    return dict(lines), '\n'.join(wrong)


def test_another_number_of_threads_than_cores_is_wrong(monkeypatch):
    cores = _runtime.physical_cores()
    monkeypatch.setenv('MXNET_OMP_MAX_THREADS', str(cores + 1))
    lines, wrong = collect()
    assert lines['threads'] == '%d for %d cores' % (cores + 1, cores)
    assert 'Unset\nOMP_NUM_THREADS and MXNET_OMP_MAX_THREADS' in wrong


@pytest.mark.parametrize('value, said, problem', [
    ('0', 'off (GLUONBLOCKS_OPERATORS=0)', ''), ('1', 'ready', ''),
    ('fast', 'unknown', "must be 0 (off) or 1 (on, the default), got 'fast'")])
def test_the_operators_are_off_ready_or_unknown(operators, monkeypatch, value, said, problem):
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', value)
    lines, wrong = collect()
    assert lines['operators'] == said and problem in wrong


@pytest.mark.parametrize('value, said', [
    (None, 'unavailable, so training is slower: no reason. To use them: no remedy'),
    ('1', 'unavailable')])
def test_unavailable_operators_are_wrong_if_they_were_asked_for(monkeypatch, value, said):
    def unavailable(build=True):
        raise Unavailable('no reason', 'no remedy')
    monkeypatch.setattr(cpp, '_status', None)
    monkeypatch.setattr(cpp, 'library', unavailable)
    monkeypatch.delenv('GLUONBLOCKS_OPERATORS', raising=False)
    if value:
        monkeypatch.setenv('GLUONBLOCKS_OPERATORS', value)
    lines, wrong = collect()
    assert lines['operators'] == said
    assert ('The C++ operators cannot be used: no reason.\nTo use them: no remedy' in wrong) == (
        value == '1')


def test_data_are_there_or_not_and_a_damaged_file_is_wrong_and_stays(tiny, monkeypatch):
    monkeypatch.setenv('MXNET_HOME', str(tiny.folder / 'none'))
    assert 'not here yet' in collect()[0]['data']
    monkeypatch.setenv('MXNET_HOME', str(tiny.home()))
    lines, wrong = collect()
    assert 'Fashion-MNIST, 4 of 4 files in ' in lines['data'] and 'idx' not in wrong
    bad = tiny.home() / 'datasets' / 'fashion-mnist' / 'train-labels-idx1-ubyte.gz'
    bad.write_bytes(b'not what it should be')
    assert str(bad) in collect()[1] and bad.exists()


@pytest.mark.parametrize('package, version, said', [
    ('numpy', '3.0.0', 'numpy 3.0.0 is outside of what was tested'),
    ('tqdm', None, "tqdm is not installed:  pip install 'tqdm")])
def test_a_package_that_is_missing_or_untested_is_said(monkeypatch, package, version, said):
    found = report._version
    monkeypatch.setattr(report, '_version', lambda name: (
        version if name == package else found(name)))
    assert said in collect()[1]


def test_a_build_for_gpus_without_one_is_said(monkeypatch):
    monkeypatch.setattr(mx.runtime.Features, 'is_enabled', lambda self, name: name == 'CUDA')
    assert 'no GPU works' in collect()[1]
