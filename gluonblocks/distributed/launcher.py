"""Start and monitor the processes of a training run, and kill them if one of them fails.

Each machine has its own launcher. The launcher of the first machine, `Launcher`, controls the run;
every other machine has a `Relay`.
"""
import contextlib
import queue
import secrets
import signal
import socket
import sys
import time

from ..training.interrupt import DeferredInterrupt, Interrupted
from .heartbeat import Limits, Watch, WorkerError
from .processes import Processes
from .rendezvous import Rendezvous, differences_between
from .topology import Topology

POLL = 0.25  # seconds between two checks of all processes


def launch(argv, num_workers, limits=None):
    """Run a script in several workers on this machine, and wait until all of them have exited.

    `argv` lists the script and its arguments. The script must create a `ProcessGroup`, call its
    `join` method before the first step, and finally call `end`. The output of rank 0 is shown
    unchanged; lines printed by other ranks are prefixed with the rank. Raises ValueError if
    `num_workers` is below 1, and the same errors as `Launcher.run`.
    """
    if num_workers < 1:
        raise ValueError('expected at least one worker, got %d' % num_workers)

    def show(rank, stream, text):
        prefix = '%d: ' % rank if rank else ''
        print(prefix + text, file=getattr(sys, stream), flush=True)
    Launcher([sys.executable, *argv], num_workers, show=show, limits=limits).run()


class Launcher:
    """The launcher on the first or only machine.

    `argv` is the command that starts a worker, which must create a `Member`. The worker receives
    a 'job' message with its rank and `job`. It replies 'ready' with its listening `address` and
    with `facts`, which must be the same for all workers. It then receives 'go' with a shared
    `secret` and with `ring`, the addresses of all workers. Before it exits, it sends 'done',
    'stopped' or 'failed'; the last two include a reason, `text`. The launcher calls
    `show(rank, stream, text)` for each line that a process prints. `topology` is the `Topology` of
    this machine. The dict `options` must be the same on every machine.
    """

    def __init__(self, argv, num_workers, job=None, show=None, limits=None, topology=None,
                 options=None):
        self._job, self._limits, self._topology = job, limits or Limits(), topology or Topology()
        self._show, self._options = show or (lambda rank, stream, text: None), options or {}
        self._events = queue.Queue()
        self._processes = Processes(argv, self._events, self._limits.silence)
        self._ranks = range(num_workers)
        self._nodes = [r for r in range(self._topology.nodes) for _ in self._ranks_of(r)]
        self._ready, self._ended, self._running, self._watch = {}, {}, set(self._ranks), None
        self._connected = self._stopping = self._stop_requested = False

    def run(self):
        """Start all processes, and wait for them to exit.

        Raises WorkerError if a process fails or is lost. After Ctrl-C or SIGTERM, raises
        Interrupted once all workers have stopped after the same step. Before the first step, or
        after a second signal, raises Interrupted immediately. No process is left running.
        """
        end = {'text': 'the launcher of the first machine failed', 'signum': 0}
        self._others = Rendezvous(self._topology, self._options, self._events,
                                  self._limits.vanish)
        try:
            with DeferredInterrupt() as interrupt, self._processes:
                if self._topology.nodes > 1:
                    self._wait_for_machines(interrupt)
                self._start()
                while self._running:
                    self._poll(interrupt)
                first = self._ended[0]
                if first['kind'] == 'stopped':
                    raise Interrupted(interrupt.pending or signal.SIGINT, True, first['text'])
            end['text'] = ''
        except Interrupted as stop:
            end = {'text': str(stop), 'signum': stop.signum}
            raise
        except WorkerError as error:
            end['text'] = str(error)
            raise
        finally:
            self._others.close(**end)

    def _wait_for_machines(self, interrupt):
        """Wait for the other machines to join; raise WorkerError if this takes too long."""
        deadline = time.monotonic() + self._limits.start
        with self._others.listening():
            while self._others.missing():
                self._others.accept()
                self._poll(interrupt)
                if time.monotonic() > deadline:
                    # Debian resolves a machine's own host name to 127.0.1.1.
                    hint = (". Other machines cannot reach %s: set interface to this machine's "
                            'address on their network' % self._others.address
                            if self._others.address.startswith('127.') else '')
                    raise WorkerError(
                        'node %s did not connect within %g s: start the same command there, with '
                        'its own node_rank%s' % (', '.join(map(str, self._others.missing())),
                                                 self._limits.start, hint))

    def _start(self):
        """Start the processes of all machines."""
        hosts = {0: socket.gethostname(),
                 **{r: join['host'] for r, join in self._others.joins.items()}}
        self._watch = Watch(['%s:%d' % (hosts[r], rank) for rank, r in enumerate(self._nodes)],
                            self._limits)
        for r, connection in self._others.nodes.items():
            connection.send('start', ranks=self._ranks_of(r), job=self._job,
                            world_size=len(self._ranks))
        self._processes.start(self._ranks_of(0), job=self._job, world_size=len(self._ranks),
                              address=self._others.address)

    def _ranks_of(self, r):
        """Return a list of the ranks of the workers on machine `r`."""
        return list(shard(self._ranks, r, self._topology.nodes))

    def _poll(self, interrupt):
        """Handle all pending messages; raise WorkerError if a process is lost."""
        with contextlib.suppress(queue.Empty):
            for _ in range(max(1, self._events.qsize())):
                self._handle(*self._events.get(timeout=POLL))
        lost = self._watch and self._watch.verdict()
        if lost:
            raise WorkerError(lost)
        if (interrupt.pending or self._stop_requested) and not self._stopping:
            self._stopping = True
            if not self._connected:
                raise Interrupted(interrupt.pending or signal.SIGINT, True,
                                  'stopped before the first step')
            for rank in self._ranks:
                self._send(rank, 'stop')

    def _handle(self, source, message):
        """Handle a message from `source`.

        `source` is the rank of a local process, or the Connection to another machine's launcher.
        """
        if isinstance(source, int):
            self._handle_process(source, message)
        elif source not in self._others.nodes.values():
            self._others.admit(source, message)
        elif 'rank' in message:
            self._handle_process(message['rank'], message)
        elif message['kind'] == 'stop':
            self._stop_requested = True
        elif message['kind'] in ('silent', 'closed'):
            r, = (r for r, connection in self._others.nodes.items() if connection is source)
            location = self._others.joins[r]['host']
            if self._watch is not None:
                location = self._watch.describe(self._ranks_of(r)[0])
            raise WorkerError('%s (node %d): %s' % (location, r, message['text']))

    def _handle_process(self, rank, message):
        kind = message['kind']
        if kind == 'beat':
            self._watch.beat(rank, *message['mark'])
        elif kind == 'line':
            self._show(rank, message['stream'], message['text'])
        elif kind == 'ready':
            self._ready[rank] = message
            if len(self._ready) == len(self._ranks):
                self._connect_workers()
        elif kind in ('done', 'stopped'):
            self._ended[rank] = message
            self._watch.done(rank)
        elif kind == 'exit' and rank in self._ended:  # arrives after all output of the process
            self._running.discard(rank)
        elif kind in ('failed', 'exit'):
            raise WorkerError('%s: %s' % (self._watch.describe(rank), message['text']))
        elif kind == 'silent' and rank not in self._ended:
            raise WorkerError('%s: no heartbeat for %g s; the process may be suspended or hung'
                              % (self._watch.describe(rank), self._limits.silence))

    def _connect_workers(self):
        """Tell the workers to connect to each other.

        Raises WorkerError if the `facts` that they sent, such as options and versions, differ.
        """
        for rank in self._ranks:
            differences = differences_between(self._ready[0]['facts'], self._ready[rank]['facts'])
            if differences:
                raise WorkerError('%s cannot train with %s:\n  %s' % (
                    self._watch.locations[rank], self._watch.locations[0],
                    '\n  '.join(differences)))
        secret, ring = secrets.token_hex(), [self._ready[rank]['address'] for rank in self._ranks]
        for rank in self._ranks:
            self._send(rank, 'go', ring=ring, secret=secret)
        self._connected = True

    def _send(self, rank, kind, **content):
        """Send a message to the worker with this `rank`, which may run on any machine."""
        launcher = self._others.nodes.get(self._nodes[rank], self._processes)
        launcher.send(kind, rank=rank, **content)


def shard(things, rank, size):
    """Split `things` into `size` consecutive shards of almost equal length; return shard `rank`."""
    return things[rank * len(things) // size:(rank + 1) * len(things) // size]
