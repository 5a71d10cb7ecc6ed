"""The launcher of every machine except the first: it forwards messages."""
import contextlib
import queue
import socket
import time

from ..training.interrupt import DeferredInterrupt, Interrupted
from .connection import Connection
from .heartbeat import WorkerError
from .launcher import TURN
from .processes import Processes

RETRY = 0.5  # seconds between attempts to reach the first machine


class Relay:
    """The launcher of a machine that is not the first of a `place`; the first decides for all.

    `options`, a dict, must be the same on every machine. `local`, a dict, replaces entries of the
    job that the first machine sends, such as paths on this machine; `job` is the result, or None
    before the job arrives.
    """

    job = None

    def __init__(self, argv, place, options, local, limits):
        self._place, self._options, self._local, self._limits = place, options, local, limits
        self._events, self._step, self._end = queue.Queue(), 0, None
        self._processes = Processes(argv, self._events, limits.silence)

    def run(self):
        """Run the processes of this machine; raise the errors of `Launcher.run`."""
        with DeferredInterrupt() as interrupt:
            with contextlib.closing(self._reach(interrupt)) as self._first, self._processes:
                stop_sent = False
                self._first.read_into(self._events, self._first)
                while self._end is None:
                    self._turn()
                    if interrupt.pending and not stop_sent:
                        stop_sent = self._first.send('stop')
            if self._end['signum']:
                raise Interrupted(interrupt.pending or self._end['signum'], True,
                                  self._end['text'])
            if self._end['text']:
                raise WorkerError(self._end['text'])

    def _reach(self, interrupt):
        """Connect to the first machine, send it a join message, and return the Connection."""
        end, error = time.monotonic() + self._limits.start, None
        while time.monotonic() < end:
            if interrupt.pending:
                raise Interrupted(interrupt.pending, True, 'stopped before the first step')
            try:
                sock = socket.create_connection(
                    self._place.master, timeout=5,
                    source_address=self._place.interface and (self._place.interface, 0))
            except OSError as failed:
                error = failed
                time.sleep(RETRY)
                continue
            self._address = sock.getsockname()[0]
            first = Connection(sock, self._limits.vanish)
            first.send('join', node=self._place.node_rank, host=socket.gethostname(),
                       options=self._options)
            return first
        raise WorkerError('could not connect to the first machine, %s:%d, within %g s: %s'
                          % (*self._place.master, self._limits.start, error))

    def _turn(self):
        """Forward a message, if there is one; raise WorkerError if the first machine is lost."""
        try:
            source, message = self._events.get(timeout=TURN)
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
                *self._place.master, self._step, message['text']))
        elif 'rank' in message:  # for a process
            self._processes.send(**message)
