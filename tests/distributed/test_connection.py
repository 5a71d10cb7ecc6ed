"""Messages and heartbeats over a connection, and the ways in which it ends."""
import os
import queue
import socket
import threading
import time

import pytest

from gluonblocks.distributed import connection as connection_module
from gluonblocks.distributed.connection import Connection, Member


@pytest.fixture
def ends():
    """The two ends of a connection: a Connection, and a socket that sends no heartbeats."""
    ours, theirs = socket.socketpair()
    with theirs:
        connection = Connection(ours, 0.4)
        yield connection, theirs
        connection.close()


def test_messages_come_as_they_were_sent_and_heartbeats_with_the_newest_mark(ends, monkeypatch):
    monkeypatch.setattr(connection_module, 'BEAT', 0.02)
    messages, other = ends[0].messages(), Connection(ends[1], 40)
    assert next(messages) == {'kind': 'beat', 'mark': ['starting', 0, 0]}
    other.mark = 'training', 3, 1
    while next(messages)['mark'] != ['training', 3, 1]:
        pass
    other.send('to', text='a\nb')
    other.close()
    *beats, sent, end = messages
    assert sent == {'kind': 'to', 'text': 'a\nb'} and end['kind'] == 'closed'


def test_one_that_falls_silent_is_noticed_in_time(ends):
    connection, theirs = ends
    theirs.sendall(b'{"kind": "a"}\n')
    start, later = time.monotonic(), threading.Timer(5, theirs.shutdown, [socket.SHUT_RDWR])
    later.start()
    assert [message['kind'] for message in connection.messages()] == ['a', 'silent']
    later.cancel()
    assert 0.3 < time.monotonic() - start < 2


@pytest.mark.parametrize('sent', [b'no JSON\n', b'[1]\n', b'{"a": 3}\n', b'{"kind": ["a"]}\n',
                                  b'GET / HTTP/1.0\r\n', b'{"kind"'])
def test_a_line_that_is_not_a_message_ends_it(ends, sent):
    ends[1].sendall(sent)
    ends[1].shutdown(socket.SHUT_WR)
    message, = ends[0].messages()
    assert message['kind'] == 'closed' and message['text'].startswith('expected a message, found b')


@pytest.fixture
def exits(monkeypatch):
    """The exit codes with which this process would have ended."""
    codes = queue.Queue()
    monkeypatch.setattr(os, '_exit', codes.put)
    return codes


@pytest.mark.parametrize('silent', [True, False])
def test_a_process_ends_itself_once_its_launcher_is_gone_or_silent(silent, exits, monkeypatch):
    monkeypatch.setattr(connection_module, 'SILENCE', 0.2)
    ours, theirs = socket.socketpair()
    with theirs:
        Member(ours)
        theirs.sendall(b'{"kind": "beat"}\n')
        if not silent:
            theirs.close()
        assert exits.get(timeout=5) == connection_module.LOST


def test_a_process_waits_for_a_kind_of_message_and_notes_that_it_shall_stop(exits):
    ours, theirs = socket.socketpair()
    member, launcher = Member(ours), Connection(theirs, 40)
    for kind in ('job', 'stop', 'go'):
        launcher.send(kind, text=kind)
    assert member.wait_for('job')['text'] == 'job' and member.wait_for('go')['text'] == 'go'
    assert member.stop_requested
    launcher.close()
    exits.get(timeout=5)


@pytest.mark.parametrize('number', ['no number', '²', '9999'])
def test_a_worker_that_no_launcher_started_says_so(number, monkeypatch):
    monkeypatch.setenv('GLUONBLOCKS_MEMBER', number)
    with pytest.raises(SystemExit, match='^error: this process must be started by a launcher'):
        Member.of_environment()
