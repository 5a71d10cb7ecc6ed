"""Messages between a launcher and its processes, or two launchers: JSON, a line each."""
import json
import socket
import threading

LONGEST = 2 ** 22  # bytes of a line


class Lines:
    """Sends and receives dicts over a connected socket. `send` may be called by any thread."""

    def __init__(self, sock):
        self._socket, self._lock, self._rest = sock, threading.Lock(), b''
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
