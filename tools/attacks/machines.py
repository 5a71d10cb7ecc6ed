"""A run on three machines is hit at random moments, resumed, and ends as one left alone."""
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

SIZE = 3  # machines, with a worker each
EPOCHS, HITS = 5, 4  # of a case
TURN = 0.1  # seconds between two looks at what runs
START = 120  # seconds that all machines may take to start: many processes import MXNet
IMPORT = 15  # seconds before these count, in which a launcher imports MXNet
SECONDS = 600  # limit of a launch that nothing hits
RUN = ['--model', 'lenet_bn', '--dataset', 'synthetic', '--ctx', 'cpu', '--seed', '0',
       '--batch-size', '64', '--epochs', str(EPOCHS), '--checkpoint-every', '3', '--workers',
       str(SIZE)]
HOW = ['--no-report', '--start-timeout', str(START)]

# Seconds after which everything has to have ended, and those that a busy machine may add.
PROMISED, MARGIN = {'SIGKILL': 5, 'SIGSTOP': 60, 'link down': 30}, 5

FIXED: Dict[str, Any] = {}
_starting = multiprocessing.Lock()  # one launch at a time: it is starting that takes the cores


class Launch:
    """A launcher of `gluonblocks train` on each of `machines`, and the processes that it starts.

    Each works in a folder of its own within `folder`, named like the machine; out.txt and err.txt
    there get what it prints.
    """

    def __init__(self, machines, folder, arguments):
        self.machines, self.folder, self.processes = machines, folder, []
        self.argv, self.started = ['train', *arguments, *HOW], time.monotonic()
        for k, machine in enumerate(machines):
            os.makedirs(self.path(k), exist_ok=True)
            with open(self.path(k, 'out.txt'), 'wb') as out, open(
                    self.path(k, 'err.txt'), 'wb') as err:
                self.processes.append(machine.popen(
                    [sys.executable, '-m', 'gluonblocks', *self.argv,
                     *node_options(machines, k)], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                    env=dict(os.environ, LD_PRELOAD=''), cwd=self.path(k)))

    def path(self, k, *names):
        """Return a path in the folder of a machine."""
        return os.path.join(self.folder, self.machines[k].name, *names)

    def done(self, k=0):
        """Return the `Done` of the launcher of a machine, with exit code -1 while it runs."""
        texts = []
        for name in ('out.txt', 'err.txt'):
            with open(self.path(k, name), errors='replace') as f:
                texts.append(f.read())
        code = self.processes[k].poll()
        return Done(Job(self.argv, self.path(k)), -1 if code is None else code, *texts)

    def epoch(self):
        """Return the last epoch whose line was printed, 0 before the first."""
        return max(map(int, re.findall(r'^epoch (\d+),.*\n', self.done().out, re.M)), default=0)

    def running(self):
        """Return the launchers that have not ended."""
        return [process for process in self.processes if process.poll() is None]

    def wait(self, seconds):
        """Wait for the end of all launchers; return False if it takes longer than `seconds`."""
        end = time.monotonic() + seconds
        while self.running() and time.monotonic() < end:
            time.sleep(TURN)
        return not self.running()

    def worker(self, k):
        """Return the pid of the newest worker that the launcher of a machine started, or None."""
        children = '/proc/%d/task/%d/children' % (2 * (self.processes[k].pid,))
        try:
            with open(children) as f:
                return max(map(int, f.read().split()), default=None)
        except OSError:  # it has ended
            return None


def draw(room):
    """Hit a run HITS times, each time at a random moment; EQUAL, or Defect."""
    with Network(SIZE) as network:
        return _trial(room, network)


def _trial(room, network):
    folder, lines, seconds = room.fixtures.once('machines', lambda: _alone(room, network))
    run, printed = room.path(network.machines[0].name, 'run'), []
    for hits_left in reversed(range(HITS + 1)):
        begun = os.path.exists(os.path.join(run, 'config.json'))
        with _starting:
            launch = Launch(network.machines, room.folder, (
                ['--resume', 'run'] if begun else ['--out', 'run', *RUN]))
            moment = launch.started + (room.rng.uniform(0, seconds) if hits_left else SECONDS)
            while launch.running() and not launch.done().out and time.monotonic() < moment:
                time.sleep(TURN)
        if hits_left:
            _hit(room, network, launch, moment)
        elif not launch.wait(SECONDS):
            raise Defect('no end after %d s' % SECONDS, launch.done())
        printed += output(launch.done())
        if launch.processes[0].returncode == 0:
            break
    else:
        raise Defect('it cannot be resumed', launch.done())
    # A launcher that is killed may lose a line; the history has it.
    if list(dict.fromkeys(printed)) != [line for line in lines if line in printed]:
        raise Defect('other lines were printed', launch.done())
    compare(run, folder, lines, lines, launch.done())
    return EQUAL


def _alone(room, network):
    """Return (folder, printed lines, seconds) of a run that nothing hit, all on one machine."""
    launch = Launch(network.machines[:1], room.fixtures.path('machines'), ['--out', 'run', *RUN])
    if not launch.wait(SECONDS) or launch.processes[0].returncode:
        raise Defect('the run that nothing hit failed', launch.done())
    return launch.path(0, 'run'), output(launch.done()), time.monotonic() - launch.started


def _hit(room, network, launch, moment):
    """Wait for the moment, hit a random victim, and judge the end of all launchers."""
    victim = room.rng.choice(('worker', 'launcher', 'machine'))
    fault = 'link down' if victim == 'machine' else room.rng.choice(('SIGKILL', 'SIGSTOP'))
    k, pid = room.rng.randrange(SIZE), None
    while launch.running() and (time.monotonic() < moment or not pid):
        time.sleep(TURN)
        pid = launch.worker(k) if victim == 'worker' else launch.processes[k].pid
    if not launch.running():
        return  # it was too late
    starting = not launch.done().out and (fault != 'SIGKILL' or victim == 'launcher')
    allowed = START + IMPORT if starting else PROMISED[fault]
    room.note('%s of machine %d: %s after %.1f s, after epoch %d' % (
        victim, k, fault, time.monotonic() - launch.started, launch.epoch()))
    room.kills += 1
    if fault == 'link down':
        network.machines[k].link(up=False)
    else:
        os.kill(pid, getattr(signal, fault))
    stopped = pid if (victim, fault) == ('launcher', 'SIGSTOP') else None  # until it goes on
    end, left = time.monotonic() + allowed + MARGIN, True
    while left and time.monotonic() < end:
        launch.running()  # reaps those that ended
        left = [pid for pid in network.processes() if pid != stopped]
        time.sleep(TURN)
    if stopped:
        os.kill(stopped, signal.SIGCONT)
        launch.wait(START + IMPORT)
    network.machines[k].link(up=True)
    if left:
        raise Defect('%s, %s: not everything ended within %d s' % (victim, fault, allowed),
                     launch.done(int(k == 0)))
    room.note('everything ended in time')
    for n in range(SIZE):
        if (victim, fault, n) != ('launcher', 'SIGKILL', k):
            judge(launch.done(n), k, n, complete=launch.epoch() == EPOCHS)


def judge(done, k, n, complete):
    """Raise Defect unless the launcher of machine `n` failed with a line that names machine `k`.

    The machine that was hit itself sees that others are gone. After the last epoch, `complete`,
    everything may have ended well.
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
        raise Defect('the error names another machine', done)
