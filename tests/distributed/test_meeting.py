"""Several machines: launchers that wait for each other, and what they say where one is missing."""
import threading

import pytest
from launchers import hub, join, relay

from gluonblocks.distributed.launcher import WorkerError, free_port
from gluonblocks.distributed.lines import Lines
from gluonblocks.distributed.watch import Limits

pytestmark = pytest.mark.usefixtures('stand_ins')


def test_a_machine_that_was_asked_for_something_else_is_refused_and_another_may_come(capsys):
    master, said = ('127.0.0.1', free_port('127.0.0.1')), []

    def differ_and_come_again():
        with pytest.raises(WorkerError) as error:
            relay('', master, {'lr': 0.2, 'seed': 1}).run()
        said.append(str(error.value))
        relay("tell('done')", master, {'lr': 0.1, 'seed': 1}).run()
    other = threading.Thread(target=differ_and_come_again)
    other.start()
    hub("tell('done')", master, {'lr': 0.1, 'seed': 1}).run()
    other.join()
    assert said[0].endswith(' (node 1) differs from the first machine, so they cannot train '
                            'together: lr: 0.2 there, 0.1 on the first')
    assert said[0] in capsys.readouterr().err


def test_a_machine_that_does_not_come_is_named():
    with pytest.raises(WorkerError, match=r'^node 1, 2 has not come within 0.3 s: the same comm'):
        hub('', ('127.0.0.1', free_port('127.0.0.1')), limits=Limits(start=0.3), num_nodes=3).run()


def wait_for_a_third():
    """What the first and the second of three machines say that waited for the third in vain."""
    master, said = ('127.0.0.1', free_port('127.0.0.1')), []

    def wait():
        with pytest.raises(WorkerError) as error:
            relay('', master, limits=Limits(vanish=1.5)).run()
        said.append(str(error.value))
    other = threading.Thread(target=wait)
    other.start()
    with pytest.raises(WorkerError) as error:
        hub('', master, limits=Limits(start=3, vanish=1.5), num_nodes=3).run()
    other.join()
    return str(error.value), said[0]


def test_one_that_waits_with_the_first_for_a_third_is_told_of_it_and_not_given_up():
    first, second = wait_for_a_third()
    assert first.startswith('node 2 has not come within 3 s') and second == first


def test_two_that_wait_do_not_answer_each_ping_by_another(monkeypatch):
    sent, send = [], Lines.send

    def count(lines, kind, **content):
        sent.append(kind)
        return send(lines, kind, **content)
    monkeypatch.setattr(Lines, 'send', count)
    wait_for_a_third()
    assert 2 <= sent.count('ping') < 20  # one a second, of each


def test_one_that_ends_before_all_have_come_is_named_at_once_and_waited_for_again(capsys):
    master = '127.0.0.1', free_port('127.0.0.1')
    other = threading.Thread(target=lambda: join(master).close())
    other.start()
    with pytest.raises(WorkerError, match='^node 1, 2 has not come'):
        hub('', master, limits=Limits(start=1), num_nodes=3).run()
    other.join()
    assert capsys.readouterr().err == 'far (node 1): its launcher has ended, or the link to it\n'


def test_a_first_machine_that_is_not_there_is_named():
    port = free_port('127.0.0.1')
    with pytest.raises(WorkerError, match='^the first machine, 127.0.0.1:%d, was not reached wi'
                                          % port):
        relay('', ('127.0.0.1', port), limits=Limits(start=0.3)).run()
