"""Scheduler, servers and workers of one training run: started, watched and ended together."""
import contextlib
import os
import signal
import socket
import sys

from .. import _runtime
from .._runtime import physical_cores
from ..training.interrupt import DeferredInterrupt, Interrupted
from .children import Children, ending
from .cluster import Cluster, server_environment
from .place import LOOPBACK
from .watch import Limits, Watch

TURN = 0.25  # seconds from one look at all to the next


class WorkerError(ChildProcessError):
    """A process failed or was lost, and all were ended; the message says which one and why."""


def python_argv(module, *arguments):
    """Return the command that runs `main(*arguments)` of `module` with this `sys.path`."""
    # It ends with its launcher from the first moment on, not only once it is a `Member`: until then
    # it imports for seconds. Other systems than Linux have no prctl, and `max` does nothing.
    return [sys.executable, '-c',
            'import ctypes; getattr(ctypes.CDLL(None), "prctl", max)(1, 9)  # PR_SET_PDEATHSIG\n'
            'import sys; sys.path[:] = %r; from %s import main; main(%s)' % (
                sys.path, module, ', '.join(map(repr, arguments)))]


def launch(argv, num_workers, num_servers=1, limits=None):
    """Run a script in several workers of this machine, and wait until all have ended.

    `argv` is the script and its arguments, as in `python ARGV`. The script creates `Workers()`,
    calls `join` before its first step, and `end` last. Lines that rank 0 prints are shown as they
    are; those of other ranks start with the rank, those of servers and the scheduler with the
    name. Raises ValueError without a worker or a server, and whatever `Hub.run` raises.
    """
    if num_workers < 1 or num_servers < 1:
        raise ValueError('expected at least one worker and one server, found %d and %d'
                         % (num_workers, num_servers))

    def show(name, stream, text):
        prefix = '' if name == 'worker 0' else name.replace('worker ', '') + ': '
        print(prefix + text, file=getattr(sys, stream), flush=True)
    Hub([sys.executable, *argv], num_workers, num_servers, None, show, limits).run()


class Hub:
    """The launcher of all processes of one training run.

    `argv` is the command of a worker, which is a `Member`. It receives 'job' with the `job` and its
    `rank`, sends 'ready' with the `facts` that must be the same everywhere, receives 'go' with the
    `Cluster`, and joins it. At its end it sends 'done', or 'stopped' or 'failed' with a `text`.
    `show(name, stream, text)` is called with each line that a process prints.
    """

    def __init__(self, argv, num_workers, num_servers=1, job=None, show=None, limits=None):
        self._argv, self._job, self._limits = argv, job, limits or Limits()
        self._show = show or (lambda name, stream, text: None)
        self._workers = ['worker %d' % k for k in range(num_workers)]
        self._others = ['scheduler'] + ['server %d' % k for k in range(num_servers)]
        self._names = self._others + self._workers
        self._facts, self._ended, self._root, self._watch = {}, {}, None, None
        self._going = self._stopping = self._stop_asked = False

    def run(self):
        """Start all processes and wait for their end.

        Raises WorkerError if one fails or is lost. Raises Interrupted after Ctrl-C or SIGTERM, once
        all workers have stopped after the same step, or at once before the first step and after a
        second signal. All processes have ended when it returns or raises.
        """
        with contextlib.ExitStack() as ending_all:
            interrupt = ending_all.enter_context(DeferredInterrupt())
            self._children = ending_all.enter_context(Children(self._receive, self._show))
            self._start(interrupt)
            while len(self._ended) < len(self._workers):
                self._children.turn(TURN)
                self._after_turn(interrupt)
            first = self._ended[self._workers[0]]
            if first['kind'] == 'stopped':
                raise Interrupted(interrupt.pending or signal.SIGINT, True, first['text'])

    def _start(self, interrupt):
        host = socket.gethostname()
        self._begin_watch({name: host for name in self._names})
        start_processes(self._children, self._names, self._argv, self._job, len(self._workers))

    def _begin_watch(self, hosts):
        """Watch the processes, which run on `hosts`, a dict by name."""
        self._watch = Watch({name: '%s:%s' % (host, name.replace('worker ', ''))
                             for name, host in hosts.items()}, self._limits)

    def _after_turn(self, interrupt):
        lost = self._watch.verdict()
        if lost:
            raise WorkerError(lost)
        if (interrupt.pending or self._stop_asked) and not self._stopping:
            self._stopping = True
            if not self._going:
                raise Interrupted(interrupt.pending or signal.SIGINT, True,
                                  'stopped before the first step')
            for name in self._workers:
                self._post(name, 'stop')

    def _post(self, name, kind, **content):
        if name not in self._ended:
            self._children.send(name, kind, **content)

    def _receive(self, name, message):
        kind = message['kind']
        if kind == 'beat':
            self._watch.beat(name, *message['mark'])
        elif kind == 'ready':
            self._facts[name] = message['facts']
            if len(self._facts) == len(self._names):
                self._go()
        elif kind == 'failed':
            raise WorkerError('%s: %s' % (self._watch.place(name), message['text']))
        elif kind in ('done', 'stopped'):
            self._ended[name] = message
            self._watch.done(name)
        elif kind == 'exit' and name not in self._ended:
            said = '\n'.join(message['said'])
            raise WorkerError('%s: %s%s' % (self._watch.place(name), ending(message['code']),
                                            ':\n' + said if said else ''))

    def _go(self):
        """Let all join each other, if what they found is the same."""
        first = self._facts[self._workers[0]]
        for name in self._workers:
            differ = [key for key in sorted(first) if self._facts[name].get(key) != first[key]]
            if differ:
                raise WorkerError('%s differs from %s, so they cannot train together:\n  %s' % (
                    self._watch.place(name, False), self._watch.place(self._workers[0], False),
                    '\n  '.join('%s: %s there, %s here' % (key, first[key],
                                                           self._facts[name].get(key))
                                for key in differ)))
        for name in self._names:
            self._post(name, 'go', cluster=self._cluster(name))
        self._going = True

    def _cluster(self, name):
        """The `Cluster` as the process `name` is to know it."""
        self._root = self._root or free_port(LOOPBACK)
        return Cluster(LOOPBACK, self._root, len(self._workers), len(self._others) - 1, LOOPBACK)


def start_processes(children, names, argv, job, num_workers):
    """Start the processes of one machine, by their names, and send the workers their job."""
    workers = [name for name in names if name.startswith('worker')]
    env = process_environment(len(workers))
    for name in names:
        if name in workers:
            children.start(name, argv, env)
            children.send(name, 'job', job=job, rank=int(name.split()[1]), num_workers=num_workers,
                          number=workers.index(name))
        else:
            children.start(name, python_argv('gluonblocks.distributed.roles', name.split()[0]),
                           dict(env, **server_environment()))


def process_environment(num_workers):
    """Return the environment of a process on a machine whose cores `num_workers` workers share."""
    env = dict(os.environ)
    if any(text.startswith('OMP_NUM_THREADS=') for text in _runtime.mended):  # nobody chose
        env['OMP_NUM_THREADS'] = str(max(1, physical_cores() // num_workers))
    return env


def free_port(address):
    """Return a port of `address` that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind((address, 0))
        return sock.getsockname()[1]
