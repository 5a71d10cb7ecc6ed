"""How a launch on one machine ends, with stand-ins for its processes."""
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from stand_ins import WORKER

import gluonblocks as gb
from gluonblocks.distributed import Launcher, Limits, WorkerError, launch, processes

pytestmark = pytest.mark.usefixtures('stand_ins')
HOST = socket.gethostname()


@pytest.fixture
def run(monkeypatch):
    """Run workers that do `code` after they have joined; the lines that are shown. Afterwards no
    process is left."""
    def start(code, limits=None, before=WORKER, show=None):
        pids, shown, popen = [], [], subprocess.Popen

        def note(*args, **kwargs):
            pids.append(popen(*args, **kwargs))
            return pids[-1]

        def keep(*line):
            shown.append(line)
            return show and show(*line)
        launcher = Launcher([sys.executable, '-c', before + code], 2, show=keep, limits=limits)
        with monkeypatch.context() as patch:
            patch.setattr(processes.subprocess, 'Popen', note)
            try:
                launcher.run()
            finally:
                assert len(pids) == 2
                assert not [p.pid for p in pids if os.path.exists('/proc/%d' % p.pid)]
        return sorted(shown)
    return start


def test_it_ends_when_all_workers_are_done_and_every_line_has_been_shown(run):
    # Printed last, and without an end of line.
    assert run("print('hello', rank, end='', flush=True); tell('done')") == [
        (k, 'stdout', 'hello %d' % k) for k in range(2)]


@pytest.mark.parametrize('code, said', [
    ("tell('failed', text='the disk is full')", 'the disk is full'),
    ('os.kill(os.getpid(), signal.SIGKILL)', 'was killed by SIGKILL'),
    ('os.kill(os.getpid(), 40)', 'was killed by signal 40'),
    ("(print('no room', file=sys.stderr), sys.exit(3))", 'exited with code 3:\nno room'),
    (r"(line.sendall(b'{nonsense\n'), os._exit(0))", 'exited with code 0')])
def test_one_that_fails_ends_all_at_once_and_is_named_with_its_step(code, said, run):
    start = time.monotonic()
    with pytest.raises(WorkerError) as error:
        run('rank and %s; time.sleep(60)' % code)
    assert str(error.value) == '%s:1, step 3: %s' % (HOST, said)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize('limits, said', [
    (Limits(silence=0.4), ':1, step 3: no heartbeat for 0.4 s'),
    (Limits(stall=0.4), ':1, step 3: did not finish the next step within 0.4 s')])
def test_one_that_is_stopped_is_named(limits, said, run):
    with pytest.raises(WorkerError, match=said):  # rank 0 waits for it in step 4
        run('rank and os.kill(os.getpid(), signal.SIGSTOP); progress, mark[1:] = 0, [4, -1];'
            'time.sleep(60)', limits)


def test_one_that_never_starts_is_named(run):
    with pytest.raises(WorkerError, match=r': did not start within 0.3 s'):
        run('', before='import time; time.sleep(60)', limits=Limits(start=0.3))


def test_workers_that_differ_are_refused_with_what_differs(run):
    with pytest.raises(WorkerError) as error:
        run('time.sleep(60)', before=WORKER.replace("'seed': 7", "'seed': 7 + rank"))
    assert str(error.value) == ('%s:1 cannot train with %s:0:\n'
                                '  seed is 8, expected 7' % (HOST, HOST))


def test_a_launch_without_workers_is_refused():
    with pytest.raises(ValueError, match='at least one worker, got 0'):
        launch(['script.py'], 0)


def test_a_launch_shows_lines_with_the_name_of_the_process_unless_it_is_rank_0(
        tmp_path, capfd):
    (tmp_path / 'script.py').write_text(
        WORKER + 'print("hello", flush=True); time.sleep(0.5); tell("done")')
    launch([str(tmp_path / 'script.py')], 2)
    assert sorted(capfd.readouterr().out.splitlines()) == ['1: hello', 'hello']


def test_what_a_worker_prints_is_shown_in_any_locale(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv('PYTHONIOENCODING', 'latin-1')
    (tmp_path / 'script.py').write_text(
        WORKER + 'print("Größe →", flush=True); time.sleep(0.5); tell("done")', encoding='utf-8')
    launch([str(tmp_path / 'script.py')], 1)
    assert capfd.readouterr().out == 'Größe →\n'


def signalled(signum):
    """A `show` that sends this process a signal for each line of rank 0."""
    return lambda rank, stream, text: rank == 0 and os.kill(os.getpid(), signum)


@pytest.mark.parametrize('code, before, said, between', [
    ("print('going', flush=True); wait('stop'); tell('stopped', text='after step 3 of %d' % rank)",
     WORKER, 'after step 3 of 0', True),
    ("print('going', flush=True); wait('stop'); print('still', flush=True); time.sleep(60)",
     WORKER, 'training stopped, perhaps during a step', False),
    ('', "print('starting', flush=True); import time; time.sleep(60)",
     'stopped before the first step', True)], ids=['one', 'two', 'before the first step'])
def test_a_signal_has_all_stop_and_a_second_one_ends_all_at_once(code, before, said, between, run):
    with pytest.raises(gb.training.Interrupted, match='^' + said) as stop:
        run(code, before=before, show=signalled(signal.SIGTERM))
    assert (stop.value.exit_code, stop.value.between_batches) == (143, between)


def test_a_worker_starts_whatever_is_on_the_path(tmp_path, monkeypatch):
    (tmp_path / 'worker.py').write_text('def main():\n    print("started")')
    monkeypatch.setattr(sys, 'path', [tmp_path, *sys.path, str(tmp_path)])
    assert subprocess.check_output(processes.python_argv('worker')) == b'started\n'


def test_cores_are_shared_among_the_workers_unless_the_user_chose(monkeypatch):
    monkeypatch.setattr(processes, 'physical_cores', lambda: 8)
    monkeypatch.setattr(processes._runtime, 'patches', ['OMP_NUM_THREADS=8'])
    counts = [processes.process_environment(n)['OMP_NUM_THREADS'] for n in (1, 2, 3, 9)]
    assert counts == ['8', '4', '2', '1']
    monkeypatch.setattr(processes._runtime, 'patches', [])
    monkeypatch.setenv('OMP_NUM_THREADS', '5')
    assert processes.process_environment(3)['OMP_NUM_THREADS'] == '5'
    monkeypatch.setenv('OMP_NUM_THREADS', '')
    monkeypatch.setenv('MXNET_OMP_MAX_THREADS', '5')
    assert processes.process_environment(3)['OMP_NUM_THREADS'] == ''


def test_cores_are_shared_if_mxnet_was_imported_first(monkeypatch):
    monkeypatch.setattr(processes, 'physical_cores', lambda: 8)
    monkeypatch.setattr(processes._runtime, 'patches', [])
    for name in ('OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS'):
        monkeypatch.delenv(name, raising=False)
    assert processes.process_environment(2)['OMP_NUM_THREADS'] == '4'
