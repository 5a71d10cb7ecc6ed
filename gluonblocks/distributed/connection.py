"""Messages between a launcher and its processes, or two launchers: one JSON object per line.

Both sides of a connection send a heartbeat every second, so that each notices when the other is
stopped, or the link between them cut.
"""
import json
import socket
import struct
import threading
import time

BEAT = 1.0  # seconds from one heartbeat to the next
SEND = 5.0  # seconds after which a send fails, if the other side takes no bytes
LONGEST = 2 ** 22  # bytes of a message


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
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(SEND))
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
        with self._socket.makefile('rb') as lines:
            while True:
                since, line = time.monotonic(), b''
                try:
                    line = lines.readline(LONGEST)
                    message = json.loads(line)
                    yield dict(message, kind='%s' % message['kind'])
                    self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                                            _timeval(self._silence))
                except (OSError, ValueError, TypeError, KeyError, RecursionError):
                    break
        if line:
            yield {'kind': 'closed', 'text': 'expected a message, found %.60r' % line}
        elif time.monotonic() - since > self._silence - 0.1:
            yield {'kind': 'silent', 'text': 'nothing was heard of it for %g s: its machine, or '
                                             'its link, is gone' % self._silence}
        else:
            yield {'kind': 'closed', 'text': 'its launcher has ended, or the link to it'}

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


def _timeval(seconds):
    return struct.pack('ll', int(seconds), int(seconds % 1 * 1e6))
