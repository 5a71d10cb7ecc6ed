"""Messages over a line, and the signs of life, which hold up nobody."""
import socket
import time

import pytest

from gluonblocks.distributed import lines as lines_module
from gluonblocks.distributed.lines import Lines


@pytest.fixture
def both():
    """The two ends of a line."""
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    with ours, theirs:
        yield Lines(ours), Lines(theirs)


def test_a_message_comes_as_it_was_sent(both):
    both[0].send('to', name='worker 1', message={'kind': 'stop'})
    assert both[1].receive() == [{'kind': 'to', 'name': 'worker 1', 'message': {'kind': 'stop'}}]


def test_however_often_it_is_called_there_is_one_ping_a_second(both, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(lines_module.time, 'monotonic', lambda: clock[0])
    for _ in range(50):
        both[0].ping()
    clock[0] += lines_module.PING
    both[0].ping()
    both[0].send('stop')
    assert [message['kind'] for message in both[1].receive()] == ['ping', 'ping', 'stop']


def test_who_reads_nothing_holds_up_nobody(both, monkeypatch):
    monkeypatch.setattr(lines_module, 'PING', 0)
    start = time.monotonic()
    for _ in range(2000):
        both[0].ping()
    assert time.monotonic() - start < 4  # a send that finds no room waits 5 seconds


def test_a_line_that_is_closed_is_pinged_in_vain(both):
    both[0].close()
    both[0].ping()


def test_the_other_sides_end_is_seen(both):
    both[1].close()
    assert both[0].receive() is None and not both[0].send('ping')


@pytest.mark.parametrize('sent', [b'no JSON\n', b'[1]\n', b'{"kind": 3}\n', b'[' * 100000 + b'\n'])
def test_what_is_no_message_is_as_an_end(both, sent):
    both[1]._socket.sendall(sent)
    answer = both[0].receive()
    while answer == []:
        answer = both[0].receive()
    assert answer is None
