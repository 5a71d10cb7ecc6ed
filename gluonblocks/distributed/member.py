"""A process's side of its connection to the launcher."""
import os
import queue
import socket
import sys
import threading

from .connection import Connection

VARIABLE = 'GLUONBLOCKS_MEMBER'  # the file descriptor of the socket, which a launcher passes on
SILENCE = 40.0  # seconds after which a process ends that has not heard from its launcher
LOST = 72  # exit code of a process that lost its launcher


class Member(Connection):
    """This process, a scheduler, server or worker that a launcher started.

    Its heartbeats tell the launcher what `set_mark` noted last; `step` is the step under way. If
    the launcher is gone, or silent for SILENCE seconds, the process ends at once.
    """

    def __init__(self, sock):
        super().__init__(sock, SILENCE)
        self._messages = queue.Queue()
        self.stop_asked = False  # True once the launcher asks for a stop between two steps
        threading.Thread(target=self._listen, daemon=True).start()

    @classmethod
    def of_environment(cls):
        """Return the Member of this process; exit if no launcher set the environment variable."""
        try:
            return cls(socket.socket(fileno=int(os.environ.pop(VARIABLE, ''))))
        except (OSError, ValueError):
            sys.exit('error: only a launcher can start this process, as `launch` does')

    @property
    def step(self):
        return self.mark[1]

    def set_mark(self, phase, step=None):
        """Note the phase, and the step unless it is the same; each call counts as progress."""
        self.mark = phase, self.step if step is None else step, self.mark[2] + 1

    def wait_for(self, kind):
        """Return the launcher's next message of this kind, a dict; drop those before it."""
        while True:
            message = self._messages.get()
            if message['kind'] == kind:
                return message

    def _listen(self):
        for message in self.messages():
            if message['kind'] in ('silent', 'closed'):
                os._exit(LOST)
            elif message['kind'] == 'stop':
                self.stop_asked = True
            elif message['kind'] != 'beat':
                self._messages.put(message)
