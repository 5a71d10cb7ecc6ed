"""Messages between a launcher and its processes, or two launchers: one JSON object per line.

Both sides of a connection send a heartbeat every second, so that each notices when the other is
stopped, or the link between them cut.
"""
import json
import os
import queue
import socket
import sys
import threading
import time

BEAT = 1.0  # seconds from one heartbeat to the next
VARIABLE = 'GLUONBLOCKS_MEMBER'  # the file descriptor of the socket, which a launcher passes on
SILENCE = 40.0  # a process ends after so many seconds without a message from its launcher
LOST = 72  # exit code of a process that lost its launcher


class Connection:
    """Sends and receives messages, dicts with a `kind`, over a connected socket.

    Any thread may call `send`. `mark`, of which each heartbeat informs the other side, is the
    phase, the step, and a count that rises with each sign of progress. Once the other side has sent
    anything, it counts as lost after `silence` seconds without a message.
    """

    def __init__(self, sock, silence):
        self._socket, self._silence, self._lock = sock, silence, threading.Lock()
        self.mark = ('starting', 0, 0)
        sock.setblocking(True)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._beat, daemon=True).start()

    def send(self, kind, **content):
        """Send a message; return False if the other side is gone or takes no bytes."""
        line = json.dumps(dict(content, kind=kind)).encode() + b'\n'
        try:
            with self._lock:
                self._socket.sendall(line)
            return True
        except OSError:
            return False

    def messages(self):
        """Yield the messages that come, the last of which is 'silent' or 'closed', with a `text`.

        The other side is 'closed' once it is gone, or has sent a line that is not a message.
        """
        kind, text = 'closed', 'its launcher has ended, or the link to it'
        with self._socket.makefile('rb') as lines:
            try:
                for line in lines:
                    message = _message_in(line)
                    if message is None:
                        text = 'expected a message, found %.60r' % line
                        break
                    yield message
                    self._socket.settimeout(self._silence)
            except socket.timeout:
                kind, text = 'silent', ('nothing was heard of it for %g s: its machine, or its '
                                        'link, is gone' % self._silence)
            except OSError:  # it is gone
                pass
        yield {'kind': kind, 'text': text}

    def read_into(self, events, source):
        """Start and return a thread that puts (source, message) into the queue `events`."""
        def read():
            for message in self.messages():
                events.put((source, message))
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def close(self):
        """Close the connection, which ends the threads that use it."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # the other side is gone
            pass
        self._socket.close()

    def _beat(self):
        while self.send('beat', mark=self.mark):
            time.sleep(BEAT)


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


def _message_in(line):
    """Return the message in a line, or None."""
    try:
        message = json.loads(line)
        return message if isinstance(message['kind'], str) else None
    except (ValueError, TypeError, KeyError):
        return None
