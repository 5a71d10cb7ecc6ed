"""Several workers that are measured: on machines of their own, or over loopback."""
import os

import pytest

from benchmarks.wire import machines
from benchmarks.wire.command import ALL, servers_of
from benchmarks.wire.machines import Machines, cpus_of
from tools.attacks.sandbox import NotTried

GBIT = 10 ** 9


def test_machines_share_the_cpus_without_a_common_one_or_have_one_each_in_turn():
    assert cpus_of(2, [0, 1, 2, 3]) == [[0, 1], [2, 3]]
    assert cpus_of(3, [4, 7]) == [[4], [7], [4]]
    assert cpus_of(1, [4, 7]) == [[4, 7]]


def test_there_are_not_more_servers_than_workers():
    assert servers_of([1, ALL], 4) == [1, 4]
    assert servers_of([1, 3, ALL], 2) == [1, 2]


class Lacks:
    """Stands in for the network of a system that lacks something: `no` names it."""

    def __init__(self, no):
        self.no, self.machines, self.shaped = no, [self, self], []

    def __call__(self, count):
        if self.no == 'namespaces':
            raise NotTried('no namespaces')
        return self

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def shape(self, rate=None, delay=None):
        if rate and self.no == 'tbf' or delay and self.no == 'netem':
            raise NotTried('this kernel has no %s' % self.no)
        self.shaped.append((rate, delay))


@pytest.mark.parametrize('no, links, apart', [
    ('namespaces', [None], False), ('tbf', [None], True), ('netem', [None, GBIT], True)])
def test_what_the_system_lacks_is_said_and_done_without(no, links, apart, monkeypatch):
    network = Lacks(no)
    monkeypatch.setattr(machines, 'Network', network)
    monkeypatch.setattr(Machines, '_probe', lambda self: 'probed')
    with Machines(2, [GBIT], 0.004) as found:
        assert found.links == links and found.apart == apart
        assert len(found.lacking) == 1 and 'no %s' % no in found.lacking[0]
        assert [found.shape(rate) for rate in links] == [None, 'probed'][:len(links)]
    assert not any(delay for _, delay in network.shaped)


def test_each_queue_of_a_round_trip_has_a_quarter_of_its_time(monkeypatch):
    network = Lacks('')
    monkeypatch.setattr(machines, 'Network', network)
    monkeypatch.setattr(Machines, '_probe', lambda self: None)
    with Machines(2, [GBIT], 0.004) as found:
        found.shape(GBIT)
        found.shape(None)
    assert network.shaped[-4:] == [(GBIT, 0.001)] * 2 + [(None, None)] * 2


def test_two_workers_send_what_the_model_says():
    job = dict(model='lenet_bn', batch_size=4, rounds=1, seconds=0.01, max_steps=2)
    with Machines(2, [GBIT]) as found:
        result = found.measure(job, 1, cpus_of(2, sorted(os.sched_getaffinity(0))))
        assert [of['rate'] for of in result['links']] == found.links
        assert min(result['compute'] + result['handling']) > 0
        for of_link in result['links']:
            assert min(of_link['step']) > 0
            for received, sent in of_link['bytes']:
                for count in (received, sent) if found.apart else (received / 4,):
                    assert 4 * 44878 < count < 1.2 * 4 * 44878


def test_machines_that_fail_say_why_and_the_same_only_once(monkeypatch, tmp_path):
    path = tmp_path / 'python'
    path.write_text('#!/bin/sh\necho first >&2\necho no room >&2\nexit 3\n')
    path.chmod(0o755)
    with Machines(2, [GBIT]) as found:
        monkeypatch.setattr(machines.sys, 'executable', str(path))
        with pytest.raises(machines.WorkerError, match='^machine 0: no room$'):
            found.measure({}, 1, [None, None])
