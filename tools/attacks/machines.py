"""Disturb a run on three machines at random times, and compare it with an undisturbed run."""
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from typing import Any, Dict

from .jobs import Done, Job
from .kills import compare
from .network import Network, node_options
from .verdict import EQUAL, Defect, output, survived

SIZE = 3  # number of machines, each with one worker
EPOCHS, FAULTS = 5, 4  # epochs of a run, and faults injected into it
INTERVAL = 0.1  # seconds between two checks for running processes
START = 120  # seconds in which all machines must start; their processes import MXNet at once
IMPORT = 15  # seconds that a launcher needs to import MXNet before the START seconds begin
SECONDS = 600  # time limit of an undisturbed launch
RUN = ['--model', 'lenet_bn', '--dataset', 'synthetic', '--ctx', 'cpu', '--seed', '0',
       '--batch-size', '64', '--epochs', str(EPOCHS), '--checkpoint-every', '3', '--workers',
       str(SIZE)]
LAUNCH_OPTIONS = ['--no-report', '--start-timeout', str(START)]

# {fault: seconds within which all processes must exit}. MARGIN allows for a busy host.
PROMISED, MARGIN = {'SIGKILL': 5, 'SIGSTOP': 60, 'link down': 30}, 5

FIXED: Dict[str, Any] = {}
_launch_lock = multiprocessing.Lock()  # allows one launch at a time, because it uses all cores


class Launch:
    """A run of `gluonblocks train` on all `machines`, with one launcher on each of them.

    Each launcher runs in a subfolder of `folder` that is named after its machine. Its stdout and
    stderr are redirected to out.txt and err.txt in that subfolder.
    """

    def __init__(self, machines, folder, arguments):
        self.machines, self.folder, self.processes = machines, folder, []
        self.argv, self.started = ['train', *arguments, *LAUNCH_OPTIONS], time.monotonic()
        for k, machine in enumerate(machines):
            os.makedirs(self.path(k), exist_ok=True)
            with open(self.path(k, 'out.txt'), 'wb') as out, open(
                    self.path(k, 'err.txt'), 'wb') as err:
                self.processes.append(machine.popen(
                    [sys.executable, '-m', 'gluonblocks', *self.argv,
                     *node_options(machines, k)], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                    env=dict(os.environ, LD_PRELOAD=''), cwd=self.path(k)))

    def path(self, k, *names):
        """Join the path components `names` to the path of machine `k`'s folder."""
        return os.path.join(self.folder, self.machines[k].name, *names)

    def done(self, k=0):
        """Return a `Done` for machine `k`'s launcher, with exit code -1 if it is still running."""
        texts = []
        for name in ('out.txt', 'err.txt'):
            with open(self.path(k, name), errors='replace') as f:
                texts.append(f.read())
        code = self.processes[k].poll()
        return Done(Job(self.argv, self.path(k)), -1 if code is None else code, *texts)

    def epoch(self):
        """Return the last epoch that the first launcher has printed, or 0 if there is none."""
        return max(map(int, re.findall(r'^epoch (\d+),.*\n', self.done().out, re.M)), default=0)

    def running(self):
        """Return the launchers that are still running."""
        return [process for process in self.processes if process.poll() is None]

    def wait(self, seconds):
        """Wait up to `seconds` for all launchers to exit; return True if they did."""
        end = time.monotonic() + seconds
        while self.running() and time.monotonic() < end:
            time.sleep(INTERVAL)
        return not self.running()

    def worker(self, k):
        """Return the pid of the newest worker on machine `k`, or None if there is no worker."""
        children = '/proc/%d/task/%d/children' % (2 * (self.processes[k].pid,))
        try:
            with open(children) as f:
                return max(map(int, f.read().split()), default=None)
        except OSError:  # the launcher has exited
            return None


def draw(sandbox):
    """Inject faults into a run at random times; raise Defect if it does not react as promised."""
    with Network(SIZE) as network:
        return _trial(sandbox, network)


def _trial(sandbox, network):
    folder, lines, seconds = sandbox.fixtures.once(
        'machines', lambda: _undisturbed(sandbox, network))
    run, printed = sandbox.path(network.machines[0].name, 'run'), []
    for faults_left in reversed(range(FAULTS + 1)):
        started = os.path.exists(os.path.join(run, 'config.json'))
        with _launch_lock:
            launch = Launch(network.machines, sandbox.folder, (
                ['--resume', 'run'] if started else ['--out', 'run', *RUN]))
            moment = launch.started + (sandbox.rng.uniform(0, seconds) if faults_left else SECONDS)
            while launch.running() and not launch.done().out and time.monotonic() < moment:
                time.sleep(INTERVAL)
        if faults_left:
            _inject(sandbox, network, launch, moment)
        elif not launch.wait(SECONDS):
            raise Defect('still running after %d s' % SECONDS, launch.done())
        printed += output(launch.done())
        if launch.processes[0].returncode == 0:
            break
    else:
        raise Defect('the run cannot be resumed', launch.done())
    # Killing a launcher may lose some of its output, so accept missing lines, but not different
    # ones. `compare` also checks the history, which contains every epoch.
    if list(dict.fromkeys(printed)) != [line for line in lines if line in printed]:
        raise Defect('the printed lines differ', launch.done())
    compare(run, folder, lines, lines, launch.done())
    return EQUAL


def _undisturbed(sandbox, network):
    """Train without faults on one machine; return (run folder, printed lines, seconds)."""
    launch = Launch(network.machines[:1], sandbox.fixtures.path('machines'), ['--out', 'run', *RUN])
    if not launch.wait(SECONDS) or launch.processes[0].returncode:
        raise Defect('the undisturbed run failed', launch.done())
    return launch.path(0, 'run'), output(launch.done()), time.monotonic() - launch.started


def _inject(sandbox, network, launch, moment):
    """Wait until `moment`, inject a random fault, and check that all processes exit correctly."""
    victim = sandbox.rng.choice(('worker', 'launcher', 'machine'))
    fault = 'link down' if victim == 'machine' else sandbox.rng.choice(('SIGKILL', 'SIGSTOP'))
    k, pid = sandbox.rng.randrange(SIZE), None
    while launch.running() and (time.monotonic() < moment or not pid):
        time.sleep(INTERVAL)
        pid = launch.worker(k) if victim == 'worker' else launch.processes[k].pid
    if not launch.running():
        return  # the run finished before the fault
    is_starting = not launch.done().out and (fault != 'SIGKILL' or victim == 'launcher')
    allowed = START + IMPORT if is_starting else PROMISED[fault]
    sandbox.note('%s of machine %d: %s after %.1f s, after epoch %d' % (
        victim, k, fault, time.monotonic() - launch.started, launch.epoch()))
    sandbox.kills += 1
    if fault == 'link down':
        network.machines[k].link(up=False)
    else:
        os.kill(pid, getattr(signal, fault))
    # A stopped launcher exits only after SIGCONT.
    stopped = pid if (victim, fault) == ('launcher', 'SIGSTOP') else None
    end, left = time.monotonic() + allowed + MARGIN, True
    while left and time.monotonic() < end:
        launch.running()  # reaps the launchers that have exited
        left = [pid for pid in network.processes() if pid != stopped]
        time.sleep(INTERVAL)
    if stopped:
        os.kill(stopped, signal.SIGCONT)
        launch.wait(START + IMPORT)
    network.machines[k].link(up=True)
    if left:
        raise Defect('%s, %s: processes still running after %d s' % (victim, fault, allowed),
                     launch.done(int(k == 0)))
    sandbox.note('all processes exited in time')
    for n in range(SIZE):
        if (victim, fault, n) != ('launcher', 'SIGKILL', k):
            judge(launch.done(n), k, n, complete=launch.epoch() == EPOCHS)


def judge(done, k, n, complete):
    """Raise Defect unless machine `n`'s launcher failed with an error that names machine `k`.

    The fault was injected into machine `k`. The error on machine `k` itself may name any machine,
    because machine `k` may not know that it is the faulty one. If `complete` is true, the last
    epoch had finished before the launcher exited, so the launcher may also have succeeded.
    """
    if complete and done.code == 0:
        return
    survived(done)
    if done.code != 1:
        raise Defect('exit code %d' % done.code, done)
    errors = re.findall(r'^error: .*', done.err, re.M)
    name = r'\bnode ?%s\b|\b10\.77\.0\.%s:' % (('%d' % k, '%d' % (k + 1)) if n != k else (
        r'\d', r'\d'))
    if len(errors) != 1 or not re.search(name, errors[0]):
        raise Defect('the error does not name the failed machine', done)
