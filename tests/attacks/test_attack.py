"""scripts/attack.py: it finds a planted defect, and leaves no process and no file."""
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import REPOSITORY

from tools.attacks.command import parse
from tools.attacks.runner import KINDS


def start(*args, root=REPOSITORY, **env):
    return subprocess.Popen([sys.executable, os.path.join(str(root), 'scripts', 'attack.py'), *args,
                             '--jobs', '1'], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, cwd=str(root), env=dict(os.environ, **env))


compiler = pytest.mark.skipif(not shutil.which('cc'), reason='the attack needs a C compiler')


def copy_tools(root, *more):
    for name in ('tools', 'scripts', *more):
        shutil.copytree(os.path.join(REPOSITORY, name), str(root / name))


@compiler
def test_promises_that_hold_are_reported_and_nothing_is_left(tmp_path):
    cases = ['before its first call', 'fails at fsync of last.safetensors']
    figures = tmp_path / 'attack.json'
    attack = start(*[word for case in cases for word in ('--case', case)],
                   '--json', str(figures), TMPDIR=str(tmp_path))
    out, err = attack.communicate()
    assert attack.returncode == 0, out + err
    records = {record['case']: record['verdict'] for record in
               json.loads(figures.read_text())['records']}
    assert records == dict(zip(cases, ['equal', 'clean error']))
    assert re.search(r'^all +\| +2 \| +1 \| +1 \| +0 \| +0 \| +0$', out, re.M)
    assert os.listdir(str(tmp_path)) == ['attack.json']


@compiler
def test_a_planted_defect_is_found_with_the_command_that_repeats_it(tmp_path):
    copy_tools(tmp_path, 'gluonblocks')
    with open(str(tmp_path / 'gluonblocks' / '__main__.py'), 'a') as f:
        f.write('\n\n_main = main\n\n\ndef main():\n    _main()\n    return 0\n')
    attack = start('--case', 'pipe for images', root=tmp_path)
    out, err = attack.communicate()
    assert attack.returncode == 1, out + err
    assert '\ndata: different output without an error\n' in out, out + err
    script, *argv = shlex.split(re.search('  repeat: python (.*)', out).group(1))
    assert script == 'scripts/attack.py'
    assert parse(argv).planned == [('data', 'pipe for images')]


@compiler
def test_stopped_it_leaves_no_process_and_no_file(tmp_path):
    copy_tools(tmp_path)
    for name, text in [('__init__', ''), ('commands/train', ''),
                       ('data/fashion_mnist', ''),
                       ('__main__', 'import time\n\n\ndef main():\n    time.sleep(1000)\n')]:
        path = tmp_path / 'gluonblocks' / (name + '.py')
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    (tmp_path / 'tmp').mkdir()
    attack = start('--only', 'kills', '--case', '0', root=tmp_path, TMPDIR=str(tmp_path / 'tmp'))
    wait_for_processes(tmp_path, 3)  # the runner, its worker, a command
    attack.send_signal(signal.SIGTERM)
    assert attack.communicate()[1].strip() == 'interrupted' and attack.wait() == 130
    assert os.listdir(str(tmp_path / 'tmp')) == []
    wait_for_processes(tmp_path, 0)


def wait_for_processes(folder, number):
    """Wait until that many processes run an attack in a folder."""
    while len([pid for pid in os.listdir('/proc') if pid.isdigit() and 'tools.attacks.runner'
               in command(pid) and str(folder) in command(pid)]) != number:
        time.sleep(0.02)


def command(pid):
    try:
        with open('/proc/%s/cmdline' % pid) as f:
            return f.read()
    except OSError:
        return ''


@pytest.mark.parametrize('argv, said', [
    (['--only', 'cats'], 'expected one of kills, disk, data, '),
    (['--cases', '0'], "expected a positive integer, got '0'"),
    (['--case', 'no-such'], "unknown case 'no-such'"), (['--case', '7'], 'requires --only')])
def test_wrong_arguments_are_refused(argv, said, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(argv)
    assert stop.value.code == 2 and said in capsys.readouterr().err


def test_a_plan_has_the_fixed_cases_first_and_every_kind_except_machines():
    for number in (20, 150, 1000):
        cases = parse(['--cases', str(number)]).planned
        assert len(cases) == len(set(cases)) == number
        assert {case.kind for case in cases} == set(KINDS) - {'machines'}
        drawn = [case.name.isdigit() for case in cases]
        assert drawn == sorted(drawn)
