"""Two machines, which are network namespaces, between which a link is cut.

The short form of `python scripts/attack.py --only machines`.
"""
import re
import time

import pytest
from conftest import environment

from tools.attacks.launches import Launch
from tools.attacks.machines import MARGIN, PROMISED
from tools.attacks.network import Network
from tools.attacks.sandbox import NotTried

ARGUMENTS = ['--out', 'run', '--model', 'lenet_bn', '--dataset', 'synthetic', '--ctx', 'cpu',
             '--batch-size', '64', '--epochs', '9', '--workers', '2', '--no-report',
             '--start-timeout', '120']


def test_all_processes_end_in_time_where_a_link_is_cut_and_each_machine_names_its_loss(tmp_path):
    try:
        made = Network(2)
    except NotTried as reason:
        pytest.skip(str(reason))
    with made as network:
        launch = Launch(network.machines, str(tmp_path), ARGUMENTS,
                        dict(environment(), OMP_NUM_THREADS='1'))
        while launch.running() and not launch.epoch():
            time.sleep(0.05)
        network.machines[1].link(up=False)
        start = time.monotonic()
        while (launch.running() or network.processes()) and time.monotonic() < start + 100:
            time.sleep(0.1)
        assert network.processes() == [] and not launch.running()
        assert 15 < time.monotonic() - start < PROMISED['link down'] + MARGIN
    assert [process.returncode for process in launch.processes] == [1, 1]
    first, second = [re.findall('^error: (.*)', launch.err(k), re.M) for k in range(2)]
    gone = 'nothing was heard of it for 20 s: its machine, or its link, is gone'
    assert re.fullmatch(r'node1:1, step \d+ \(node 1\): ' + gone, *first)
    assert re.fullmatch(r'the first machine, 10.77.0.1:29400, step \d+: ' + gone, *second)
