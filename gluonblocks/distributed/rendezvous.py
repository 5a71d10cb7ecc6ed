"""Let the other machines connect to the first machine, and check that they may join the run."""
import contextlib
import os
import socket

from ..training.progress import tell
from .connection import Connection
from .heartbeat import WorkerError


class Rendezvous:
    """The first machine's connections to the other machines, each of which sends a join message.

    A client that sends anything else is disconnected and reported on stderr. The dict `options`
    must be the same on every machine. For each machine that has joined, `nodes` maps its rank to
    its `Connection`, and `joins` to its join message. The queue `events` receives all messages.
    """

    def __init__(self, topology, options, events, silence):
        self._topology, self._options, self._events = topology, options, events
        self._silence, self._clients, self.nodes, self.joins = silence, {}, {}, {}
        try:
            self.address = topology.interface or socket.gethostbyname(topology.master[0])
        except OSError as error:
            raise WorkerError('cannot resolve the host name %s in the option master: %s'
                              % (topology.master[0], error.strerror or error))

    @contextlib.contextmanager
    def listening(self):
        """Listen for connections while the context is active; call `accept` to accept them."""
        try:
            self._listener = socket.create_server((self.address, self._topology.master[1]))
        except OSError as error:
            raise WorkerError('cannot listen on %s:%d: %s. On every machine, set master '
                              'to the address of the first machine and a free port' % (
                                  self.address, self._topology.master[1], os.strerror(error.errno)))
        with self._listener:
            self._listener.setblocking(False)
            yield

    def accept(self):
        """Accept all waiting clients, and start reading their messages."""
        with contextlib.suppress(OSError):  # no client is waiting, or it has disconnected
            while True:
                sock, address = self._listener.accept()
                connection = Connection(sock, self._silence)
                self._clients[connection] = '%s:%d' % address
                connection.read_into(self._events, connection)

    def missing(self):
        """Return a list of the ranks of the machines that have not joined yet."""
        return [r for r in range(1, self._topology.nodes) if r not in self.nodes]

    def admit(self, connection, message):
        """Admit or disconnect a client, depending on its first message."""
        if connection not in self._clients or message['kind'] == 'beat':
            return
        address, error = self._clients.pop(connection), self._error_in(message)
        if error:
            tell('disconnected %s: %s' % (address, error))
            connection.send('end', text=error, signum=0)
            connection.close()
        else:
            self.nodes[message['node']], self.joins[message['node']] = connection, message

    def _error_in(self, message):
        """Return the reason for rejecting the sender of `message`, or None if it may join."""
        if message['kind'] in ('closed', 'silent'):
            return message['text']
        r, options = message.get('node'), message.get('options')
        if message['kind'] != 'join' or not isinstance(options, dict):
            return 'expected a join message, found a message of kind %.60r' % message['kind']
        if r in list(self.nodes):
            return 'node %d has already joined: each machine needs its own node_rank' % r
        if r not in self.missing():
            return 'expected a node_rank from 1 to %d, found %.60r' % (self._topology.nodes - 1, r)
        differences = differences_between(self._options, options)
        return '%s (node %d) cannot train with the first machine: %s' % (
            message['host'], r, '; '.join(differences)) if differences else None

    def close(self, **end):
        """Send the outcome of the run to all clients, and disconnect them."""
        for connection in [*self.nodes.values(), *self._clients]:
            connection.send('end', **end)
            connection.close()


def differences_between(first, other):
    """Return a list of messages, one for each difference between the dicts `first` and `other`."""
    return ['%s is %s, expected %s' % (key, other.get(key), first.get(key))
            for key in sorted({*first, *other}) if first.get(key) != other.get(key)]
