"""Several machines: the launcher of the first one, which decides for all."""
import selectors
import signal
import socket
import time

from ..training.interrupt import Interrupted
from ..training.progress import tell
from .cluster import Cluster
from .launcher import TURN, Hub, WorkerError, free_port, start_processes
from .lines import LONGEST, Lines
from .place import numbers_of

STRANGERS = 64  # connections at a time that have not sent their join message
JOIN = 2 ** 16  # bytes of a join message


class Node:
    """Another machine, number `rank`, as the first one knows it."""

    def __init__(self, rank, lines, host, address):
        self.rank, self.lines, self.host, self.address = rank, lines, host, address
        self.heard = time.monotonic()


class NodesHub(Hub):
    """A `Hub` of the processes on all machines of a `place`, of which this is the first.

    `asked`, a dict, must be the same on every machine.
    """

    def __init__(self, argv, num_workers, num_servers, job, show, limits, place, asked):
        self._place, self._asked, self._nodes, self._strangers = place, asked, {}, {}
        self._own = _address(place)
        super().__init__(argv, num_workers, num_servers, job, show, limits)
        self._node_of = {'scheduler': 0}
        for role, count in [('worker', num_workers), ('server', num_servers)]:
            for r in range(place.nodes):
                for k in numbers_of(r, place.nodes, count):
                    self._node_of['%s %d' % (role, k)] = r

    def run(self):
        """Run as `Hub.run` does, and tell every machine how it ended."""
        how = {'text': 'the launcher of the first machine failed', 'signum': 0}
        try:
            super().run()
            how = {'text': '', 'signum': 0}
        except Interrupted as stop:
            how = {'text': str(stop), 'signum': stop.signum}
            raise
        except WorkerError as error:
            how['text'] = str(error)
            raise
        finally:
            for node in self._nodes.values():
                node.lines.send('end', **how)
                node.lines.close()

    def _start(self, interrupt):
        self._meet(interrupt)
        hosts = {0: socket.gethostname(), **{r: node.host for r, node in self._nodes.items()}}
        self._begin_watch({name: hosts[self._node_of[name]] for name in self._names})
        for r, node in self._nodes.items():
            node.lines.send('start', job=self._job, num_workers=len(self._workers),
                            names=[name for name in self._names if self._node_of[name] == r])
        start_processes(self._children, [name for name in self._names if not self._node_of[name]],
                        self._argv, self._job, len(self._workers))

    def _meet(self, interrupt):
        """Wait for all other machines. Others who connect are dropped: they end nothing else."""
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((self._own, self._place.master[1]))
            except OSError as error:
                raise WorkerError('%s:%d cannot be listened on: %s' % (
                    self._own, self._place.master[1], error.strerror))
            listener.listen()
            listener.setblocking(False)
            self._children.selector.register(listener, selectors.EVENT_READ,
                                             lambda: self._accept(listener))
            try:
                self._wait_for_all(interrupt)
            finally:
                self._children.selector.unregister(listener)
                for lines in list(self._strangers):
                    self._drop(lines, 'the first machine no longer waits for others')

    def _wait_for_all(self, interrupt):
        end = time.monotonic() + self._limits.start
        while len(self._nodes) < self._place.nodes - 1:
            if interrupt.pending or self._stop_asked:
                raise Interrupted(interrupt.pending or signal.SIGINT, True,
                                  'stopped before the first step')
            if time.monotonic() > end:
                missing = [str(r) for r in range(1, self._place.nodes) if r not in self._nodes]
                raise WorkerError('node %s has not come within %g s: the same command has to be '
                                  'started there, with its node_rank' % (
                                      ', '.join(missing), self._limits.start))
            self._children.turn(TURN)
            self._ping()  # those that have come may have to wait for long

    def _accept(self, listener):
        try:
            sock, address = listener.accept()
            sock.settimeout(5)
            lines = Lines(sock, JOIN)
        except OSError:  # the client is gone again, or this process has no file descriptor left
            return
        if len(self._strangers) == STRANGERS:
            self._drop(next(iter(self._strangers)), 'expected a join message, found none so far')
        self._strangers[lines] = '%s:%d' % address
        self._children.selector.register(lines, selectors.EVENT_READ, lambda: self._welcome(lines))

    def _welcome(self, lines):
        messages = lines.receive()
        if messages == []:  # its message is not complete yet
            return
        refusal = self._refusal(messages[0]) if messages else lines.error or 'closed the connection'
        if refusal:
            self._drop(lines, refusal)
        else:
            del self._strangers[lines]
            lines.longest = LONGEST
            join, *others = messages
            node = Node(join['node'], lines, join['host'], join['address'])
            self._nodes[node.rank] = node
            self._children.selector.modify(lines, selectors.EVENT_READ, lambda: self._hear(node))
            self._take(node, others)

    def _refusal(self, join):
        """Return why the sender of its first message cannot join, or None."""
        if join['kind'] != 'join':
            return 'expected a join message, found one of the kind %s' % join['kind']
        r, theirs = join['node'], join['asked']
        if not 0 < r < self._place.nodes:
            return 'expected a node_rank from 1 to %d, found %d' % (self._place.nodes - 1, r)
        if r in self._nodes:
            return 'node %d has joined already: each machine needs its own node_rank' % r
        differ = ['%s: %s there, %s on the first' % (key, theirs.get(key), self._asked.get(key))
                  for key in sorted(set(theirs) | set(self._asked))
                  if theirs.get(key) != self._asked.get(key)]
        return '%s (node %d) differs from the first machine, so they cannot train together: %s' % (
            join['host'], r, '; '.join(differ)) if differ else None

    def _drop(self, lines, why):
        """Refuse a connection that did not join; do nothing if it was refused before."""
        address = self._strangers.pop(lines, None)
        if address:
            self._end(lines, 'dropped ' + address, why)

    def _lose(self, node, why):
        """Raise WorkerError; but while others are waited for the machine may join again."""
        where = '%s (node %d)' % (node.host, node.rank)
        if self._watch is not None:
            first = next(name for name in self._workers if self._node_of[name] == node.rank)
            raise WorkerError('%s (node %d): %s' % (self._watch.place(first), node.rank, why))
        if self._nodes.get(node.rank) is node:
            del self._nodes[node.rank]
            self._end(node.lines, where, why)

    def _end(self, lines, who, why):
        """Close a connection, and tell why, here and there, in one line that always finds room."""
        why = ''.join(c if c.isprintable() else '?' for c in why[:1000])
        self._children.selector.unregister(lines)
        lines.send('end', text=why, signum=0)
        lines.close()
        tell('%s: %s' % (who, why))

    def _hear(self, node):
        messages = node.lines.receive()
        if messages is None:
            self._lose(node, node.lines.error or 'its launcher has ended, or the link to it')
            return
        node.heard = time.monotonic()
        self._take(node, messages)

    def _take(self, node, messages):
        for message in messages:
            kind, name = message['kind'], message.get('name')
            if kind == 'stop':
                self._stop_asked = True
            elif kind in ('from', 'shown') and (
                    self._watch is None or self._node_of.get(name) != node.rank):
                self._lose(node, 'sent a message for %s, which it does not run' % name)
                return
            elif kind == 'from':
                self._receive(name, message['message'])
            elif kind == 'shown':
                self._show(name, message['stream'],
                           message['text'].encode(errors='replace').decode())

    def _after_turn(self, interrupt):
        self._ping()
        super()._after_turn(interrupt)

    def _ping(self):
        """Show the other machines that this one lives, and lose those that do not."""
        for node in list(self._nodes.values()):
            node.lines.ping()
            if time.monotonic() - node.heard > self._limits.vanish:
                self._lose(node, 'nothing was heard of it for %g s: its machine, or its link, '
                                 'is gone' % self._limits.vanish)

    def _post(self, name, kind, **content):
        r = self._node_of[name]
        if not r:
            super()._post(name, kind, **content)
        elif name not in self._ended:
            self._nodes[r].lines.send('to', name=name, message=dict(content, kind=kind))

    def _cluster(self, name):
        r = self._node_of[name]
        self._root = self._root or free_port(self._own)
        return Cluster(self._own, self._root, len(self._workers), len(self._others) - 1,
                       self._nodes[r].address if r else self._own)


def _address(place):
    """Return the IPv4 address that the first machine's processes listen on."""
    try:
        return place.interface or socket.gethostbyname(place.master[0])
    except OSError as error:
        raise WorkerError('master %s is no host that is known here: %s'
                          % (place.master[0], error.strerror or error))
