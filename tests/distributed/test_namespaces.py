"""Three machines, which are network namespaces: one training, a link that is cut, one that lacks.

The short form of `python scripts/attack.py --only machines`.
"""
import re
import time

import pytest
from conftest import environment
from small_runs import content

from tools.attacks.launches import Launch
from tools.attacks.machines import HOW, MARGIN, PROMISED, RUN, SIZE
from tools.attacks.network import Network
from tools.attacks.sandbox import NotTried

ENV = dict(environment(), OMP_NUM_THREADS='1')
SHORT = RUN + ['--epochs', '2', *HOW]


@pytest.fixture(scope='module')
def network():
    try:
        made = Network(SIZE + 1)
    except NotTried as reason:
        pytest.skip(str(reason))
    with made:
        yield made


@pytest.fixture(scope='module')
def cut(network, tmp_path_factory):
    """Of three machines, whose link to one was cut: (their launch, seconds until nothing ran there
    any more, launch of the same training on a fourth alone, meanwhile)."""
    folder = str(tmp_path_factory.mktemp('machines'))
    launch = Launch(network.machines[:SIZE], folder, ['--out', 'run', *SHORT], ENV)
    while launch.running() and not launch.epoch():
        time.sleep(0.02)
    network.machines[1].link(up=False)
    start = time.monotonic()
    alone = Launch(network.machines[SIZE:], folder, ['--out', 'run', *SHORT], ENV)
    while (launch.running() or left(network)) and time.monotonic() < start + 100:
        time.sleep(0.1)
    seconds = time.monotonic() - start
    network.machines[1].link(up=True)
    return launch, seconds, alone


def left(network):
    return [pid for machine in network.machines[:SIZE] for pid in machine.processes()]


def test_all_processes_on_all_machines_end_in_time_where_a_link_is_cut(cut, network):
    assert 0 < cut[1] < PROMISED['link down'] + MARGIN
    assert left(network) == []


def test_each_machine_tells_in_a_line_what_it_lost(cut):
    launch = cut[0]
    errors = [re.findall('^error: (.*)', launch.err(k), re.M) for k in range(SIZE)]
    assert [process.returncode for process in launch.processes] == [1, 1, 1]
    lost, = errors[0]
    assert re.fullmatch(r'node1:1, step \d+ \(node 1\): nothing was heard of it for 20 s: its '
                        'machine, or its link, is gone', lost)
    assert errors[2] == [lost]  # it was told
    assert re.fullmatch(r'the first machine, 10.77.0.1:29400, step \d+: nothing was heard of it '
                        'for 20 s: its machine, or its link, is gone', *errors[1])


def test_gone_on_with_they_end_with_the_bytes_of_three_workers_on_one_machine(cut, network):
    launch, _, alone = cut
    three = Launch(network.machines[:SIZE], launch.folder, ['--resume', 'run', *HOW], ENV)
    assert three.wait(300) and [process.returncode for process in three.processes] == [0, 0, 0]
    assert alone.wait(300) and alone.processes[0].returncode == 0, alone.err()
    assert content(three.path(0, 'run')) == content(alone.path(0, 'run'))


def test_a_machine_that_never_comes_is_named_on_those_that_came(network, tmp_path):
    launch = Launch(network.machines[:2], str(tmp_path),
                    ['--out', 'run', *SHORT, '--start-timeout', '10'], ENV, nodes=3)
    assert launch.wait(200) and [process.returncode for process in launch.processes] == [1, 1]
    assert [re.findall('^error: .*', launch.err(k), re.M) for k in range(2)] == 2 * [[
        'error: node 2 has not come within 10 s: the same command has to be started there, with '
        'its node_rank']]
    assert left(network) == []
