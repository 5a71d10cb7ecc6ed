"""On the first machine: wait for the other machines, and keep the connections to them."""
import contextlib
import socket

from ..training.progress import tell
from .connection import Connection
from .heartbeat import WorkerError


class Rendezvous:
    """The other machines of a `place`; each of them connects and sends a join message.

    A client that sends anything else is disconnected, with a line on stderr. `options`, a dict,
    must be the same on every machine. `nodes` maps the number of each machine that has joined to
    its `Connection`, and `joins` to its join message. All messages go to the queue `events`.
    """

    def __init__(self, place, options, events, silence):
        self._place, self._options, self._events, self._silence = place, options, events, silence
        self._strangers, self.nodes, self.joins = {}, {}, {}
        try:
            self.address = place.interface or socket.gethostbyname(place.master[0])
        except OSError as error:
            raise WorkerError('this machine cannot find the host of master, %s: %s'
                              % (place.master[0], error.strerror or error))

    @contextlib.contextmanager
    def listening(self):
        """A context manager within which machines can connect, and `accept` handles them."""
        try:
            self._listener = socket.create_server((self.address, self._place.master[1]))
        except OSError as error:
            raise WorkerError('cannot listen on %s:%d: %s' % (
                self.address, self._place.master[1], error.strerror))
        with self._listener:
            self._listener.setblocking(False)
            yield

    def accept(self):
        """Accept the clients that have connected, and read their messages."""
        with contextlib.suppress(OSError):  # no client is waiting, or it is gone again
            while True:
                sock, address = self._listener.accept()
                connection = Connection(sock, self._silence)
                self._strangers[connection] = '%s:%d' % address
                connection.read_into(self._events, connection)

    def missing(self):
        """Return the numbers of the machines that have not joined yet."""
        return [r for r in range(1, self._place.nodes) if r not in self.nodes]

    def welcome(self, connection, message):
        """Handle the first message of a client: let it join, or disconnect it."""
        if connection not in self._strangers or message['kind'] == 'beat':
            return
        address, refusal = self._strangers.pop(connection), self._refusal(message)
        if refusal:
            tell('dropped %s: %s' % (address, refusal))
            connection.send('end', text=refusal, signum=0)
            connection.close()
        else:
            self.nodes[message['node']], self.joins[message['node']] = connection, message

    def _refusal(self, message):
        """Return why the sender of a message cannot join, or None if it can."""
        if message['kind'] in ('closed', 'silent'):
            return message['text']
        r, options = message.get('node'), message.get('options')
        if message['kind'] != 'join' or not isinstance(options, dict):
            return 'expected a join message, found the kind %.60r' % message['kind']
        if r in list(self.nodes):
            return 'node %d has joined already: each machine needs its own node_rank' % r
        if r not in self.missing():
            return 'expected a node_rank from 1 to %d, found %.60r' % (self._place.nodes - 1, r)
        differences = differences_between(self._options, options)
        return '%s (node %d) differs from the first machine, so they cannot train together: %s' % (
            message['host'], r, '; '.join(differences)) if differences else None

    def close(self, **end):
        """Tell all connected machines how the run ended, and disconnect them."""
        for connection in [*self.nodes.values(), *self._strangers]:
            connection.send('end', **end)
            connection.close()


def differences_between(first, other):
    """Return text for each entry of a dict that differs from the first machine's."""
    return ['%s: %s there, %s on the first' % (key, other.get(key), first.get(key))
            for key in sorted({*first, *other}) if first.get(key) != other.get(key)]
