"""Machines that are network namespaces, and a rehearsal on them."""
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import REPOSITORY

from tools.attacks.network import Network, namespace_of
from tools.attacks.verdict import NotTried

CONNECT = 'import socket, sys; socket.create_connection((sys.argv[1], 7), int(sys.argv[2]))'


@pytest.fixture
def network():
    try:
        made = Network(2)
    except NotTried as reason:
        pytest.skip(str(reason))
    with made:
        yield made


def output(machine, *command):
    return machine.popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True).communicate()[0].strip()


def test_machines_have_names_and_addresses_and_links_with_a_rate(network):
    first = network.machines[0]
    assert [output(machine, 'hostname') for machine in network.machines] == ['node0', 'node1']
    assert [output(machine, 'ip', '-br', '-4', 'addr', 'show', 'eth0').split()[-1]
            for machine in network.machines] == ['10.77.0.1/24', '10.77.0.2/24']
    assert 'port0' not in os.listdir('/sys/class/net')  # of the host
    first.shape(rate=40 * 10 ** 6)
    assert 'rate 40Mbit' in output(first, 'tc', 'qdisc', 'show', 'dev', 'eth0')
    first.shape()
    assert 'rate' not in output(first, 'tc', 'qdisc', 'show', 'dev', 'eth0')


def test_a_link_that_is_down_loses_everything_without_a_word(network):
    first, second = network.machines
    connect = (sys.executable, '-c', CONNECT, first.address)
    assert output(second, *connect, '20').endswith('Connection refused')
    second.link(up=False)
    assert output(second, *connect, '1').endswith('timed out')
    second.link(up=True)
    assert output(second, *connect, '20').endswith('Connection refused')


def test_what_runs_on_machines_is_listed_and_ends_with_them(network):
    process = network.machines[1].popen(['sleep', '1000'])
    assert network.machines[1].processes() == network.processes() == [process.pid]
    assert network.machines[0].processes() == []
    network.close()
    assert process.wait(10) == -signal.SIGKILL


def test_nothing_is_left_if_their_maker_is_killed(network):
    code = ('from tools.attacks.network import Network\nimport os, signal\nnetwork = Network(2)\n'
            "network.machines[0].popen(['sleep', '1000'])\n"
            'print(network._bridge, *network.processes(), *[m._pid for m in network.machines],\n'
            '      flush=True)\nos.kill(os.getpid(), signal.SIGKILL)')
    pids = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True,
                          cwd=REPOSITORY).stdout.split()
    assert len(pids) == 4
    end = time.monotonic() + 10
    while any(map(namespace_of, map(int, pids))) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(map(namespace_of, map(int, pids)))


def test_a_rehearsal_tells_each_machine_of_the_others_and_ends_like_the_first(network, tmp_path):
    (tmp_path / 'gluonblocks.py').write_text(
        'import os, sys\nrank = sys.argv[-1]\nopen("rank" + rank, "w").write(" ".join('
        '[os.uname().nodename] + sys.argv[1:]))\nsys.exit(3 - int(rank))\n')
    done = subprocess.run([sys.executable, '-m', 'tools.attacks.rehearse', '2', '--epochs', '1'],
                          cwd=str(tmp_path), env=dict(os.environ, PYTHONPATH=REPOSITORY))
    assert done.returncode == 3
    for k in range(2):
        assert (tmp_path / ('rank%d' % k)).read_text() == (
            'node%d train --epochs 1 --nodes 2 --master 10.77.0.1:29400 --node-rank %d' % (k, k))
