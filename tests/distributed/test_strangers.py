"""The port of the first machine, to which anybody may send anything."""
import contextlib
import json
import random
import socket
import threading

import pytest
from launchers import hub, relay

from gluonblocks.distributed import relay as relays
from gluonblocks.distributed.children import Children
from gluonblocks.distributed.launcher import WorkerError, free_port
from gluonblocks.distributed.lines import Lines
from gluonblocks.distributed.nodes import STRANGERS
from gluonblocks.distributed.watch import Limits

pytestmark = pytest.mark.usefixtures('stand_ins')
JOIN = {'kind': 'join', 'node': 1, 'host': 'far', 'address': '127.0.0.1', 'asked': {'lr': 0.1}}
BEAT = {'kind': 'beat', 'mark': ['training', 3, 4]}
FROM_NODE = [
    {'kind': 'ping'}, {'kind': 'shown', 'name': 'worker 1', 'stream': 'stdout', 'text': 'a'},
    *({'kind': 'from', 'name': 'worker 1', 'message': message} for message in [
        BEAT, {'kind': 'ready', 'facts': {'seed': 7}}, {'kind': 'failed', 'text': 'no room'},
        {'kind': 'done'}, {'kind': 'exit', 'code': -9, 'said': ['a']}])]
FROM_FIRST = [
    {'kind': 'ping'}, {'kind': 'end', 'text': 'no room', 'signum': 0},
    {'kind': 'start', 'job': {'seed': 1}, 'num_workers': 3, 'names': ['worker 1', 'server 0']},
    *({'kind': 'to', 'name': 'worker 1', 'message': message} for message in [
        {'kind': 'stop'}, {'kind': 'go', 'cluster': ['127.0.0.1', 1, 3, 2, '127.0.0.1']}])]
VALUES = [None, True, 0, -1, 1, 2.0, float('nan'), 10 ** 30, '', 'worker 9', 'server 1', '../../x',
          '\ud800', 'a\nb', [], [1], {}, {'kind': 'stop'}]
WRONG = [{}, {'kind': 'join', 'node': 1}, dict(JOIN, node=[1]), dict(JOIN, node=True),
         dict(JOIN, node=0), dict(JOIN, node=9), dict(JOIN, asked=3), dict(JOIN, host='a\nb'),
         dict(JOIN, more=1), dict(JOIN, asked={'lr': 0.2}), {'kind': 'stop'}, {'kind': ['join']},
         FROM_NODE[1], FROM_NODE[2]]


def frame_of(message):
    return json.dumps(message).encode() + b'\n'


def mutated(rng, message):
    """A frame made of a message by changing values or bytes at random."""
    message = json.loads(json.dumps(message))
    where = message
    for _ in range(rng.randrange(3)):
        keys = list(where) if isinstance(where, dict) else range(len(where))
        if not keys:
            break
        key = rng.choice(keys)
        if isinstance(where[key], (dict, list)) and rng.random() < 0.7:
            where = where[key]
        elif rng.random() < 0.2 and isinstance(where, dict):
            del where[key]
        else:
            where[key] = rng.choice(VALUES)
    frame = bytearray(frame_of(message))
    for _ in range(rng.choice([0, 0, 1, 3])):
        if rng.random() < 0.5 and len(frame) > 1:
            del frame[rng.randrange(len(frame))]
        else:
            frame.insert(rng.randrange(len(frame) + 1), rng.choice(b'\x00\n"[]{}:,09x\xff'))
    return bytes(frame)


def random_frame(rng):
    return rng.choice([
        lambda: rng.getrandbits(8 * 40).to_bytes(40, 'big') + b'\n', lambda: b'[' * 2000 + b'\n',
        lambda: b'{"kind":"join","asked":' + b'{"a":' * 300 + b'1' + b'}' * 301 + b'\n',
        lambda: frame_of(dict(JOIN, node=rng.choice(VALUES))),
        lambda: frame_of(rng.choice(WRONG)), lambda: mutated(rng, JOIN)])()


class Door:
    """Stands for the listening socket of a hub, which it gives connections of this process."""

    def __init__(self, launcher):
        self._launcher = launcher

    def connect(self):
        ours, self._theirs = socket.socketpair()
        self._launcher._accept(self)
        return ours

    def accept(self):
        return self._theirs, ('there', 1)


@contextlib.contextmanager
def waiting_hub(num_nodes=2):
    """A hub that waits for the other machines, and the door to it."""
    launcher = hub('', ('127.0.0.1', 1), JOIN['asked'], num_nodes=num_nodes)
    with Children(launcher._receive, launcher._show) as launcher._children:
        yield launcher, Door(launcher)


def join_first(launcher, door):
    sock = door.connect()
    sock.sendall(frame_of(JOIN))
    launcher._children.turn(0)
    return sock


def test_whatever_a_stranger_sends_ends_nothing_but_its_connection(capsys):
    rng = random.Random(0)
    with waiting_hub() as (launcher, door):
        for _ in range(10000):
            with door.connect() as sock:
                sock.sendall(random_frame(rng))
                launcher._children.turn(0)
            launcher._children.turn(0)  # some frames were incomplete, and some were a join
        assert not launcher._nodes and not launcher._strangers and not launcher._stop_asked
        lines = capsys.readouterr().err.split('\n')
        assert 9000 < len(lines) <= 10001
        assert all(line.startswith(('dropped there:1: ', 'far (node 1): ', '')) for line in lines)
        with join_first(launcher, door):
            assert list(launcher._nodes) == [1]


@pytest.mark.parametrize('message', WRONG)
def test_a_stranger_that_sends_another_message_than_join_is_dropped(message, capsys):
    with waiting_hub() as (launcher, door), door.connect() as sock:
        sock.sendall(frame_of(message))
        launcher._children.turn(0)
        assert not launcher._nodes and not launcher._strangers
        assert json.loads(sock.makefile().read())['kind'] == 'end'
    err = capsys.readouterr().err
    assert err.startswith('dropped there:1: ') and err.count('\n') == 1


def test_a_second_machine_of_the_same_number_is_dropped(capsys):
    with waiting_hub() as (launcher, door), join_first(launcher, door), door.connect() as second:
        node = launcher._nodes[1]
        second.sendall(frame_of(JOIN))
        launcher._children.turn(0)
        assert launcher._nodes == {1: node}
    assert 'node 1 has joined already' in capsys.readouterr().err


def test_a_join_may_come_byte_by_byte():
    with waiting_hub() as (launcher, door), door.connect() as sock:
        for byte in frame_of(JOIN):
            assert not launcher._nodes
            sock.sendall(bytes([byte]))
            launcher._children.turn(0)
        assert list(launcher._nodes) == [1]


def test_a_join_that_never_ends_is_dropped(capsys):
    with waiting_hub() as (launcher, door), door.connect() as sock:
        for _ in range(2):
            sock.sendall(b'x' * 40000)
            launcher._children.turn(0)
        assert not launcher._strangers
    assert 'of at most 65536 bytes' in capsys.readouterr().err


def test_many_that_say_nothing_hold_up_nobody():
    with waiting_hub() as (launcher, door), contextlib.ExitStack() as stack:
        for _ in range(STRANGERS + 20):
            stack.enter_context(door.connect())
        assert len(launcher._strangers) == STRANGERS
        stack.enter_context(join_first(launcher, door))
        assert list(launcher._nodes) == [1]


def test_one_that_has_joined_and_sends_nonsense_may_join_again(capsys):
    with waiting_hub(3) as (launcher, door):
        for nonsense in [b'x\n', frame_of(FROM_NODE[1]), frame_of(FROM_NODE[2])]:
            with join_first(launcher, door) as sock:
                assert list(launcher._nodes) == [1]
                sock.sendall(nonsense)
                launcher._children.turn(0)
            assert not launcher._nodes
    assert capsys.readouterr().err.startswith("far (node 1): expected a message, found b'x'\n")


def test_whatever_a_machine_sends_once_all_have_started_ends_the_run_with_an_error(monkeypatch):
    rng, errors = random.Random(1), []
    monkeypatch.setattr(Children, 'send', lambda *args, **how: None)
    with waiting_hub() as (launcher, door):
        sock = join_first(launcher, door)
        launcher._begin_watch({name: 'here' for name in launcher._names})
        node = launcher._nodes[1]
        for _ in range(3000):
            node.lines.error = None
            sock.sendall(mutated(rng, rng.choice(FROM_NODE)))
            try:
                launcher._hear(node)
                launcher._watch.verdict()
            except WorkerError as error:
                errors.append(str(error))
        sock.close()
    assert 1000 < len(errors) < 3000


def test_a_machine_cannot_speak_for_a_worker_of_another(capsys):
    with waiting_hub() as (launcher, door), join_first(launcher, door) as sock:
        launcher._begin_watch({name: 'here' for name in launcher._names})
        sock.sendall(frame_of(dict(FROM_NODE[1], name='worker 0')))
        with pytest.raises(WorkerError, match='sent a message for worker 0, which it does not run'):
            launcher._children.turn(0)


def test_whatever_the_first_machine_sends_ends_another_with_an_error(monkeypatch):
    rng, errors = random.Random(2), []
    monkeypatch.setattr(relays, 'start_processes', lambda *args: None)
    launcher = relay('', ('127.0.0.1', 1))
    first, other = socket.socketpair()
    with Children(launcher._pass_on, launcher._pass_shown) as launcher._children, first, other:
        launcher._lines = Lines(other)
        for _ in range(3000):
            launcher._lines.error = None
            first.sendall(mutated(rng, rng.choice(FROM_FIRST)))
            try:
                launcher._hear()
            except WorkerError as error:
                errors.append(str(error))
    assert 1000 < len(errors) < 3000


def test_a_run_starts_and_ends_well_among_strangers():
    master, strangers = ('127.0.0.1', free_port('127.0.0.1')), []

    def knock_and_come():
        while len(strangers) < 10:
            with contextlib.suppress(ConnectionRefusedError):
                strangers.append(socket.create_connection(master))
        for sock, sent in zip(strangers, [b'GET / HTTP/1.0\r\n\r\n', b'{', b'\n', b'']):
            sock.sendall(sent)
        strangers.pop().close()
        relay("tell('done')", master).run()
    other = threading.Thread(target=knock_and_come)
    other.start()
    hub("tell('done')", master, limits=Limits(start=20)).run()
    other.join()
    for sock in strangers:
        sock.close()


def test_a_server_of_another_kind_at_the_masters_port_is_named():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        def answer():
            sock, _ = listener.accept()
            sock.sendall(b'SSH-2.0-OpenSSH_9.2\r\n')
            sock.recv(1000)
            sock.close()
        other = threading.Thread(target=answer)
        other.start()
        with pytest.raises(WorkerError, match="expected a message, found b'SSH-2.0-OpenSSH_9.2"):
            relay('', listener.getsockname()).run()
        other.join()
