"""How a launch ends, with stand-ins for the processes that know the messages and nothing else."""
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from processes import is_alive
from stand_ins import ROLE, WORKER

import gluonblocks as gb
from gluonblocks.distributed import launcher
from gluonblocks.distributed.cluster import server_environment
from gluonblocks.distributed.member import Member
from gluonblocks.distributed.watch import Limits

HOST = socket.gethostname()


@pytest.fixture
def run(monkeypatch):
    """Run workers that do `code` after the others; returns the pids that were started."""
    monkeypatch.setattr(launcher, 'python_argv', lambda module, role: [sys.executable, '-c', ROLE])
    monkeypatch.setattr(launcher, 'TURN', 0.05)

    def start(code, limits=None, before=WORKER, num_workers=2, show=None):
        hub = launcher.Hub([sys.executable, '-c', before + code], num_workers, show=show,
                         limits=limits)
        pids, begin = [], launcher.Children.start

        def note(children, name, *how):
            begin(children, name, *how)
            pids.append(children._children[name].process.pid)
        with monkeypatch.context() as patch:
            patch.setattr(launcher.Children, 'start', note)
            try:
                hub.run()
            finally:
                assert len(pids) == num_workers + 2
                assert not [pid for pid in pids if os.path.exists('/proc/%d' % pid)]
    return start


def test_it_ends_when_all_workers_are_done_and_leaves_no_process(run):
    run("tell('done')")


def test_the_first_that_fails_is_shown_once_with_its_place(run):
    with pytest.raises(launcher.WorkerError) as error:
        run("rank and tell('failed', text='the disk is full'); time.sleep(60)")
    assert str(error.value) == '%s:1, step 3: the disk is full' % HOST


def test_one_that_is_killed_takes_all_with_it_at_once(run):
    start = time.monotonic()
    with pytest.raises(launcher.WorkerError, match=r':1, step 3: was ended by SIGKILL$'):
        run("rank and os.kill(os.getpid(), signal.SIGKILL); time.sleep(60)")
    assert time.monotonic() - start < 5


def test_a_server_that_is_killed_takes_all_with_it(run, monkeypatch):
    killed = ROLE.replace("wait('never')", 'os.kill(os.getpid(), signal.SIGKILL)')
    monkeypatch.setattr(launcher, 'python_argv', lambda module, role: [
        sys.executable, '-c', killed if role == 'server' else ROLE])
    with pytest.raises(launcher.WorkerError, match=':server 0: was ended by SIGKILL$'):
        run('time.sleep(60)')


def test_the_last_lines_of_one_that_ends_by_itself_are_shown(run):
    with pytest.raises(launcher.WorkerError, match=':1, step 3: ended with exit code 3:\nno room$'):
        run("rank and (print('no room', file=sys.stderr), sys.exit(3)); time.sleep(60)")


def test_one_that_is_stopped_is_named_once_its_step_takes_too_long(run):
    code = "rank and os.kill(os.getpid(), signal.SIGSTOP); time.sleep(60)"
    with pytest.raises(launcher.WorkerError, match=r':1, step 3: no beat for 0.4 s'):
        run(code, limits=Limits(silence=0.4))
    with pytest.raises(launcher.WorkerError, match=r':1, step 3: has not ended the next within'):
        run(code, limits=Limits(stall=0.4))


def test_one_that_never_starts_is_named(run):
    with pytest.raises(launcher.WorkerError, match=r': has not started within 0.3 s'):
        run('', before='import time; time.sleep(60)', limits=Limits(start=0.3))


def test_workers_that_differ_are_refused_with_what_differs(run):
    before = WORKER.replace("'seed': 7", "'seed': 7 + rank")
    with pytest.raises(launcher.WorkerError) as error:
        run('time.sleep(60)', before=before)
    assert str(error.value) == ('%s:1 differs from %s:0, so they cannot train together:\n'
                                '  seed: 7 there, 8 here' % (HOST, HOST))


def test_what_is_no_message_ends_it(run):
    with pytest.raises(launcher.WorkerError, match=':1'):
        run(r"rank and (line.sendall(b'{nonsense\n'), os._exit(0)); time.sleep(60)")


@pytest.mark.skipif(sys.platform != 'linux', reason='real-time signals are of Linux')
def test_a_signal_without_a_name_is_told_by_its_number(run):
    with pytest.raises(launcher.WorkerError, match=r':1, step 3: was ended by signal 40$'):
        run("rank and os.kill(os.getpid(), 40); time.sleep(60)")


@pytest.mark.parametrize('number', ['no number', '²', '9999'])
def test_a_worker_that_no_launcher_started_says_so(number, monkeypatch):
    monkeypatch.setenv('GLUONBLOCKS_MEMBER', number)
    with pytest.raises(SystemExit, match='^error: this is started by the launcher alone'):
        Member.of_environment()


def test_a_launch_without_workers_is_refused():
    with pytest.raises(ValueError, match='at least one worker and one server, found 0 and 1'):
        launcher.launch(['script.py'], 0)


@pytest.mark.usefixtures('stand_ins')
def test_a_launch_shows_lines_with_the_name_of_the_process_unless_it_is_rank_0(
        monkeypatch, tmp_path, capfd):
    prints = 'import sys; print("hello", flush=True)' + ROLE
    monkeypatch.setattr(launcher, 'python_argv', lambda *_: [sys.executable, '-c', prints])
    (tmp_path / 'script.py').write_text(
        WORKER + 'print("hello", flush=True); time.sleep(0.5); tell("done")')
    launcher.launch([str(tmp_path / 'script.py')], 2)
    assert sorted(capfd.readouterr().out.splitlines()) == [
        '1: hello', 'hello', 'scheduler: hello', 'server 0: hello']


def test_lines_are_passed_on_with_who_printed_them(run):
    shown = []
    run("print('hello', rank); sys.stdout.flush(); tell('done')",
        show=lambda *line: shown.append(line))
    assert sorted(shown) == [('worker 0', 'stdout', 'hello 0'), ('worker 1', 'stdout', 'hello 1')]


def test_a_server_starts_with_memory_that_begins_as_zeros(run, monkeypatch):
    telling = "import os; print(os.environ.get('GLIBC_TUNABLES'), flush=True)" + ROLE
    monkeypatch.setattr(launcher, 'python_argv', lambda module, role: [
        sys.executable, '-c', telling])
    shown = []
    # Long enough for the server's line to be there.
    run("time.sleep(0.5); tell('done')", show=lambda *line: shown.append(line))
    assert ('server 0', 'stdout', server_environment()['GLIBC_TUNABLES']) in shown


STARTS_AND_IS_KILLED = """
import json, os, subprocess, sys, time
# Not to this one's pipe, which whoever reads it would find open until that process has ended.
process = subprocess.Popen(json.loads(sys.argv[1]), stdout=subprocess.DEVNULL)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.01)
print(process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='other systems do not end it by themselves')
def test_a_process_that_still_imports_ends_with_its_launcher(tmp_path, monkeypatch):
    there = tmp_path / 'there'
    (tmp_path / 'slow_module.py').write_text(
        'import time\nopen(%r, "w").close()\ntime.sleep(100)' % str(there))
    monkeypatch.syspath_prepend(str(tmp_path))
    argv = [sys.executable, '-c', STARTS_AND_IS_KILLED,
            json.dumps(launcher.python_argv('slow_module')), str(there)]
    pid = int(subprocess.run(argv, stdout=subprocess.PIPE).stdout)
    end = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not is_alive(pid)


def signalled(signum):
    """A `show` that sends this process a signal for each line of worker 0."""
    return lambda name, stream, text: name == 'worker 0' and os.kill(os.getpid(), signum)


def test_a_signal_has_all_stop_and_tells_what_the_first_says(run):
    with pytest.raises(gb.training.Interrupted, match='^after step 3 of 0$') as stop:
        run("print('going', flush=True); wait('stop'); "
            "tell('stopped', text='after step 3 of %d' % rank)", show=signalled(signal.SIGTERM))
    assert stop.value.exit_code == 143


def test_a_second_signal_ends_all_at_once(run):
    with pytest.raises(gb.training.Interrupted) as stop:
        run("print('going', flush=True); wait('stop'); print('still', flush=True); time.sleep(60)",
            show=signalled(signal.SIGINT))
    assert not stop.value.between_batches


def test_a_signal_before_the_first_step_ends_all(run):
    with pytest.raises(gb.training.Interrupted, match='^stopped before the first step$'):
        run('', before="print('starting', flush=True); import time; time.sleep(60)",
            show=signalled(signal.SIGINT))


def test_cores_are_shared_among_the_workers_unless_somebody_chose(monkeypatch):
    monkeypatch.setattr(launcher, 'physical_cores', lambda: 8)
    monkeypatch.setattr(launcher._runtime, 'mended', ['OMP_NUM_THREADS=8'])
    counts = [launcher.process_environment(n)['OMP_NUM_THREADS'] for n in (1, 2, 3, 9)]
    assert counts == ['8', '4', '2', '1']
    monkeypatch.setattr(launcher._runtime, 'mended', [])
    monkeypatch.setenv('OMP_NUM_THREADS', '5')
    assert launcher.process_environment(3)['OMP_NUM_THREADS'] == '5'
