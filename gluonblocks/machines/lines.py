"""Messages between a launcher and its processes, or two launchers: JSON, a line each."""
import json
import select
import socket
import threading
import time

LONGEST = 2 ** 22  # bytes of a line
PING = 1.0  # seconds from one sign of life to the next


class Lines:
    """Sends and receives dicts over a connected socket. `send` may be called by any thread."""

    def __init__(self, sock):
        self._socket, self._lock, self._rest = sock, threading.Lock(), b''
        self._pinged = 0.0
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self):
        return self._socket.fileno()

    def send(self, kind, **content):
        """Send a message; whether it could be sent: not where the other side is gone."""
        line = json.dumps(dict(content, kind=kind)).encode() + b'\n'
        try:
            with self._lock:
                self._socket.sendall(line)
            return True
        except OSError:
            return False

    def ping(self):
        """Tell the other side that this one is there, once a second however often it is called.

        Each ping wakes who gets it: if that one answered at once, both would do nothing else. And
        a process that is stopped reads none: what finds no room is left out, and holds up nobody.
        """
        if time.monotonic() < self._pinged + PING or self.fileno() < 0:  # which is a closed one's
            return
        room = select.poll()
        room.register(self._socket, select.POLLOUT)
        if room.poll(0):
            self.send('ping')
            self._pinged = time.monotonic()

    def receive(self):
        """The messages that have come, a list, after waiting for something; None once the other
        side is gone, and for what is no message, as from somebody else."""
        try:
            content = self._socket.recv(2 ** 16)
        except OSError:
            content = b''
        *lines, self._rest = (self._rest + content).split(b'\n')
        if not content or len(self._rest) > LONGEST:
            return None
        try:
            messages = [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            return None
        if not all(isinstance(m, dict) and isinstance(m.get('kind'), str) for m in messages):
            return None
        return messages

    def close(self):
        self._socket.close()
