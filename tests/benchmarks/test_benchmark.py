"""scripts/benchmark.py and tools.benchmarks.compare: workers, arguments and small runs."""
import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import start_script
from mxnet import profiler

from gluonblocks.graphs import passes
from tools.benchmarks import command, compare, machine, measure, release, several, startup
from tools.benchmarks.variants.ours import remove_pass
from tools.benchmarks.variants.parts import configure_profiler
from tools.benchmarks.workers import Worker, WorkerError, environment

SMALL = ['--quick', '--models', 'lenet_bn', '--dataset', 'synthetic', '--batch-size', '8',
         '--max-steps', '1', '--threads', '1', '--parts', 'training']


def test_workers_ignore_the_thread_count_of_the_shell(monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '7')
    monkeypatch.setenv('MXNET_OMP_MAX_THREADS', '7')
    assert not {'OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS'} & set(environment())
    assert environment(threads=2)['OMP_NUM_THREADS'] == '2'


def test_a_small_run_prints_the_table_and_writes_the_figures(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(signal, 'signal', lambda *args: None)  # keep the handler of pytest
    path = tmp_path / 'speed.json'
    assert command.main(SMALL + ['--only', 'ours', '--json', str(path)]) == 0
    assert '| lenet_bn | ours ' in capsys.readouterr().out
    written = json.loads(path.read_text())
    ours = written['results']['training']['lenet_bn']['variants']['ours']
    assert 0 < ours['ms']['low'] <= ours['ms']['median'] <= ours['ms']['high']
    assert len(written['samples']['training']['lenet_bn']['ours']['step']) == 3


def test_the_parts_of_a_step_fit_into_the_step_and_primitives_into_the_net():
    spec = dict(kind='ours.train', model='lenet_bn', batch_size=8, dataset='synthetic',
                data_root=None, parts=True)
    with Worker(spec, 1, {'MKLDNN_VERBOSE': '1', 'GLUONBLOCKS_OPERATORS': '0'}) as worker:
        worker.ask(train=1, evaluate=1)
        answer = worker.ask(warm=1, train=3, evaluate=1)
    seconds, images = answer['parts']
    assert images == 24 and all(value > 0 for value in seconds.values())
    assert sum(seconds.values()) <= answer['train'][0]
    assert 0 < sum(answer['primitives'].values()) <= 1e3 * seconds['net']
    assert {'convolution forward_training', 'convolution backward_weights'} <= set(
        answer['primitives'])  # both passes are included


def test_the_file_that_mxnets_profiler_deletes_is_a_new_one(monkeypatch):
    files = []
    monkeypatch.setattr(profiler, 'set_config', lambda filename, **_: files.append(filename))
    configure_profiler()
    assert len(files) == 1 and not os.path.exists(files[0])


@pytest.mark.parametrize('missed, code', [(True, 1), (False, 0)])
def test_the_exit_code_is_one_if_a_target_was_missed(missed, code, monkeypatch, capsys):
    monkeypatch.setattr(signal, 'signal', lambda *args: None)
    monkeypatch.setattr(command, 'run', lambda *args: None)
    monkeypatch.setattr(command, 'summarize', lambda raw: {'targets': [{'missed': missed}]})
    monkeypatch.setattr(command, 'render', lambda raw, results: 'measured')
    assert command.main([]) == code and capsys.readouterr().out == 'measured'


def test_an_instruction_set_limit_reaches_workers_and_is_printed(monkeypatch):
    assert 'limited to avx2' not in machine.machine()
    for name, value in machine.LIMITS['avx2'].items():
        monkeypatch.setenv(name, value)
    assert environment()['ONEDNN_MAX_CPU_ISA'] == 'AVX2'
    assert 'ATEN_CPU_CAPABILITY=avx2' in machine.machine()['limited to avx2']


def test_a_machine_is_busy_if_another_process_runs_while_workers_wait():
    processes = []
    for _ in os.sched_getaffinity(0):
        processes.append(subprocess.Popen([sys.executable, '-c', 'while 1: pass']))
    loads = []
    machine.sample_load(loads, rest=0.2)
    for process in processes:
        process.kill()
        process.wait()
    assert loads[0] > 0.5
    assert 'was BUSY' in machine.describe_load(100 * loads[0])
    assert 'was quiet' in machine.describe_load(2.0)


def test_the_last_release_is_the_newest_tag_or_the_commit_in_a_file(monkeypatch, tmp_path):
    def git(*args):
        subprocess.run(['git', '-c', 'user.name=n', '-c', 'user.email=e', *args], cwd=str(tmp_path),
                       check=True, stdout=subprocess.DEVNULL)
    git('init', '-q')
    git('commit', '-q', '--allow-empty', '-m', 'one')
    (tmp_path / 'release.txt').write_text('abc\n')
    monkeypatch.setattr(release, 'ROOT', str(tmp_path))
    monkeypatch.setattr(release, 'COMMIT', str(tmp_path / 'release.txt'))
    assert release.last_release() == 'abc'
    git('tag', 'v1')
    git('commit', '-q', '--allow-empty', '-m', 'two')
    assert release.last_release() == 'v1'
    with release.checkout('v1') as folder:
        assert os.listdir(folder) == ['.git']
    assert not os.path.exists(folder)
    with pytest.raises(WorkerError, match='^git worktree: .*v9'):
        with release.checkout('v9'):
            pass


@pytest.mark.parametrize('now, code', [(1.09, 0), (1.11, 1)])
def test_ten_percent_slower_than_the_last_release_fails(now, code, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(release, 'last_release', lambda: 'HEAD')
    monkeypatch.setattr(release, 'checkout', lambda commit: contextlib.nullcontext(str(tmp_path)))
    monkeypatch.setattr(release, 'CASES', [('lenet_bn', 'batch_size=8', None, 1)])
    monkeypatch.setattr(release, 'compare', lambda specs, *args: {
        title: {'clock': [1.0 if i == 0 else now] * 3} for i, title in enumerate(specs)})
    assert release.main() == code
    assert ('SLOWER' in capsys.readouterr().out) == bool(code)


@pytest.mark.parametrize('args, message', [
    (['--models', 'vgg'], "one of lenet_bn, lenet_bn_gluon, resnet, densenet, got 'vgg'"),
    (['--resize', '64'], '--resize: expected --models resnet, densenet or both'),
    (['--against', '/nowhere.json'], 'expected a file written by --json'),
    (['--workers', '4', '--batch-size', '3'],
     '--workers: expected at most 3 workers, one per image of a batch, got 4'),
    (['--json', '/nowhere/speed.json'], "No such file or directory: '/nowhere/speed.json'")])
def test_wrong_arguments_are_refused_before_the_measurement(args, message, capsys, monkeypatch):
    monkeypatch.setattr(signal, 'signal', lambda *args: None)
    try:
        assert command.main(args) == 3
    except SystemExit as stop:
        assert stop.code == 2
    out, err = capsys.readouterr()
    assert out == '' and message in err


def test_a_failed_worker_raises_an_error_with_the_reason():
    with pytest.raises(WorkerError, match="^ours.train no_model: unknown model 'no_model'"):
        Worker(dict(kind='ours.train', model='no_model', batch_size=8, dataset='synthetic',
                    data_root=None))


def test_a_failed_command_raises_an_error_with_its_last_line(monkeypatch):
    monkeypatch.setattr(startup.sys, 'executable', '/bin/false')
    with pytest.raises(WorkerError, match='^scripts/train.py: '):
        startup.five_epochs(measure.Settings())


def processes_of(group):
    """Return the processes in a process group, without zombies."""
    found = subprocess.run(['ps', '-eo', 'pgid,stat,pid'], capture_output=True, text=True).stdout
    rows = [line.split() for line in found.splitlines()[1:]]
    return [pid for pgid, stat, pid in rows if pgid == str(group) and not stat.startswith('Z')]


def test_a_killed_benchmark_leaves_no_worker_or_stopped_loader_behind():
    process = start_script('benchmark.py', SMALL[1:] + ['--only', 'notebook'], {})
    for line in process.stderr:
        if 'round 1' in line:
            break
    found = subprocess.run(['ps', '--ppid', str(process.pid), '-o', 'pid='], capture_output=True)
    (worker,) = map(int, found.stdout.split())
    assert len(processes_of(worker)) == 9  # one worker, two loaders of four processes
    process.kill()
    process.communicate()
    for _ in range(600):
        if not processes_of(worker):
            break
        time.sleep(0.1)
    assert processes_of(worker) == []


def test_a_variant_can_set_variables_options_a_pass_and_a_checkout():
    title, options, variables, root = compare.variant(
        'OMP_NUM_THREADS=1 augment=flip lr=0.5 without=fuse_norms checkout=/old')
    assert (variables, root) == ({'OMP_NUM_THREADS': '1'}, '/old')
    assert options == {'augment': 'flip', 'lr': 0.5, 'without': 'fuse_norms'}
    with pytest.raises(argparse.ArgumentTypeError, match="NAME=VALUE, got 'OMP_NUM_THREADS'"):
        compare.variant('OMP_NUM_THREADS')


def test_variants_take_turns_in_rotating_order_and_times_are_per_step(monkeypatch, capsys):
    asked = []

    class Fake:
        def __init__(self, spec, variables, root):
            self.name, self.seconds = spec.get('without'), 4.0 if spec.get('without') else 2.0

        def ask(self, train, **others):
            asked.append(self.name)
            return {'train': [self.seconds, 8], 'cpu': [2 * self.seconds, 8], 'peak_mib': 1}

        __enter__, __exit__ = lambda self: self, lambda self, *exception: None

    monkeypatch.setattr(compare, 'Worker', Fake)
    assert compare.main(['--passes', '--rounds', '2', '--steps', '1000']) == 0
    names = [None] + compare.pass_names(predict=None)
    assert asked == names + names + names[1:] + names[:1]
    out = capsys.readouterr().out
    assert '| without=fuse_norms          | 8.00   | 2.000 (2.000–2.000) | 4.00 ' in out


def test_only_the_named_pass_is_removed(monkeypatch):
    for name in ('TRAINING', 'PREDICTION'):
        monkeypatch.setattr(passes, name, list(getattr(passes, name)))
    before = [each.__name__ for each in passes.TRAINING]
    remove_pass('fuse_norms')
    assert [each.__name__ for each in passes.TRAINING] == [
        name for name in before if name != 'fuse_norms'] != before


def test_the_step_time_of_several_workers_ignores_the_first_epoch(monkeypatch, tmp_path):
    fake = tmp_path / 'python'
    fake.write_text('#!/bin/sh\nwhile [ "$1" != --out ]; do shift; done\nmkdir "$2"\n'
                    'printf "epoch,seconds\\n1,9\\n2,0.4\\n" > "$2/times.csv"\n')
    fake.chmod(0o755)
    monkeypatch.setattr(sys, 'executable', str(fake))
    assert several._train(measure.Settings(), 'lenet_bn', 2, None) == [0.4 / several.STEPS]
    fake.write_text('#!/bin/sh\necho no room >&2\nexit 3\n')
    with pytest.raises(WorkerError, match='^lenet_bn, 2 workers: no room$'):
        several._train(measure.Settings(), 'lenet_bn', 2, None)
