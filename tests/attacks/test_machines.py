"""What the attack on three machines makes of how a training ended."""
import random
import signal
from typing import NamedTuple

import pytest

from attacks.command import parse
from attacks.hits import EPOCHS, FAULTS, HITS, PLACES, judge, plans_of
from attacks.report import hits_table
from attacks.verdict import Defect


class Ended(NamedTuple):
    """A launcher that has ended, and its launch."""

    code: int
    text: str
    argv: tuple = ()

    @property
    def processes(self):
        return 3 * [self]

    def poll(self):
        return self.code

    def path(self, k):
        return ''

    def out(self, k):
        return ''

    def err(self, k):
        return self.text


def judged(victim, fault, machine, n, code, err, complete=False):
    """Judge the launcher of machine `n` after a hit; what was wrong, or None."""
    one = {'victim': victim, 'fault': fault, 'machine': machine}
    try:
        judge(Ended(code, err), n, one, complete)
    except Defect as defect:
        return str(defect)
    return None


GONE = 'nothing was heard of it for 20 s: its machine, or its link, is gone\n'
WORKER_1 = 'error: node1:1, step 7: was ended by SIGKILL\n'


@pytest.mark.parametrize('how', [
    ('worker', 'SIGKILL', 1, 0, 1, 'words before\n' + WORKER_1),
    ('worker', 'SIGKILL', 1, 2, 1, WORKER_1),  # which was told
    ('worker', 'SIGSTOP', 1, 0, 1, 'error: node1:1: has not started within 60 s\n'),
    ('server', 'SIGSTOP', 2, 1, 1, 'error: node2:server 0: no beat for 40 s: it was stopped\n'),
    ('scheduler', 'SIGKILL', 0, 2, 1, 'error: node0:scheduler: was ended by SIGKILL\n'),
    ('launcher', 'SIGKILL', 1, 1, -signal.SIGKILL, ''),
    ('launcher', 'SIGKILL', 1, 0, 1, 'error: node1:1, step 7 (node 1): its launcher has ended\n'),
    ('launcher', 'SIGKILL', 2, 0, 1, 'error: node 2 has not come within 120 s: the same\n'),
    ('launcher', 'SIGSTOP', 0, 1, 1, 'error: the first machine, 10.77.0.1:29400, step 7: ' + GONE),
    ('machine', 'link down', 0, 0, 1, 'error: node2:2, step 7 (node 2): ' + GONE),
    ('machine', 'link down', 2, 0, 1, 'error: node2:2, step 7 (node 2): ' + GONE),
    ('machine', 'link down', 2, 2, 1, 'error: the first machine, 10.77.0.1:29400, step 7: ' + GONE)
])
def test_an_end_that_names_who_was_hit_is_right(how):
    assert judged(*how) is None


@pytest.mark.parametrize('n, code, err, said', [
    (0, 0, '', 'exit code 0'), (0, 2, WORKER_1, 'exit code 2'), (0, -9, '', 'ended by signal 9'),
    (0, 1, '', 'names another'), (0, 1, 2 * WORKER_1, 'names another'),
    (0, 1, WORKER_1.replace('node1:1', 'node2:2'), 'names another'),
    (0, 1, 'Traceback (most recent call last):\n' + WORKER_1, 'Traceback on stderr')])
def test_another_end_is_a_defect(n, code, err, said):
    assert said in judged('worker', 'SIGKILL', 1, n, code, err)


def test_what_was_complete_when_it_was_hit_may_end_well():
    assert judged('server', 'SIGKILL', 2, 0, 0, '', complete=True) is None


def test_hits_are_the_same_of_the_same_seed_and_of_every_sort_in_time():
    assert plans_of(random.Random('a')) == plans_of(random.Random('a'))
    plans = [plan for seed in range(50) for plan in plans_of(random.Random(seed))]
    assert len(plans) == 50 * HITS
    assert {(plan['victim'], plan['fault']) for plan in plans} == set(FAULTS)
    assert {plan['epoch'] for plan in plans} == set(range(EPOCHS + 1))
    assert all(plan['machine'] in PLACES[plan['victim']] for plan in plans)


def test_the_table_counts_by_who_was_hit_and_how():
    good = {'in_time': True, 'none_left': True, 'named': True, 'same': True}
    records = [{'hits': [dict(good, victim='worker', fault='SIGKILL', seconds=0.4),
                         dict(good, victim='server', fault='SIGSTOP', seconds=40.26)]},
               {'hits': [dict(good, victim='worker', fault='SIGKILL', seconds=7, in_time=False,
                              same=False)]}]
    lines = [[cell.strip() for cell in line.split('|')]
             for line in hits_table(records).splitlines()]
    assert lines[2:] == [['server, SIGSTOP', '1', '1', '1', '1', '1', '40.3 s'],
                         ['worker, SIGKILL', '2', '1', '2', '2', '1', '7.0 s'],
                         ['all', '3', '2', '3', '3', '2', '40.3 s']]


def test_machines_are_attacked_only_where_that_is_asked():
    assert 'machines' not in parse([]).only and 'kills' in parse([]).only
    assert parse(['--only', 'machines']).only == ['machines']
