"""A process's own side of its line to the launcher: it beats, listens, and ends when left alone."""
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
    """This process, as one that a launcher started: scheduler, server or worker.

    While it lives, a thread tells the launcher every second what `mark` noted last. Once the
    launcher is gone, or silent, the process ends, whatever it does then.
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
        """Note what this process does and after which step; each call is a sign of life."""
        self._mark = phase, step, self._mark[2] + 1

    def tell(self, kind, **content):
        """Send a message to the launcher."""
        self._lines.send(kind, **content)

    def wait_for(self, kind):
        """The next message of this kind from the launcher, a dict."""
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
