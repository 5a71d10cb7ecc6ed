"""Several machines: each launcher starts its share of the processes, and ends with all."""
import os
import re
import signal
import socket
import threading

import pytest
from launchers import both, hub, join, relay
from stand_ins import WORKER

from gluonblocks.distributed.launcher import WorkerError, free_port
from gluonblocks.distributed.lines import Lines
from gluonblocks.distributed.watch import Limits
from gluonblocks.training.interrupt import Interrupted

pytestmark = pytest.mark.usefixtures('stand_ins')


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
