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
    """Run the doctor as a user does, in `folder`; return (exit code, {title: (status, text)}, last
    line)."""
    environ = environment(MXNET_HOME=str(folder / 'no-home'), **env)
    environ['PYTHONPATH'] = os.pathsep.join([str(folder), REPOSITORY])
    done = subprocess.run([sys.executable, '-m', 'gluonblocks', 'doctor'], capture_output=True,
                          text=True, env=environ, cwd=str(folder))
    assert 'Traceback' not in done.stderr + done.stdout
    *lines, _, last = done.stdout.splitlines()
    checks = {}
    for line in lines:
        status, title, text = line[:5].strip(), line[5:18].strip(), line[18:]
        if title:
            assert status in ('ok', 'FIX', 'note', 'info')
            checks[title] = status, text
        else:  # the line before it continues
            title, (status, before) = list(checks.items())[-1]
            checks[title] = status, before + '\n' + text
    return done.returncode, checks, last


def test_it_tells_what_a_bug_report_needs_and_compiles_or_fetches_nothing(tmp_path, operators):
    cache = tmp_path / 'cache'
    code, checks, last = run_report(tmp_path, GLUONBLOCKS_OPERATORS='1', XDG_CACHE_HOME=str(cache))
    cores = physical_cores()
    assert (code, last) == (0, 'no problems found')
    assert {status for status, _ in checks.values()} == {'ok', 'info'}
    lines = {title: text for title, (_, text) in checks.items()}
    assert lines['operators'].startswith('not compiled yet') and not cache.exists()
    assert lines['Python'].startswith(platform.python_version())
    assert lines['NumPy'] == np.__version__
    assert lines['MXNet'].startswith(mx.__version__)
    assert lines['threads'] == '%d on %d cores' % (cores, cores)
    assert lines['devices'] == ', '.join(map(str, gb.try_all_gpus()))
    for title, feature in [('oneDNN', 'MKLDNN'), ('CUDA', 'CUDA'), ('distributed', 'DIST_KVSTORE')]:
        enabled = mx.runtime.Features().is_enabled(feature)
        assert '%s %s' % (title, 'yes' if enabled else 'no') in lines['MXNet build']
    assert 'OMP_NUM_THREADS=%d' % cores in lines['patches']
    assert 'MXNET_HOME=%s' % (tmp_path / 'no-home') in lines['variables']
    assert not (tmp_path / 'no-home').exists()


@pytest.mark.parametrize('module, error, remedy', [
    ('mxnet', 'OSError("libgomp.so.1: cannot open")', 'apt-get install libgomp1'),
    ('numpy', """ModuleNotFoundError("No module named 'numpy'", name="numpy")""",
     'pip install numpy')])
def test_without_mxnet_or_numpy_it_says_what_to_install(tmp_path, module, error, remedy):
    (tmp_path / (module + '.py')).write_text('raise ' + error)
    code, checks, last = run_report(tmp_path)
    assert code == 1 and last == '1 problem found: see FIX above'
    status, text = checks['MXNet']
    assert status == 'FIX' and remedy in text and 'data' not in checks


def collect():
    return {title: (status, text) for title, status, text in report.collect()}


def test_another_number_of_threads_than_cores_is_wrong(monkeypatch):
    cores = physical_cores()
    monkeypatch.setenv('MXNET_OMP_MAX_THREADS', str(cores + 1))
    assert collect()['threads'] == ('FIX', '%d on %d cores: unset OMP_NUM_THREADS and '
                                    'MXNET_OMP_MAX_THREADS to use one thread per core'
                                    % (cores + 1, cores))


@pytest.mark.parametrize('value, status, said', [
    ('0', 'note', 'off, so training is slower: unset GLUONBLOCKS_OPERATORS'),
    ('1', 'ok', 'compiled and tested'),
    ('fast', 'FIX', "must be 0 (off) or 1 (on, the default), got 'fast'")])
def test_the_operators_are_off_ready_or_unknown(operators, monkeypatch, value, status, said):
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', value)
    found, text = collect()['operators']
    assert found == status and said in text


def test_unavailable_operators_are_wrong_if_they_were_asked_for(monkeypatch):
    def unavailable(build=True):
        raise Unavailable('no reason', 'no remedy')
    monkeypatch.setattr(cpp, '_status', None)
    monkeypatch.setattr(cpp, 'library', unavailable)
    monkeypatch.delenv('GLUONBLOCKS_OPERATORS', raising=False)
    text = 'unavailable, so training is slower: no reason. To use the operators, no remedy'
    assert collect()['operators'] == ('note', text)
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', '1')
    assert collect()['operators'] == ('FIX', text)


def test_data_are_there_or_not_and_a_damaged_file_is_wrong_and_stays(tiny, monkeypatch):
    monkeypatch.setenv('MXNET_HOME', str(tiny.folder / 'none'))
    status, text = collect()['data']
    assert status == 'ok' and text.startswith('no Fashion-MNIST yet')
    monkeypatch.setenv('MXNET_HOME', str(tiny.home()))
    status, text = collect()['data']
    assert status == 'ok' and text.startswith('Fashion-MNIST, 4 of 4 files in ')
    bad = tiny.home() / 'datasets' / 'fashion-mnist' / 'train-labels-idx1-ubyte.gz'
    bad.write_bytes(b'not what it should be')
    status, text = collect()['data']
    assert status == 'FIX' and str(bad) in text and 'Delete the file' in text and bad.exists()


def test_a_package_that_is_missing_or_untested_is_said(monkeypatch):
    found, other = report._version, {'numpy': '3.0.0', 'tqdm': None}
    monkeypatch.setattr(report, '_version', lambda name: (
        other[name] if name in other else found(name)))
    status, text = collect()['packages']
    assert status == 'FIX' and len(text.splitlines()) == 2
    assert "numpy 3.0.0 is untested: pip install --no-deps 'numpy" in text
    assert "tqdm is not installed: pip install 'tqdm" in text


def test_a_build_for_gpus_without_one_is_said(monkeypatch):
    monkeypatch.setattr(mx.runtime.Features, 'is_enabled', lambda self, name: name == 'CUDA')
    status, text = collect()['devices']
    assert status == 'FIX' and 'check that nvidia-smi lists a GPU' in text
