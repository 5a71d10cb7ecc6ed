"""scripts/attack.py: that it finds what is wrong, and does no harm of its own."""
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

from attacks.command import parse
from attacks.runner import KINDS, plan


def start(*args, root=REPOSITORY, **env):
    script = os.path.join(str(root), 'scripts', 'attack.py')
    return subprocess.Popen([sys.executable, script, *args], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, cwd=str(root),
                            env=dict(os.environ, **env))


def finish(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_some_of_what_was_mended_holds(tmp_path):
    cases = ['2-edited-seed-resume', '3-last-a-weight-is-no-number', '4-final-of-another-run',
             '11-own-file-in-a-new-folder', '10-previous-is-the-same', '1-json-null', 'swapped',
             'fails-at-fsync-last.safetensors', 'wrong-extension']
    figures = tmp_path / 'attack.json'
    code, out, err = finish(start(*[word for case in cases for word in ('--case', case)], '--json',
                                  str(figures), TMPDIR=str(tmp_path)))
    assert code == 0, out + err
    records = json.loads(figures.read_text())['records']
    assert [record['case'] for record in records] == cases or {
        record['case'] for record in records} == set(cases)
    assert re.search(r'^all +\| +9 \|', out, re.M) or 'not tried' in out
    assert os.listdir(str(tmp_path)) == ['attack.json']


@pytest.fixture
def planted(tmp_path):
    """A copy of the project in which config.json is believed whatever its checksum."""
    root = tmp_path / 'copy'
    for name in ('attacks', 'gluonblocks', 'scripts'):
        shutil.copytree(os.path.join(REPOSITORY, name), str(root / name),
                        ignore=shutil.ignore_patterns('__pycache__'))
    path = root / 'gluonblocks' / 'runs' / 'config.py'
    text = path.read_text()
    for check in ('checksum != _digest(config)', "config['identity'] != identity_of(config)"):
        assert check in text
        text = text.replace(check, 'False')
    path.write_text(text)
    return root


def test_a_check_that_is_gone_is_found_and_the_printed_command_finds_it_again(planted):
    code, out, err = finish(start('--only', 'runs', '--case', '2-edited-label_smoothing-resume',
                                  '--case', '2-edited-batch_size-evaluate', root=planted))
    assert code == 1, out + err
    found = re.search('^runs: (.*)$', out, re.M).group(1)
    command = shlex.split(re.search('  repeat: python (.*)', out).group(1))
    again = subprocess.run([sys.executable, *command], cwd=str(planted), capture_output=True,
                           text=True)
    assert again.returncode == 1 and found in again.stdout


def test_the_same_seed_draws_the_same_case(tmp_path):
    notes = []
    for name in ('one', 'two'):
        finish(start('--only', 'runs', '--case', '5', '--seed', '3', '--json',
                     str(tmp_path / name)))
        record, = json.loads((tmp_path / name).read_text())['records']
        notes.append(record['notes'][0])
    assert notes[0] == notes[1]


def test_stopped_it_leaves_no_process_and_no_file(tmp_path):
    process = start('--only', 'kills', '--case', 'killed-four-times', TMPDIR=str(tmp_path))
    while not os.listdir(str(tmp_path)):
        time.sleep(0.05)
    time.sleep(3)
    folder, = os.listdir(str(tmp_path))
    process.send_signal(signal.SIGTERM)
    code, out, err = finish(process)
    assert code == 130 and 'Traceback' not in err
    assert os.listdir(str(tmp_path)) == []
    assert not [pid for pid in os.listdir('/proc') if pid.isdigit() and folder in command_of(pid)]


def command_of(pid):
    try:
        with open('/proc/%s/cmdline' % pid) as f:
            return f.read()
    except OSError:
        return ''


@pytest.mark.parametrize('argv, said', [
    (['--only', 'cats'], "'cats' is none of kills, "), (['--cases', '0'], '0 is not a positive'),
    (['--case', 'no-such'], 'there is no case no-such'), (['--case', '7'], 'goes with --only')])
def test_wrong_arguments_are_told(argv, said, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(argv)
    assert stop.value.code == 2 and said in capsys.readouterr().err


def test_every_kind_has_its_share_and_the_fixed_cases_come_first():
    cases = plan(list(KINDS), 5000)
    fixed = [case for case in cases if not case.name.isdigit()]
    assert len(cases) == len(set(cases)) == 5000
    assert cases[:len(fixed)] == fixed
    assert sum(case.kind == 'kills' for case in cases) >= 300
    for kind in KINDS:
        assert [case for case in cases if case.kind == kind and case.name.isdigit()]


@pytest.mark.parametrize('cases', [50, 150, 1000])
def test_every_line_of_what_was_mended_has_a_case_in_the_short_form_too(cases):
    chosen = plan(list(KINDS), cases)
    assert len(chosen) == cases
    for number in range(1, 14):
        assert any(case.name.startswith('%d-' % number) for case in chosen), number
