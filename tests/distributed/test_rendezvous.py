"""Several machines: they meet, share the processes, and end together."""
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import socket
import time

import pytest
from launchers import address, both, connect, error_of, first_machine, join, second_machine

from gluonblocks.distributed import Limits
from gluonblocks.distributed.connection import Connection
from gluonblocks.distributed.launcher import shard
from gluonblocks.training.interrupt import Interrupted

pytestmark = pytest.mark.usefixtures('stand_ins')
JOIN = {'kind': 'join', 'node': 1, 'host': 'far', 'options': {}}

WRONG = [
    b'GET / HTTP/1.0\r\n\r\n', {'kind': 'stop'}, {'kind': 'join', 'node': 1},
    dict(JOIN, node=0), dict(JOIN, node=9)]


@pytest.fixture
def at_once():
    """Start a function in a thread, which has ended when the test has; return its Future."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        yield pool.submit


@pytest.mark.parametrize('count', [1, 2, 3, 5, 8])
def test_workers_are_dealt_to_the_machines_in_order_and_evenly(count):
    shards = [shard(list(range(count)), r, 3) for r in range(3)]
    assert sum(shards, []) == list(range(count))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_each_machine_runs_its_workers_at_its_address_by_the_job_of_the_first_with_its_own_files():
    errors, shown = both("print(job['local_rank'], job['job'], job['address'], go['ring']);"
                         "sys.stdout.flush(); tell('done')")
    assert errors == [None, None]
    ring = "[['127.0.0.1', 0], ['127.0.0.2', 1], ['127.0.0.2', 2]]"
    assert shown == [(k, 'stdout', text) for k, text in enumerate([
        "0 {'folder': '/of/the/first', 'data_root': '/there'} 127.0.0.1 " + ring,
        "0 {'folder': '/of/the/first', 'data_root': '/here'} 127.0.0.2 " + ring,
        "1 {'folder': '/of/the/first', 'data_root': '/here'} 127.0.0.2 " + ring])]


@pytest.mark.parametrize('code, said', [
    ("tell('failed', text='no room')", 'no room'),
    ('os.kill(os.getpid(), signal.SIGKILL)', 'was killed by SIGKILL')])
def test_a_worker_that_fails_anywhere_is_named_on_every_machine(code, said):
    (first, second), _ = both('rank == 2 and %s; time.sleep(60)' % code)
    assert first == second and re.fullmatch(r'\S+:2, step 3: ' + said, first)


def test_a_machine_with_other_options_is_refused_and_may_come_again(at_once, capsys):
    master = address()
    differing = at_once(lambda: error_of(second_machine('', master, {'lr': 0.2, 'seed': 1})))
    again = at_once(lambda: second_machine("tell('done')", master, {'lr': 0.1, 'seed': 1}).run())
    first_machine("tell('done')", master, {'lr': 0.1, 'seed': 1}).run()
    assert again.result() is None
    assert differing.result().endswith(' (node 1) cannot train with the first machine: '
                                       'lr is 0.2, expected 0.1')
    assert differing.result() in capsys.readouterr().err


def test_a_machine_that_does_not_come_is_named_on_those_that_wait_without_losing_them(at_once):
    master = address()
    waiting = at_once(lambda: error_of(second_machine('', master, limits=Limits(vanish=1.5))))
    first = error_of(first_machine('', master, limits=Limits(start=3, vanish=1.5), nodes=3))
    assert first.startswith('node 2 did not connect within 3 s: start the same command there')
    assert waiting.result() == first


def test_a_name_that_is_this_machines_loopback_address_is_explained_if_no_other_connects(
        monkeypatch):
    monkeypatch.setattr(socket, 'gethostbyname', lambda name: '127.0.1.1')  # as on Debian
    said = error_of(first_machine('', ('node0', address()[1]), limits=Limits(start=0.2)))
    assert said.startswith('node 1 did not connect') and said.endswith(
        ". Other machines cannot reach 127.0.1.1: set interface to this machine's address on "
        'their network')


def test_a_first_machine_that_is_not_there_is_named():
    master = address()
    assert error_of(second_machine('', master, limits=Limits(start=0.3))).startswith(
        'could not connect to the first machine, 127.0.0.1:%d, within 0.3 s' % master[1])


def test_a_port_in_use_and_an_unknown_host_are_refused(monkeypatch):
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        assert error_of(first_machine('', other.getsockname())).startswith(
            'cannot listen on 127.0.0.1:%d: Address already in use. On every machine, '
            'set master to the address of the first machine and a free port' % port)

    def unknown(name):
        raise socket.gaierror(-2, 'Name or service not known')
    monkeypatch.setattr(socket, 'gethostbyname', unknown)
    assert error_of(first_machine('', ('no-such-host', 1))).startswith(
        'cannot resolve the host name no-such-host in the option master: Name')


def test_strangers_are_dropped_with_a_line_and_the_run_goes_on_without_them(at_once, capsys):
    master = address()

    def knock():
        answers = []
        with connect(master):  # which says nothing
            for sent in WRONG:
                with connect(master) as other:
                    other.sendall(sent if isinstance(sent, bytes) else json.dumps(sent).encode()
                                  + b'\n')
                    answers.append(other.makefile().readlines()[-1])
            second_machine("tell('done')", master).run()
        return answers
    knocking = at_once(knock)
    first_machine("tell('done')", master, limits=Limits(start=20)).run()
    assert [json.loads(answer)['kind'] for answer in knocking.result()] == ['end'] * len(WRONG)
    assert re.fullmatch(r'(disconnected 127.0.0.1:\d+: expected a .*\n){%d}' % len(WRONG),
                        capsys.readouterr().err)


def test_a_second_machine_of_the_same_number_is_dropped(at_once, capsys):
    master = address()

    def come_twice():
        one = join(master)
        time.sleep(0.5)  # by then its message has been handled
        said = error_of(second_machine('', master))
        one.close()
        return said
    coming = at_once(come_twice)
    assert error_of(first_machine('', master, nodes=3)) == (
        'far (node 1): its launcher has exited, or the link to it is broken')
    assert coming.result() == 'node 1 has already joined: each machine needs its own node_rank'


def test_a_machine_that_vanishes_is_named_with_its_first_worker(at_once, monkeypatch):
    master = address()
    monkeypatch.setattr(Connection, '_beat', lambda connection: None)
    joining = at_once(join, master)
    assert error_of(first_machine('time.sleep(60)', master, limits=Limits(vanish=0.5))) == (
        'far:1, step 0 (node 1): no heartbeat for 0.5 s: the machine, or the link to it, is down')
    joining.result().close()


@pytest.mark.parametrize('silent, said', [
    (False, 'its launcher has exited, or the link to it is broken'),
    (True, 'no heartbeat for 2 s: the machine, or the link to it, is down')])
def test_a_first_machine_that_is_lost_is_named_with_the_step_that_others_reached(
        at_once, silent, said):
    with socket.create_server(('127.0.0.1', 0)) as listener, contextlib.ExitStack() as closing:
        def vanish():
            sock, _ = listener.accept()
            lines = sock.makefile()
            sock.sendall(json.dumps({'kind': 'start', 'job': {}, 'world_size': 1,
                                     'ranks': [0]}).encode() + b'\n')
            while json.loads(lines.readline()).get('rank') is None:
                sock.sendall(b'{"kind": "beat"}\n')
            closing.callback(sock.close) if silent else sock.close()
        at_once(vanish)
        assert error_of(second_machine(
            'time.sleep(60)', listener.getsockname(), limits=Limits(vanish=2))) == (
                'the first machine, 127.0.0.1:%d, step 3: %s' % (listener.getsockname()[1], said))


def test_another_machine_may_ask_all_to_stop(at_once):
    master = address()

    def ask():
        connection = join(master)
        connection.send('stop')
        return next(m for m in connection.messages() if m['kind'] == 'end')
    asking = at_once(ask)
    with pytest.raises(Interrupted, match='^stopped before the first step$'):
        first_machine('time.sleep(60)', master).run()
    end = asking.result()
    assert (end['text'], end['signum']) == ('stopped before the first step', signal.SIGINT)


def test_a_signal_on_another_machine_is_passed_to_the_first_and_ends_it_as_that_one_says(at_once):
    with socket.create_server(('127.0.0.1', 0)) as listener:
        def answer():
            connection = Connection(listener.accept()[0], 40)
            for message in connection.messages():
                if message['kind'] == 'join':
                    os.kill(os.getpid(), signal.SIGTERM)
                elif message['kind'] == 'stop':
                    connection.send('end', text='stopped after step 3', signum=int(signal.SIGINT))
                    break
        at_once(answer)
        with pytest.raises(Interrupted, match='^stopped after step 3$') as stop:
            second_machine('', listener.getsockname()).run()
    assert stop.value.exit_code == 143  # of its own signal
