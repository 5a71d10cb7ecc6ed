"""Machines that are network namespaces, and a rehearsal on them."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import REPOSITORY

from tools.attacks import rehearse
from tools.attacks.network import Network, namespace_of
from tools.attacks.sandbox import NotTried

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
    return machine.popen(command, stdout=subprocess.PIPE, text=True).communicate()[0].strip()


def receive(machine):
    receiver = machine.popen([sys.executable, '-c', RECEIVE, machine.address],
                             stdout=subprocess.PIPE, text=True)
    assert receiver.stdout.readline() == 'listening\n'
    return receiver


def test_machines_have_names_and_addresses_and_links_with_rate_and_delay(network):
    first, second = network.machines
    assert [output(machine, 'hostname') for machine in network.machines] == ['node0', 'node1']
    assert [output(machine, 'ip', '-br', '-4', 'addr', 'show', 'eth0').split()[-1]
            for machine in network.machines] == ['10.77.0.1/24', '10.77.0.2/24']
    assert 'port0' not in os.listdir('/sys/class/net')  # of the host

    def speed():  # bytes a second
        receiver = receive(first)
        assert output(second, sys.executable, '-c', SEND, first.address, '1000000') == '1'
        return float(receiver.communicate()[0])
    first.shape(rate=16 * 10 ** 6)
    assert 1.6e6 < speed() < 2.3e6
    first.shape()
    assert speed() > 1e7
    try:
        first.shape(delay=0.05)
    except NotTried as reason:  # not every kernel has netem
        assert re.search('netem .*qdisc kind is unknown', str(reason), re.S)
    else:
        assert 'delay 50ms' in output(first, 'tc', 'qdisc', 'show', 'dev', 'eth0')


def test_a_link_that_is_down_loses_everything_without_a_word(network):
    first, second = network.machines
    receiver = receive(first)
    second.link(up=False)
    sender = second.popen([sys.executable, '-c', SEND, first.address, '1'], stderr=subprocess.PIPE,
                          text=True)
    assert sender.communicate()[1].endswith('timed out\n') and receiver.poll() is None
    second.link(up=True)
    assert output(second, sys.executable, '-c', SEND, first.address, '1') == '1'
    receiver.communicate()


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


def test_one_machine_is_refused_and_missing_commands_are_named(monkeypatch, capsys):
    with pytest.raises(SystemExit) as stop:
        rehearse.main(['1'])
    assert stop.value.code == 2 and 'expected 2 machines or more' in capsys.readouterr().err
    monkeypatch.setattr(shutil, 'which', lambda *_, **__: None)
    assert rehearse.main(['2', '--model', 'lenet_bn']) == 1
    assert capsys.readouterr().err == ('error: no machines can be played here: no command ip, tc, '
                                       'nsenter, of iproute2 and util-linux\n')
