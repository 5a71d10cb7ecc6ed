"""Two machines, which are network namespaces, between which a link is cut.

With stand-ins for processes that train; `python scripts/attack.py --only machines` cuts real ones.
"""
import re
import subprocess
import sys
import time

import pytest
from conftest import environment

from tools.attacks.network import Network
from tools.attacks.sandbox import NotTried

LAUNCHER = """
import sys
sys.path.insert(0, %r)
from launchers import Limits, error_of, first_machine, second_machine
master, limits = ('10.77.0.1', 29400), Limits(start=300, vanish=4)
code = "print('trains', flush=True); time.sleep(100)"
if sys.argv[1] == '0':
    launcher = first_machine(code, master, limits=limits,
                             show=lambda *line: print('shown', flush=True))
else:
    launcher = second_machine(code, master, limits=limits, interface=None)
print(error_of(launcher), flush=True)
""" % __file__.rpartition('/distributed')[0]


def test_all_processes_end_in_time_where_a_link_is_cut_and_each_machine_names_its_loss():
    try:
        made = Network(2)
    except NotTried as reason:
        pytest.skip(str(reason))
    with made as network:
        launchers = [machine.popen([sys.executable, '-c', LAUNCHER, str(k)], env=environment(),
                                   stdout=subprocess.PIPE, text=True)
                     for k, machine in enumerate(network.machines)]
        for _ in range(3):  # a line of each worker
            assert launchers[0].stdout.readline() == 'shown\n'
        network.machines[1].link(up=False)
        start = time.monotonic()
        first, second = [launcher.communicate()[0] for launcher in launchers]
        assert 2 < time.monotonic() - start < 40
        assert network.processes() == []
    gone = r': nothing was heard of it for 4 s: its machine, or its link, is gone\n'
    assert re.fullmatch(r'node1:1, step 3 \(node 1\)' + gone, first)
    assert re.fullmatch('the first machine, 10.77.0.1:29400, step 3' + gone, second)
