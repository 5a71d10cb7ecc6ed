"""`gluonblocks doctor`: what it prints, what it finds wrong, its exit codes."""
import os
import platform
import subprocess
import sys

import mxnet as mx
import numpy as np
import pytest
from conftest import REPOSITORY, environment

import gluonblocks as gb
from gluonblocks.commands import doctor as report
from gluonblocks.graphs import operators as cpp
from gluonblocks.machine.compiled import Unavailable
from gluonblocks.machine.cpus import physical_cores


def run_report(folder, **env):
    """Run it as a user does, in `folder`: (exit code, {title: text}, what is wrong)."""
    environ = environment(MXNET_HOME=str(folder / 'no-home'), **env)
    environ['PYTHONPATH'] = os.pathsep.join([str(folder), REPOSITORY])
    done = subprocess.run([sys.executable, '-m', 'gluonblocks', 'doctor'], capture_output=True,
                          text=True, env=environ, cwd=str(folder))
    assert 'Traceback' not in done.stderr + done.stdout
    told, _, wrong = done.stdout.partition('\n\n')
    lines = dict(line.split(None, 1) for line in told.replace('MXNet build', 'build').splitlines())
    return done.returncode, lines, wrong


def test_it_tells_what_a_bug_report_needs_and_compiles_or_fetches_nothing(tmp_path, operators):
    cache = tmp_path / 'cache'
    code, lines, wrong = run_report(tmp_path, GLUONBLOCKS_OPERATORS='1', XDG_CACHE_HOME=str(cache))
    cores = physical_cores()
    assert (code, wrong) == (0, 'no problems found\n')
    assert lines['operators'].startswith('not compiled yet') and not cache.exists()
    assert lines['Python'].startswith(platform.python_version())
    assert lines['NumPy'] == np.__version__
    assert lines['MXNet'].startswith(mx.__version__)
    assert lines['threads'] == '%d for %d cores' % (cores, cores)
    assert lines['devices'] == ', '.join(map(str, gb.try_all_gpus()))
    for title, feature in [('oneDNN', 'MKLDNN'), ('CUDA', 'CUDA'), ('distributed', 'DIST_KVSTORE')]:
        enabled = mx.runtime.Features().is_enabled(feature)
        assert '%s %s' % (title, 'yes' if enabled else 'no') in lines['build']
    assert 'OMP_NUM_THREADS=%d' % cores in lines['patched']
    assert 'MXNET_HOME=%s' % (tmp_path / 'no-home') in lines['variables']
    assert not (tmp_path / 'no-home').exists()


@pytest.mark.parametrize('module, error, remedy', [
    ('mxnet', 'OSError("libgomp.so.1: cannot open")', 'apt-get install libgomp1'),
    ('numpy', """ModuleNotFoundError("No module named 'numpy'", name="numpy")""",
     'pip install numpy')])
def test_without_mxnet_or_numpy_it_says_what_to_install(tmp_path, module, error, remedy):
    (tmp_path / (module + '.py')).write_text('raise ' + error)
    code, lines, wrong = run_report(tmp_path)
    assert code == 1 and lines['MXNet'].endswith('cannot be imported')
    assert lines['data'] == 'unknown' and remedy in wrong


def collect():
    lines, wrong = report.collect()
    return dict(lines), '\n'.join(wrong)


def test_another_number_of_threads_than_cores_is_wrong(monkeypatch):
    cores = physical_cores()
    monkeypatch.setenv('MXNET_OMP_MAX_THREADS', str(cores + 1))
    lines, wrong = collect()
    assert lines['threads'] == '%d for %d cores' % (cores + 1, cores)
    assert 'Unset OMP_NUM_THREADS\nand MXNET_OMP_MAX_THREADS' in wrong


@pytest.mark.parametrize('value, said, problem', [
    ('0', 'off (GLUONBLOCKS_OPERATORS=0)', ''), ('1', 'ready', ''),
    ('fast', 'unknown', "must be 0 (off) or 1 (on, the default), got 'fast'")])
def test_the_operators_are_off_ready_or_unknown(operators, monkeypatch, value, said, problem):
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', value)
    lines, wrong = collect()
    assert lines['operators'] == said and problem in wrong


def test_unavailable_operators_are_wrong_if_they_were_asked_for(monkeypatch):
    def unavailable(build=True):
        raise Unavailable('no reason', 'no remedy')
    monkeypatch.setattr(cpp, '_status', None)
    monkeypatch.setattr(cpp, 'library', unavailable)
    monkeypatch.delenv('GLUONBLOCKS_OPERATORS', raising=False)
    lines, wrong = collect()
    assert 'operators' not in wrong and lines['operators'] == (
        'unavailable, so training is slower: no reason. To use them: no remedy')
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', '1')
    lines, wrong = collect()
    assert lines['operators'] == 'unavailable'
    assert 'The C++ operators are unavailable: no reason.\nTo use them: no remedy' in wrong


def test_data_are_there_or_not_and_a_damaged_file_is_wrong_and_stays(tiny, monkeypatch):
    monkeypatch.setenv('MXNET_HOME', str(tiny.folder / 'none'))
    assert 'not downloaded yet' in collect()[0]['data']
    monkeypatch.setenv('MXNET_HOME', str(tiny.home()))
    lines, wrong = collect()
    assert 'Fashion-MNIST, 4 of 4 files in ' in lines['data'] and 'idx' not in wrong
    bad = tiny.home() / 'datasets' / 'fashion-mnist' / 'train-labels-idx1-ubyte.gz'
    bad.write_bytes(b'not what it should be')
    assert str(bad) in collect()[1] and bad.exists()


def test_a_package_that_is_missing_or_untested_is_said(monkeypatch):
    found, other = report._version, {'numpy': '3.0.0', 'tqdm': None}
    monkeypatch.setattr(report, '_version', lambda name: (
        other[name] if name in other else found(name)))
    wrong = collect()[1]
    assert 'numpy 3.0.0 is not a tested version' in wrong
    assert "tqdm is not installed:  pip install 'tqdm" in wrong


def test_a_build_for_gpus_without_one_is_said(monkeypatch):
    monkeypatch.setattr(mx.runtime.Features, 'is_enabled', lambda self, name: name == 'CUDA')
    assert 'no GPU works' in collect()[1]
