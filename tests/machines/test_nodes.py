"""Several machines: launchers that meet over loopback, with stand-ins for their processes."""
import os
import re
import signal
import socket
import sys
import threading
import time

import pytest
from stand_ins import ROLE, WORKER

from gluonblocks.machines import launcher, nodes
from gluonblocks.machines import relay as relays
from gluonblocks.machines.launcher import WorkerError, free_port
from gluonblocks.machines.lines import Lines
from gluonblocks.machines.place import Place
from gluonblocks.machines.watch import Limits
from gluonblocks.training.interrupt import Interrupted


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    monkeypatch.setattr(launcher, 'python_argv', lambda module, role: [sys.executable, '-c', ROLE])
    for module in (launcher, nodes, relays):
        monkeypatch.setattr(module, 'TURN', 0.05)


def hub(code, master, asked=None, limits=None, show=None, num_nodes=2, before=WORKER):
    return nodes.NodesHub([sys.executable, '-c', before + code], 3, 2,
                          {'folder': '/of/the/first', 'data_root': '/there'}, show, limits,
                          Place(num_nodes, 0, master), asked or {})


def relay(code, master, asked=None, limits=None, before=WORKER):
    place = Place(2, 1, master, '127.0.0.2')
    return relays.Relay([sys.executable, '-c', before + code], place, asked or {},
                       {'data_root': '/here'}, limits or Limits())


def both(code, asked=({}, {}), show=None, before=WORKER):
    """Run two launchers; what each raised, or None."""
    master, errors = ('127.0.0.1', free_port('127.0.0.1')), {}

    def run(which, launcher):
        try:
            launcher.run()
            errors[which] = None
        except WorkerError as error:
            errors[which] = str(error)
    other = threading.Thread(target=run, args=(1, relay(code, master, asked[1], before=before)))
    other.start()
    run(0, hub(code, master, asked[0], show=show, before=before))
    other.join()
    return errors[0], errors[1]


def test_two_machines_share_the_workers_and_both_end_well():
    shown = []
    assert both("print(rank, flush=True); tell('done')", show=lambda *line: shown.append(line)) == (
        None, None)
    assert sorted(shown) == [('worker %d' % k, 'stdout', str(k)) for k in range(3)]


def shown_by_both(code, before):
    shown = []
    assert both(code + "; tell('done')", show=lambda *line: shown.append(line[2]),
                before=before) == (None, None)
    return sorted(shown)


def test_each_process_listens_on_its_own_machines_address():
    assert shown_by_both("print(rank, go['cluster'][0], go['cluster'][4], flush=True)",
                         WORKER.replace("wait('go')", "go = wait('go')")) == [
        '0 127.0.0.1 127.0.0.1', '1 127.0.0.1 127.0.0.2', '2 127.0.0.1 127.0.0.2']


def test_each_machine_has_the_job_of_the_first_with_its_own_files_and_numbers_its_workers():
    assert shown_by_both("print(rank, job['number'], job['job'], flush=True)", WORKER.replace(
        "rank = wait('job')['rank']", "job = wait('job'); rank = job['rank']")) == [
            "0 0 {'folder': '/of/the/first', 'data_root': '/there'}",
            "1 0 {'folder': '/of/the/first', 'data_root': '/here'}",
            "2 1 {'folder': '/of/the/first', 'data_root': '/here'}"]


def test_a_worker_that_fails_anywhere_is_told_on_every_machine():
    first, second = both("rank == 2 and tell('failed', text='no room'); time.sleep(60)")
    assert first == second and re.fullmatch(r'\S+:2, step 3: no room', first)


def test_a_machine_that_was_asked_for_something_else_is_refused_with_what_differs():
    first, second = both('time.sleep(60)', asked=({'lr': 0.1, 'seed': 1}, {'lr': 0.2, 'seed': 1}))
    assert first.endswith('(node 1) differs from the first machine, so they cannot train together:'
                          '\n  lr: 0.2 there, 0.1 on the first')
    assert second == first


def test_a_machine_that_does_not_come_is_named():
    with pytest.raises(WorkerError, match=r'^node 1, 2 has not come within 0.3 s: the same comm'):
        hub('', ('127.0.0.1', free_port('127.0.0.1')), limits=Limits(start=0.3), num_nodes=3).run()


def test_one_that_waits_with_the_first_for_a_third_is_told_of_it_and_not_given_up():
    master, said = ('127.0.0.1', free_port('127.0.0.1')), []

    def wait():
        with pytest.raises(WorkerError) as error:
            relay('', master, limits=Limits(vanish=1.5)).run()
        said.append(str(error.value))
    other = threading.Thread(target=wait)
    other.start()
    with pytest.raises(WorkerError, match='^node 2 has not come within 3 s') as error:
        hub('', master, limits=Limits(start=3, vanish=1.5), num_nodes=3).run()
    other.join()
    assert said == [str(error.value)]


def test_two_that_wait_do_not_answer_each_ping_by_another(monkeypatch):
    sent, send = [], Lines.send
    monkeypatch.setattr(Lines, 'send', lambda self, kind, **content: (
        sent.append(kind), send(self, kind, **content))[1])
    test_one_that_waits_with_the_first_for_a_third_is_told_of_it_and_not_given_up()
    assert 2 <= sent.count('ping') < 20  # one a second, of each


def test_one_that_ends_before_all_have_come_is_named_at_once():
    master = '127.0.0.1', free_port('127.0.0.1')
    other = threading.Thread(target=lambda: join(master).close())
    other.start()
    with pytest.raises(WorkerError, match=r'^far \(node 1\): its launcher has ended'):
        hub('', master, limits=Limits(start=30), num_nodes=3).run()
    other.join()


def test_a_first_machine_that_is_not_there_is_named():
    port = free_port('127.0.0.1')
    with pytest.raises(WorkerError, match='^the first machine, 127.0.0.1:%d, was not reached wi'
                                          % port):
        relay('', ('127.0.0.1', port), limits=Limits(start=0.3)).run()


def join(master):
    """A machine that has joined, and says nothing more."""
    while True:
        try:
            lines = Lines(socket.create_connection(master))
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    lines.send('join', node=1, host='far', address='127.0.0.1', asked={})
    return lines


def lost(after):
    """What the first machine says where another does `after(its lines)` once it has joined."""
    master, kept = ('127.0.0.1', free_port('127.0.0.1')), []
    other = threading.Thread(target=lambda: kept.append(after(join(master))))
    other.start()
    with pytest.raises(WorkerError) as error:
        hub('time.sleep(60)', master, limits=Limits(vanish=0.5)).run()
    other.join()
    return str(error.value)


def test_a_machine_that_vanishes_is_named_with_its_first_worker():
    assert lost(lambda lines: lines) == ('far:1, step 0 (node 1): nothing was heard of it for '
                                         '0.5 s: its machine, or its link, is gone')


def test_a_launcher_that_ends_is_named():
    assert lost(lambda lines: lines.close()) == ('far:1, step 0 (node 1): its launcher has ended, '
                                                 'or the link to it')


@pytest.mark.parametrize('silent, said', [
    (True, 'nothing was heard of it for 1 s: its machine, or its link, is gone'),
    (False, 'its launcher has ended, or the link to it')])
def test_a_first_machine_that_vanishes_is_named_with_the_step_that_others_reached(silent, said):
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        port, kept = listener.getsockname()[1], []

        def accept():
            kept.append(Lines(listener.accept()[0]))
            kept[0].send('start', job={}, num_workers=1, names=['worker 0'])
            beats = 0
            while not beats:
                kept[0].send('ping')
                beats = sum(message['kind'] == 'from' and message['message']['kind'] == 'beat'
                            for message in kept[0].receive())
            if not silent:
                kept[0].close()
        other = threading.Thread(target=accept)
        other.start()
        with pytest.raises(WorkerError) as error:
            relay('', listener.getsockname(), limits=Limits(vanish=1)).run()
        other.join()
        kept[0].close()
    assert str(error.value) == 'the first machine, 127.0.0.1:%d, step 3: %s' % (
        port, said)


def test_a_stranger_at_the_door_is_turned_away():
    master = '127.0.0.1', free_port('127.0.0.1')

    def knock():
        time.sleep(0.2)
        with socket.create_connection(master) as sock:
            sock.sendall(b'GET / HTTP/1.0\r\n\r\n')
            sock.recv(1000)
    stranger = threading.Thread(target=knock)
    stranger.start()
    with pytest.raises(WorkerError, match='^node 1 has not come'):
        hub('', master, limits=Limits(start=1)).run()
    stranger.join()


def test_another_machine_may_ask_all_to_stop():
    master, ends = ('127.0.0.1', free_port('127.0.0.1')), []

    def ask():
        lines = join(master)
        lines.send('stop')
        while not ends:
            ends.extend(m for m in lines.receive() if m['kind'] == 'end')
    other = threading.Thread(target=ask)
    other.start()
    with pytest.raises(Interrupted, match='^stopped before the first step$'):
        hub('time.sleep(60)', master).run()
    other.join()
    assert (ends[0]['text'], ends[0]['signum']) == ('stopped before the first step', signal.SIGINT)


def test_a_signal_on_another_machine_is_passed_to_the_first_and_ends_it_as_that_one_says():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()

        def answer():
            lines = Lines(listener.accept()[0])
            lines.receive()  # it has come
            os.kill(os.getpid(), signal.SIGTERM)
            while not any(message['kind'] == 'stop' for message in lines.receive()):
                pass
            lines.send('end', text='stopped after step 3', signum=int(signal.SIGINT))
        other = threading.Thread(target=answer)
        other.start()
        with pytest.raises(Interrupted, match='^stopped after step 3$') as stop:
            relay('', listener.getsockname()).run()
        other.join()
    assert stop.value.exit_code == 143  # of its own signal
