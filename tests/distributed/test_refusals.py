"""What several processes and machines refuse, and what they say; see test_place.py and
test_nodes.py for what is told of a machine, and tests/runs/test_workers.py for options."""
import os
import pickle
import socket

import pytest

from gluonblocks import __version__
from gluonblocks.distributed.launcher import WorkerError, launch
from gluonblocks.distributed.nodes import NodesHub
from gluonblocks.distributed.place import Place
from gluonblocks.distributed.watch import Limits
from gluonblocks.runs import together
from gluonblocks.runs.process import train_by
from gluonblocks.runs.resolve import check_given, resolve_options

SENDS = """
import sys
from gluonblocks.distributed import Workers
workers = Workers()
workers.join()
with open(sys.argv[1], 'rb') as f:
    workers.exchange._kv._send_command_to_servers(0, f.read().decode('latin1'))
import time
time.sleep(60)
"""


class Harmful:
    """What makes a folder where it is unpickled."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return os.mkdir, (self._path,)


def test_a_server_runs_nothing_that_is_sent_to_it_and_ends_the_run(tmp_path):
    (tmp_path / 'sends.py').write_text(SENDS)
    # As text, which is what MXNet sends.
    (tmp_path / 'sent').write_bytes(pickle.dumps(Harmful(str(tmp_path / 'made')), 0))
    with pytest.raises(WorkerError, match=r':server 0: ended with exit code 71:\n(.*\n)*'
                                          'error: a command was sent to the server'):
        launch([str(tmp_path / 'sends.py'), str(tmp_path / 'sent')], 1, limits=Limits(start=300))
    assert not (tmp_path / 'made').exists()


def first_machine(host, port):
    return NodesHub([], 2, 1, None, None, Limits(start=1), Place(2, 0, (host, port)), {})


def test_a_port_that_another_listens_on_is_refused():
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(WorkerError, match='^127.0.0.1:%d cannot be listened on: Addr' % port):
            first_machine('127.0.0.1', port).run()


def test_a_first_machine_whose_name_is_not_known_is_refused(monkeypatch):
    def unknown(name):
        raise socket.gaierror(-2, 'Name or service not known')
    monkeypatch.setattr(socket, 'gethostbyname', unknown)
    with pytest.raises(WorkerError, match='^master no-such-host is no host that is known here: '):
        first_machine('no-such-host', 29400)


def test_machines_compare_what_was_asked_and_the_version():
    given = {'lr': 0.1, 'data_root': '/here', 'ctx': 'cpu:0'}  # the last two may differ
    same = together.same_everywhere(given, resume=False)
    assert same == {'lr': 0.1, 'resume': False, 'gluonblocks': __version__}


class Meets:
    """Stands for `Workers`, and ends where they meet."""

    part = rank, num_workers = 0, 1
    facts = None

    def devices(self, devices):
        return devices

    def join(self, facts):
        self.facts = facts()
        raise InterruptedError


def facts(**asked):
    workers = Meets()
    with pytest.raises(InterruptedError):
        train_by(resolve_options('lenet_bn', check_given(dict({
            'dataset': 'synthetic', 'batch_size': 64, 'seed': 1}, **asked))), workers=workers)
    return workers.facts


def test_workers_compare_versions_and_the_use_of_the_operators():
    found = facts()
    assert all(found[name] for name in ('gluonblocks', 'mxnet', 'numpy', 'operators'))


@pytest.mark.parametrize('asked, differs', [
    ({'seed': 2}, {'options'}), ({'lr': 0.5}, {'options'}), ({'optimizer': 'adam'}, {'options'}),
    ({'dataset': 'worker_modules:load'}, {'options', 'num_classes', 'data_sha256'})])
def test_workers_with_another_seed_recipe_or_data_differ(asked, differs):
    one, other = facts(), facts(**asked)
    assert {name for name in one if one[name] != other[name]} == differs
