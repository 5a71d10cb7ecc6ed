"""A training rehearsed on several machines that one plays."""
import json
import os
import subprocess
import sys

import pytest

from attacks import rehearse
from attacks.jobs import ROOT
from attacks.network import Network
from attacks.sandbox import NotTried

TRAIN = ['--model', 'lenet_bn', '--dataset', 'synthetic', '--seed', '0', '--epochs', '1',
         '--workers', '2', '--no-report', '--out', 'run']


def rehearsed(folder, *arguments):
    """What became of a rehearsal on two machines, where such can be made."""
    try:
        Network(2).close()
    except NotTried as reason:
        pytest.skip(str(reason))
    return subprocess.run([sys.executable, '-m', 'attacks.rehearse', '2', *arguments], cwd=folder,
                          env=dict(os.environ, PYTHONPATH=ROOT), capture_output=True, text=True)


def test_the_first_machine_prints_the_lines_and_keeps_the_run_of_all(tmp_path):
    done = rehearsed(tmp_path, *TRAIN)
    assert done.returncode == 0, done.stderr
    assert [line.split(',')[0] for line in done.stdout.splitlines()] == [
        'training on cpu(0)', 'epoch 1']
    assert json.loads((tmp_path / 'run' / 'config.json').read_text())['workers'] == 2


def test_it_ends_with_the_exit_code_of_the_first_machine(tmp_path):
    done = rehearsed(tmp_path, '--model', 'no_such', '--workers', '2')
    assert done.returncode == 2 and 'no_such' in done.stderr


@pytest.mark.parametrize('count', ['1', '-3', 'two'])
def test_less_than_two_machines_are_refused(count, capsys):
    with pytest.raises(SystemExit) as ended:
        rehearse.main([count])
    assert ended.value.code == 2
    assert '%s is no number of machines, 2 or more' % count in capsys.readouterr().err


def test_where_no_machines_can_be_made_that_is_said(monkeypatch, capsys):
    monkeypatch.setattr('shutil.which', lambda *_, **__: None)
    assert rehearse.main(['2', '--model', 'lenet_bn']) == 1
    assert capsys.readouterr().err == ('error: no machines can be played here: no command ip, tc, '
                                       'nsenter, of iproute2 and util-linux\n')
