"""Messages between a launcher and its processes, or two launchers: one JSON object per line."""
import json
import re
import select
import socket
import threading
import time

LONGEST = 2 ** 22  # bytes of a line
DEEPEST = 50  # levels of arrays and objects
PING = 1.0  # seconds from one ping to the next

NAME = re.compile('scheduler|(?:server|worker) [0-9]{1,4}')
HOST = re.compile('[!-~]{1,255}')

# The kinds of messages with their fields. A field is of a type, a text that matches a pattern, a
# list (of one form each, or of any number of one form), or a message of another table.
TO_PROCESS = {
    'ping': {}, 'stop': {}, 'go': {'cluster': (str, int, int, int, str)},
    'job': {'job': object, 'rank': int, 'num_workers': int, 'number': int}}
FROM_PROCESS = {
    'beat': {'mark': (str, int, int)}, 'ready': {'facts': dict}, 'done': {},
    'stopped': {'text': str}, 'failed': {'text': str}, 'exit': {'code': int, 'said': [str]}}
MESSAGES = {
    **TO_PROCESS, **FROM_PROCESS,
    'join': {'node': int, 'host': HOST, 'address': HOST, 'asked': dict},
    'start': {'job': dict, 'num_workers': int, 'names': [NAME]},
    'to': {'name': NAME, 'message': TO_PROCESS},
    'from': {'name': NAME, 'message': FROM_PROCESS},
    'shown': {'name': NAME, 'stream': re.compile('stdout|stderr'), 'text': str},
    'end': {'text': str, 'signum': int}}


class Lines:
    """Sends and receives dicts over a connected socket. `send` may be called by any thread.

    A line has at most `longest` bytes. `error` says why the last `receive` returned None, or is
    None itself if the other side is gone.
    """

    def __init__(self, sock, longest=LONGEST):
        self._socket, self._lock, self._rest = sock, threading.Lock(), b''
        self._pinged, self.longest, self.error = 0.0, longest, None
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self):
        """Return the socket's file descriptor, for a selector."""
        return self._socket.fileno()

    def send(self, kind, **content):
        """Send a message; return False if the other side is gone or takes no bytes."""
        line = json.dumps(dict(content, kind=kind)).encode() + b'\n'
        try:
            with self._lock:
                self._socket.sendall(line)
            return True
        except OSError:
            return False

    def ping(self):
        """Show the other side that this one lives, at most once a second.

        Each ping wakes its reader: if that one answered at once, both would do nothing else. A
        process that is stopped reads nothing, so a ping that finds no room is left out.
        """
        if time.monotonic() < self._pinged + PING or self.fileno() < 0:  # -1: closed
            return
        room = select.poll()
        room.register(self._socket, select.POLLOUT)
        if room.poll(0):
            self.send('ping')
            self._pinged = time.monotonic()

    def receive(self):
        """Wait for bytes and return the list of messages that are complete now.

        The start of a message is kept until its end arrives. Return None if the other side is gone
        or sends bytes that are not a message.
        """
        try:
            content = self._socket.recv(2 ** 16)
        except OSError:
            content = b''
        if not content:
            return None
        *lines, self._rest = (self._rest + content).split(b'\n')
        messages = [_parse(line) for line in lines]
        if None in messages:
            self.error = 'expected a message, found %.60r' % lines[messages.index(None)]
        elif len(self._rest) > self.longest:
            self.error = 'expected a message of at most %d bytes' % self.longest
        return None if self.error else messages

    def close(self):
        """Close the socket."""
        self._socket.close()


def _parse(line):
    """Return the message on a line, or None if it is not one of MESSAGES."""
    try:
        message = json.loads(line)
        return message if _fits(message, MESSAGES) and _is_shallow(message) else None
    except (ValueError, RecursionError):
        return None


def _is_shallow(value, room=DEEPEST):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return room > 0 and all(_is_shallow(item, room - 1) for item in inner)


def _fits(value, form):
    """Return True if a JSON value has the form of a field or, if `form` is a dict, of a message."""
    if isinstance(form, dict):
        kind = value.get('kind') if isinstance(value, dict) else None
        fields = form.get(kind) if isinstance(kind, str) else None
        return fields is not None and set(value) == {'kind', *fields} and all(
            _fits(value[name], fields[name]) for name in fields)
    if isinstance(form, tuple):
        return isinstance(value, list) and len(value) == len(form) and all(map(_fits, value, form))
    if isinstance(form, list):
        return isinstance(value, list) and all(_fits(item, form[0]) for item in value)
    if isinstance(form, re.Pattern):
        return isinstance(value, str) and form.fullmatch(value) is not None
    return form is object or type(value) is form  # a bool is not an int here
