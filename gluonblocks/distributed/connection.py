"""Send messages between launchers and processes: one JSON object per line.

Both sides of a connection send a heartbeat every second, so that each side notices if the other
one stops or the link breaks.
"""
import json
import os
import queue
import socket
import sys
import threading
import time

BEAT = 1.0  # seconds between two heartbeats
VARIABLE = 'GLUONBLOCKS_MEMBER'  # environment variable: descriptor of the socket to the launcher
SILENCE = 40.0  # a process exits if its launcher sends nothing for this many seconds
LOST = 72  # exit code of a process that has lost its launcher


class Connection:
    """A connected socket that sends and receives messages; a message is a dict with a `kind`.

    Any thread may call `send`. Each heartbeat contains `mark`: the phase, the step, and a counter
    that increases when progress is recorded. After the first message has arrived, the connection
    counts as lost if nothing more arrives for `silence` seconds.
    """

    def __init__(self, sock, silence):
        self._socket, self._silence, self._lock = sock, silence, threading.Lock()
        self.mark = ('starting', 0, 0)
        sock.setblocking(True)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._beat, daemon=True).start()

    def send(self, kind, **content):
        """Send a message; return False if the other side cannot receive it."""
        line = json.dumps(dict(content, kind=kind)).encode() + b'\n'
        try:
            with self._lock:
                self._socket.sendall(line)
            return True
        except OSError:
            return False

    def messages(self):
        """Yield incoming messages until the connection fails.

        The last message gives the reason in its `text`. Its kind is 'silent' if the heartbeats
        stopped, and 'closed' if the connection was closed or an invalid line arrived.
        """
        kind, text = 'closed', 'its launcher has exited, or the link to it is broken'
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
                kind, text = 'silent', ('no heartbeat for %g s: the machine, or the link to it, '
                                        'is down' % self._silence)
            except OSError:  # the other side has closed the connection
                pass
        yield {'kind': kind, 'text': text}

    def read_into(self, events, source):
        """Start and return a thread that puts (source, message) into `events` for each message."""
        def read():
            for message in self.messages():
                events.put((source, message))
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def close(self):
        """Close the connection; its threads then exit."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # the other side has closed the connection
            pass
        self._socket.close()

    def _beat(self):
        while self.send('beat', mark=self.mark):
            time.sleep(BEAT)


class Member(Connection):
    """A worker's connection to the launcher that started it.

    Heartbeats report the phase and the step set with `set_mark`. If the launcher closes the
    connection or is silent for SILENCE seconds, this process exits immediately.
    """

    def __init__(self, sock):
        super().__init__(sock, SILENCE)
        self._messages = queue.Queue()
        self.stop_requested = False  # set when the launcher requests a stop between two steps
        threading.Thread(target=self._listen, daemon=True).start()

    @classmethod
    def of_environment(cls):
        """Return the Member for this process; exit if it was not started by a launcher."""
        try:
            return cls(socket.socket(fileno=int(os.environ.pop(VARIABLE, ''))))
        except (OSError, ValueError):
            sys.exit('error: this process must be started by a launcher, such as `launch`')

    @property
    def step(self):
        return self.mark[1]

    def set_mark(self, phase, step=None):
        """Set the phase and optionally the step that heartbeats report, and record progress."""
        self.mark = phase, self.step if step is None else step, self.mark[2] + 1

    def wait_for(self, kind):
        """Wait for the launcher's next message of this `kind`, discarding others; return it."""
        while True:
            message = self._messages.get()
            if message['kind'] == kind:
                return message

    def _listen(self):
        for message in self.messages():
            if message['kind'] in ('silent', 'closed'):
                os._exit(LOST)
            elif message['kind'] == 'stop':
                self.stop_requested = True
            elif message['kind'] != 'beat':
                self._messages.put(message)


def _message_in(line):
    """Parse a line; return the message, or None if the line is not a valid message."""
    try:
        message = json.loads(line)
        return message if isinstance(message['kind'], str) else None
    except (ValueError, TypeError, KeyError):
        return None
