"""scripts/benchmark.py: its workers, its arguments, and small runs to the end."""
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import REPOSITORY

import gluonblocks as gb
from benchmarks.measure import Settings
from benchmarks.notebook_code import TRAININGS, formula
from benchmarks.workers import Worker, WorkerError, environment

SMALL = ('--quick', '--models', 'lenet_bn', '--dataset', 'synthetic', '--batch-size', '8',
         '--max-steps', '1', '--threads', '1')


def start(*args, **env):
    def signals():
        # A shell has its background jobs ignore SIGINT, and what they start inherits that.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does: no hang-up then ends anything

    return subprocess.Popen(
        [sys.executable, os.path.join(REPOSITORY, 'scripts', 'benchmark.py')] + list(args),
        preexec_fn=signals,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ, **env))


def finish(process):
    out, err = process.communicate(timeout=300)
    assert 'Traceback' not in err
    return process.returncode, out, err


def test_the_models_of_the_three_sections_are_ours():
    assert set(TRAININGS) <= set(gb.list_models())


def test_the_notebooks_formula_is_the_cells():
    import mxnet as mx
    X = mx.nd.array([[1.0, 2], [3, 6]])
    with mx.autograd.train_mode():
        Y, mean, _ = formula()(X, 1, 0, mx.nd.zeros(2), mx.nd.zeros(2), 0, 0.9)
    np.testing.assert_allclose(Y.asnumpy(), [[-1, -1], [1, 1]])
    np.testing.assert_allclose(mean.asnumpy(), [0.2, 0.4], rtol=1e-6)


def test_slow_steps_are_few_and_fast_ones_bounded():
    settings = Settings(quick=False, batch_size=256, dataset='synthetic', data_root=None,
                        threads=None, only=[], max_steps=20)
    assert [settings.times(seconds) for seconds in (5.0, 0.25, 0.0001)] == [1, 4, 20]


def test_a_left_over_thread_number_reaches_no_worker(monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '7')
    monkeypatch.setenv('MXNET_OMP_MAX_THREADS', '7')
    assert not {'OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS'} & set(environment())
    assert environment(threads=2)['OMP_NUM_THREADS'] == '2'


def test_the_notebook_has_mxnets_own_threads(python):
    assert python('import os, benchmarks.variants.notebook, benchmarks.notebook_code as code\n'
                  'code.import_mxnet()\n'
                  'import sys\n'
                  'print(os.environ.get("OMP_NUM_THREADS"), "gluonblocks" in sys.modules)'
                  ) == 'None False'


def test_a_worker_that_fails_tells_its_error():
    with pytest.raises(WorkerError, match="^ours no_model: there is no model 'no_model'"):
        Worker(dict(kind='ours', model='no_model', batch_size=8, dataset='synthetic',
                    data_root=None))


def test_a_worker_that_dies_is_an_error():
    with Worker(dict(kind='predict_ours', model='lenet_bn'), threads=1) as worker:
        os.killpg(worker._process.pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match='predict_ours lenet_bn: it ended with exit code -9'):
            worker.ask(predict=1, batch=1)


def test_a_small_run_prints_the_table_and_writes_the_figures(tmp_path):
    path = tmp_path / 'speed.json'
    code, out, err = finish(start(*SMALL, '--parts', 'training', '--only', 'ours,notebook,onednn',
                                  '--json', str(path)))
    assert code == 0, err
    for variant in ('notebook', 'ours'):
        assert re.search(r'^\| lenet_bn +\| %s +\|.*× ' % variant, out, re.M)
    assert re.search(r"^- lenet_bn: oneDNN's primitives take .*convolution", out, re.M)
    assert re.search(r"^\| lenet_bn epoch against the notebook's code +\| ≥ 25× +\|", out, re.M)
    written = json.loads(path.read_text())
    ours = written['results']['training']['lenet_bn']['variants']['ours']
    assert ours['ms']['low'] <= ours['ms']['median'] <= ours['ms']['high']
    assert len(written['samples']['training']['lenet_bn']['notebook']['step']) == 3
    assert os.listdir(str(tmp_path)) == ['speed.json']


def test_help_has_an_example_and_the_exit_codes():
    code, out, _ = finish(start('--help'))
    assert code == 0 and 'python scripts/benchmark.py  ' in out and '130 interrupted' in out


@pytest.mark.parametrize('args, said', [
    (('--models', 'vgg'), "'vgg' is none of lenet_bn, lenet_bn_gluon"),
    (('--chart', 'speed.doc'), 'must end in .png or .svg'),
    (('--max-steps', '0'), '0 is not a positive number'),
    (('--workers', '1,x'), "x is not a positive number"),
    (('--workers', '4', '--batch-size', '3'), '4 workers are more than the 3 images of a batch'),
    (('--workers', '2', '--growth'), '--workers measures nothing else: leave out --growth'),
    (('--workers', '2', '--gbit', '0'), '0 is not from 0.01 to 1000'),
    (('--workers', '2', '--latency', '-1'), '-1 is not from 0 to 1000'),
])
def test_wrong_arguments_end_with_code_2(args, said):
    code, out, err = finish(start(*args))
    assert code == 2 and out == '' and said in err


def test_a_file_that_cannot_be_written_is_said_before_anything_is_measured(tmp_path):
    code, out, err = finish(start('--json', str(tmp_path / 'none' / 'speed.json')))
    assert code == 1 and out == '' and err.startswith('error: ') and 'cannot be written' in err


def test_missing_data_end_with_code_1_and_what_to_do(tmp_path):
    (tmp_path / 'train-images-idx3-ubyte').write_bytes(b'not what it should be')
    for name in ('train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'):
        (tmp_path / (name + '-ubyte')).write_bytes(b'')
    code, _, err = finish(start('--data-root', str(tmp_path)))
    assert code == 1 and 'error: probe: ' in err and 'train-images-idx3-ubyte: wrong file' in err


def runs(pid):
    """Whether the process is there, and not only for its parent to ask how it ended."""
    try:
        with open('/proc/%d/stat' % pid) as f:
            return f.read().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def descendants(pid):
    """The processes whose parent or grandparent is `pid`."""
    parents = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            try:
                with open('/proc/%s/stat' % name) as f:
                    parents[int(name)] = int(f.read().rpartition(')')[2].split()[1])
            except OSError:  # it has just ended
                pass
    return [child for child, parent in parents.items() if pid in (parent, parents.get(parent))]


@pytest.mark.parametrize('number, code', [
    (signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_whatever_ends_it_no_worker_is_left(number, code, tmp_path):
    # Not --quick, and rounds of many steps: it would be over before the signal.
    process = start(*SMALL[1:], '--max-steps', '50', '--parts', 'training', '--only', 'notebook',
                    TMPDIR=str(tmp_path))
    for line in process.stderr:
        if 'round 1' in line:
            break
    children = descendants(process.pid)
    assert len(children) == 9  # the worker, and its two loaders' four and four
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    for _ in range(600):  # a minute: on a busy machine each takes its time to end
        left = [pid for pid in children if runs(pid)]
        if not left:
            break
        time.sleep(0.1)
    assert not left
