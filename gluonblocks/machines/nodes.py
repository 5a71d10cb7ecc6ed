"""Several machines: the launcher of the first one, which decides; `relay` has the others'."""
import selectors
import signal
import socket
import time

from ..training.interrupt import Interrupted
from .cluster import Cluster
from .launcher import TURN, Hub, WorkerError, free_port, start_processes
from .lines import Lines
from .place import numbers_of


class Node:
    """Another machine, as the first one knows it."""

    def __init__(self, lines, host, address):
        self.lines, self.host, self.address = lines, host, address
        self.heard = time.monotonic()


class NodesHub(Hub):
    """As `Hub`, of the processes on all machines of a `place`, of which this is the first.

    `asked`, a dict, must be the same on every machine.
    """

    def __init__(self, argv, num_workers, num_servers, job, show, limits, place, asked):
        self._place, self._asked, self._nodes = place, asked, {}
        self._own = _address(place)
        super().__init__(argv, num_workers, num_servers, job, show, limits)

    def run(self):
        """As of `Hub`; every machine is told how it ended."""
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

    def _node_of(self, name):
        role, _, number = name.partition(' ')
        count = {'worker': len(self._workers), 'server': len(self._others) - 1}
        return 0 if role == 'scheduler' else next(
            r for r in range(self._place.nodes)
            if int(number) in numbers_of(r, self._place.nodes, count[role]))

    def _start(self, interrupt):
        self._meet(interrupt)
        hosts = {0: socket.gethostname(), **{r: node.host for r, node in self._nodes.items()}}
        self._begin_watch({name: hosts[self._node_of(name)] for name in self._names})
        for r, node in self._nodes.items():
            node.lines.send('start', job=self._job, num_workers=len(self._workers),
                            names=[name for name in self._names if self._node_of(name) == r])
        start_processes(self._children, [name for name in self._names if not self._node_of(name)],
                        self._argv, self._job, len(self._workers))

    def _meet(self, interrupt):
        """Wait for all other machines."""
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((self._own, self._place.master[1]))
            except OSError as error:
                raise WorkerError('%s:%d cannot be listened on: %s' % (
                    self._own, self._place.master[1], error.strerror))
            listener.listen()
            end, waiting = time.monotonic() + self._limits.start, set(range(1, self._place.nodes))
            self._children.selector.register(
                listener, selectors.EVENT_READ,
                lambda: self._welcome(listener.accept()[0], waiting))
            while waiting:
                if interrupt.pending or self._stop_asked:
                    raise Interrupted(interrupt.pending or signal.SIGINT, True,
                                      'stopped before the first step')
                if time.monotonic() > end:
                    raise WorkerError('node %s has not come within %g s: the same command has to '
                                      'be started there, with its node_rank' % (
                                          ', '.join(map(str, sorted(waiting))), self._limits.start))
                self._children.turn(TURN)
                self._ping()  # those that have come may have to wait for long
            self._children.selector.unregister(listener)

    def _welcome(self, sock, waiting):
        sock.settimeout(5)
        lines = Lines(sock)
        join, *others = lines.receive() or [{'kind': ''}]
        r = join.get('node')
        if join['kind'] != 'join' or r not in waiting:
            lines.send('end', text='node %s is not waited for here' % r, signum=0)
            lines.close()
            return
        waiting.discard(r)
        self._nodes[r] = node = Node(lines, str(join['host']), str(join['address']))
        theirs = join['asked']
        said = ['%s: %s there, %s on the first' % (key, theirs.get(key), self._asked.get(key))
                for key in sorted(set(theirs) | set(self._asked))
                if theirs.get(key) != self._asked.get(key)]
        if said:
            raise WorkerError('%s (node %d) differs from the first machine, so they cannot train '
                              'together:\n  %s' % (node.host, r, '\n  '.join(said)))
        self._children.selector.register(lines, selectors.EVENT_READ, lambda: self._hear(r))
        self._take(others)

    def _hear(self, r):
        node = self._nodes[r]
        messages = node.lines.receive()
        if messages is None:
            raise WorkerError('%s: its launcher has ended, or the link to it' % self._where(r))
        node.heard = time.monotonic()
        self._take(messages)

    def _take(self, messages):
        for message in messages:
            if message['kind'] == 'from':
                self._receive(message['name'], message['message'])
            elif message['kind'] == 'shown':
                self._show(message['name'], message['stream'], message['text'])
            elif message['kind'] == 'stop':
                self._stop_asked = True

    def _where(self, r):
        if self._watch is None:  # it has no worker yet
            return '%s (node %d)' % (self._nodes[r].host, r)
        name = next(name for name in self._workers if self._node_of(name) == r)
        return '%s (node %d)' % (self._watch.place(name), r)

    def _after_turn(self, interrupt):
        self._ping()
        super()._after_turn(interrupt)

    def _ping(self):
        """Tell the other machines that this one is there, as they have to."""
        for r, node in self._nodes.items():
            node.lines.ping()
            if time.monotonic() - node.heard > self._limits.vanish:
                raise WorkerError('%s: nothing was heard of it for %g s: its machine, or its link, '
                                  'is gone' % (self._where(r), self._limits.vanish))

    def _post(self, name, kind, **content):
        r = self._node_of(name)
        if not r:
            super()._post(name, kind, **content)
        elif name not in self._ended:
            self._nodes[r].lines.send('to', name=name, message=dict(content, kind=kind))

    def _cluster(self, name):
        r = self._node_of(name)
        self._root = self._root or free_port(self._own)
        return Cluster(self._own, self._root, len(self._workers), len(self._others) - 1,
                       self._nodes[r].address if r else self._own)


def _address(place):
    """The address that the first machine's processes listen on."""
    try:
        return place.interface or socket.gethostbyname(place.master[0])
    except OSError as error:
        raise WorkerError('master %s is no host that is known here: %s'
                          % (place.master[0], error.strerror or error))
