"""Several machines: the launcher of one that is not the first, which passes messages on."""
import selectors
import socket
import time

from ..training.interrupt import DeferredInterrupt, Interrupted
from .children import Children
from .launcher import TURN, WorkerError, start_processes
from .lines import Lines

RETRY = 0.5  # seconds from one try to reach the first machine to the next


class Relay:
    """The launcher of a machine of a `place` that is not the first, which decides for all.

    `local`, a dict, replaces entries of the job that the first machine sends, such as paths of this
    machine; `job` is the result, or None until it has come.
    """

    job = None

    def __init__(self, argv, place, asked, local, limits):
        self._argv, self._place, self._asked = argv, place, asked
        self._local, self._limits, self._step = local, limits, 0

    def run(self):
        """Run the processes of this machine; raise as `Hub.run` does."""
        with DeferredInterrupt() as interrupt:
            self._lines = self._reach(interrupt)
            self._heard, self._end, asked = time.monotonic(), None, False
            with Children(self._pass_on, self._pass_shown) as self._children:
                self._children.selector.register(self._lines, selectors.EVENT_READ, self._hear)
                while self._end is None:
                    self._children.turn(TURN)
                    self._lines.ping()
                    if interrupt.pending and not asked:
                        asked = self._lines.send('stop')
                    if time.monotonic() - self._heard > self._limits.vanish:
                        raise WorkerError('%s: nothing was heard of it for %g s: its machine, or '
                                          'its link, is gone' % (self._where(),
                                                                 self._limits.vanish))
            self._lines.close()
            if self._end['signum']:
                raise Interrupted(interrupt.pending or self._end['signum'], True,
                                  self._end['text'])
            if self._end['text']:
                raise WorkerError(self._end['text'])

    def _reach(self, interrupt):
        end, error = time.monotonic() + self._limits.start, None
        while time.monotonic() < end:
            if interrupt.pending:
                raise Interrupted(interrupt.pending, True, 'stopped before the first step')
            try:
                sock = socket.create_connection(
                    self._place.master, timeout=5,
                    source_address=self._place.interface and (self._place.interface, 0))
                break
            except OSError as failed:
                error = failed
                time.sleep(RETRY)
        else:
            raise WorkerError('the first machine, %s:%d, was not reached within %g s: %s'
                              % (*self._place.master, self._limits.start, error))
        lines = Lines(sock)
        lines.send('join', node=self._place.node_rank, host=socket.gethostname(),
                   address=sock.getsockname()[0], asked=self._asked)
        return lines

    def _hear(self):
        messages = self._lines.receive()
        if messages is None:
            raise WorkerError('%s: %s' % (self._where(), self._lines.error or
                                          'its launcher has ended, or the link to it'))
        self._heard = time.monotonic()
        for message in messages:
            if message['kind'] == 'start':
                self.job = dict(message['job'], **self._local)
                start_processes(self._children, message['names'], self._argv, self.job,
                                message['num_workers'])
            elif message['kind'] == 'to':
                self._children.send(message['name'], **message['message'])
            elif message['kind'] == 'end':
                self._end = message

    def _where(self):
        """Return in words the first machine, and the step that this one reached."""
        return 'the first machine, %s:%d, step %d' % (*self._place.master, self._step)

    def _pass_on(self, name, message):
        if message['kind'] == 'beat':
            self._step = max(self._step, message['mark'][1])
        self._lines.send('from', name=name, message=message)

    def _pass_shown(self, name, stream, text):
        self._lines.send('shown', name=name, stream=stream, text=text)
