"""A process's side of its connection to the launcher: it sends heartbeats and receives messages."""
import ctypes
import os
import queue
import signal
import socket
import sys
import threading
import time

from .lines import Lines

VARIABLE = 'GLUONBLOCKS_MEMBER'  # the number of the socket's file, which a launcher passes on
BEAT = 1.0  # seconds from one beat to the next
SILENCE = 40.0  # seconds without a word of the launcher, after which a process ends
LOST = 72  # exit code of a process that lost its launcher


class Member:
    """This process, a scheduler, server or worker that a launcher started.

    A thread sends a heartbeat every second, with what `mark` noted last. If the launcher is gone,
    or silent for SILENCE seconds, the process ends at once, whatever it is doing.
    """

    def __init__(self, sock):
        self._lines, self._messages = Lines(sock), queue.Queue()
        self._mark, self._heard = ('starting', 0, 0), time.monotonic()
        self.stop_asked = False  # whether the launcher asked to stop between two steps
        _end_with_parent()
        for task in (self._listen, self._beat):
            threading.Thread(target=task, daemon=True).start()

    @classmethod
    def of_environment(cls):
        """Return the Member of this process; exit if no launcher set the environment variable."""
        try:
            return cls(socket.socket(fileno=int(os.environ.pop(VARIABLE, ''))))
        except (OSError, ValueError):
            sys.exit('error: this is started by the launcher alone, as `workers` asks')

    def mark(self, phase, step):
        """Note the phase and the step of this process; each call counts as progress."""
        self._mark = phase, step, self._mark[2] + 1

    def tell(self, kind, **content):
        """Send a message to the launcher."""
        self._lines.send(kind, **content)

    def wait_for(self, kind):
        """Return the launcher's next message of this kind, a dict; drop those before it."""
        while True:
            message = self._messages.get()
            if message['kind'] == kind:
                return message

    def _listen(self):
        while True:
            messages = self._lines.receive()
            if messages is None:
                os._exit(LOST)
            self._heard = time.monotonic()
            for message in messages:
                if message['kind'] == 'stop':
                    self.stop_asked = True
                elif message['kind'] != 'ping':
                    self._messages.put(message)

    def _beat(self):
        while self._lines.send('beat', mark=self._mark):
            before = time.monotonic()
            time.sleep(BEAT)
            now = time.monotonic()
            # A process that was stopped itself has not heard because it did not listen.
            if now - before < 2 * BEAT and now - self._heard > SILENCE:
                break
        os._exit(LOST)


def _end_with_parent():
    """Have Linux end this process when the launcher's thread that started it ends."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    except AttributeError:  # another system; the line's end is noticed there too
        pass
