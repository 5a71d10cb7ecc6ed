"""Machines that are network namespaces."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from attacks.network import Network, namespace_of, processes_in
from attacks.sandbox import NotTried

SEND = ('import socket, sys; s = socket.create_connection((sys.argv[1], 7), 1); '
        's.sendall(bytes(int(sys.argv[2]))); s.shutdown(1); print(len(s.recv(1)))')
RECEIVE = """
import socket, sys, time
listener = socket.create_server((sys.argv[1], 7))
print('listening', flush=True)
link, start, count = listener.accept()[0], None, 0
while True:
    content = link.recv(2 ** 20)
    if not content:
        break
    start, count = start or time.monotonic(), count + len(content)
print(count / (time.monotonic() - start))
link.sendall(b'!')
"""


@pytest.fixture
def network():
    try:
        made = Network(2)
    except NotTried as reason:
        pytest.skip(str(reason))
    with made:
        yield made


def output(machine, *command):
    process = machine.popen(command, stdout=subprocess.PIPE, text=True)
    return process.communicate()[0].strip()


def send(network, count):
    """Bytes a second from the second machine to the first."""
    first, second = network.machines
    receiver = first.popen([sys.executable, '-c', RECEIVE, first.address], stdout=subprocess.PIPE,
                           text=True)
    assert receiver.stdout.readline() == 'listening\n'
    assert output(second, sys.executable, '-c', SEND, first.address, str(count)) == '1'
    return float(receiver.communicate()[0])


def ended(pids):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if not any(map(namespace_of, pids)):
            return True
        time.sleep(0.02)
    return False


def test_each_machine_has_a_name_and_an_address_of_its_own(network):
    assert [output(machine, 'hostname') for machine in network.machines] == ['node0', 'node1']
    assert [output(m, 'ip', '-br', '-4', 'addr', 'show', 'eth0').split()[-1]
            for m in network.machines] == ['10.77.0.1/24', '10.77.0.2/24']
    assert 'port0' not in os.listdir('/sys/class/net')  # of the host


def test_a_link_has_the_rate_that_it_is_given_and_then_none(network):
    for machine in network.machines:
        machine.shape(rate=40 * 10 ** 6)
    # 40 Mbit/s are 5 MB a second.
    assert 4e6 < send(network, 3 * 10 ** 6) < 5.5e6
    for machine in network.machines:
        machine.shape()
    assert send(network, 3 * 10 ** 6) > 2e7


def test_a_delay_is_there_or_said_not_to_be(network):
    first = network.machines[0]
    try:
        first.shape(delay=0.05)
    except NotTried as reason:
        assert re.search('netem .*qdisc kind is unknown', str(reason), re.S)
    else:
        assert 'delay 50ms' in output(first, 'tc', 'qdisc', 'show', 'dev', 'eth0')


def test_a_link_that_is_down_carries_nothing_and_tells_nobody(network):
    first, second = network.machines
    receiver = first.popen([sys.executable, '-c', RECEIVE, first.address], stdout=subprocess.PIPE)
    receiver.stdout.readline()
    second.link(up=False)
    sender = second.popen([sys.executable, '-c', SEND, first.address, '1'],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert sender.communicate()[1].endswith('timed out\n')
    assert receiver.poll() is None
    second.link(up=True)
    assert output(second, sys.executable, '-c', SEND, first.address, '1') == '1'
    receiver.communicate()


def test_all_that_runs_there_is_told_and_ends_with_the_network(network):
    process = network.machines[1].popen(['sleep', '1000'])
    assert network.machines[1].processes() == network.processes() == [process.pid]
    assert network.machines[0].processes() == []
    network.close()
    assert process.wait(10) == -signal.SIGKILL


def test_nothing_is_left_where_who_made_it_is_killed(network):
    code = ('from attacks.network import Network\nimport os, signal, sys\nnetwork = Network(2)\n'
            "network.machines[0].popen(['sleep', '1000'])\n"
            'print(network._bridge, *network.processes(), *[m._pid for m in network.machines])\n'
            'sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)')
    out = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True,
                         cwd=os.path.dirname(os.path.dirname(os.path.dirname(__file__)))).stdout
    pids = [int(word) for word in out.split()]
    assert len(pids) == 4 and ended(pids)


def test_what_is_lacking_is_said(monkeypatch):
    monkeypatch.setattr(shutil, 'which', lambda name, path=None: None)
    with pytest.raises(NotTried, match='^no command ip, tc, nsenter, of iproute2 and util-linux$'):
        Network(2)


def test_its_own_process_is_on_no_machine(network):
    assert os.getpid() not in processes_in([namespace_of(m._pid) for m in network.machines])
