"""Relay messages between the first machine and the worker processes of another machine."""
import contextlib
import queue
import socket
import time

from ..training.interrupt import DeferredInterrupt, Interrupted
from .connection import Connection
from .heartbeat import WorkerError
from .launcher import POLL
from .processes import Processes

RETRY = 0.5  # seconds between attempts to connect to the first machine


class Relay:
    """The launcher of a machine other than the first; the first machine controls the run.

    `topology` is the `Topology` of this machine. The dict `options` must be the same on every
    machine. `job` is None until the first machine sends it, as a dict. The dict `local` overrides
    the entries of `job` that differ between machines, such as paths.
    """

    job = None

    def __init__(self, argv, topology, options, local, limits):
        self._topology, self._options, self._local, self._limits = topology, options, local, limits
        self._events, self._step, self._end = queue.Queue(), 0, None
        self._processes = Processes(argv, self._events, limits.silence)

    def run(self):
        """Run this machine's processes to completion. Raises the same errors as `Launcher.run`."""
        with DeferredInterrupt() as interrupt:
            with contextlib.closing(self._connect(interrupt)) as self._first, self._processes:
                stop_sent = False
                self._first.read_into(self._events, self._first)
                while self._end is None:
                    self._poll()
                    if interrupt.pending and not stop_sent:
                        stop_sent = self._first.send('stop')
            if self._end['signum']:
                raise Interrupted(interrupt.pending or self._end['signum'], True,
                                  self._end['text'])
            if self._end['text']:
                raise WorkerError(self._end['text'])

    def _connect(self, interrupt):
        """Connect to the first machine, send a join message, and return the Connection."""
        end, error = time.monotonic() + self._limits.start, None
        while time.monotonic() < end:
            if interrupt.pending:
                raise Interrupted(interrupt.pending, True, 'stopped before the first step')
            try:
                sock = socket.create_connection(
                    self._topology.master, timeout=5,
                    source_address=self._topology.interface and (self._topology.interface, 0))
            except OSError as failed:
                error = failed
                time.sleep(RETRY)
                continue
            self._address = sock.getsockname()[0]
            first = Connection(sock, self._limits.vanish)
            first.send('join', node=self._topology.node_rank, host=socket.gethostname(),
                       options=self._options)
            return first
        raise WorkerError('could not connect to the first machine, %s:%d, within %g s: %s. Check '
                          'that the same command is running there, and that the option master is '
                          'the address of that machine'
                          % (*self._topology.master, self._limits.start,
                             getattr(error, 'strerror', None) or error))

    def _poll(self):
        """Handle the next message, if any; raise WorkerError if the first machine is lost."""
        try:
            source, message = self._events.get(timeout=POLL)
        except queue.Empty:
            return
        if source is not self._first:
            if message['kind'] == 'beat':
                self._step = max(self._step, message['mark'][1])
            self._first.send(rank=source, **message)
        elif message['kind'] == 'start':
            self.job = dict(message['job'], **self._local)
            self._processes.start(message['ranks'], job=self.job, address=self._address,
                                  world_size=message['world_size'])
        elif message['kind'] == 'end':
            self._end = message
        elif message['kind'] in ('silent', 'closed'):
            raise WorkerError('the first machine, %s:%d, step %d: %s' % (
                *self._topology.master, self._step, message['text']))
        elif 'rank' in message:  # a message for a local process
            self._processes.send(**message)
