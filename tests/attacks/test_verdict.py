"""How the attack runs a command and judges it."""
import contextlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import REPOSITORY

from tools.attacks import machines
from tools.attacks.jobs import Done, Job
from tools.attacks.shim import compile_shim
from tools.attacks.verdict import CLEAN, Defect, clean_error, snapshot, unchanged

# Commands that the attack runs in place of those of gluonblocks, under limits and with the shim.
COMMANDS = """
import json, os, signal, sys, time, types
from tools.attacks import jobs, shim

def main():
    what, = sys.argv[1:]
    if what == 'write':
        for k in range(3):
            with open(str(k), 'wb', buffering=0) as f:
                f.write(b'123456')
        print('written', flush=True)
    elif what == 'fill':
        time.sleep(len(bytearray(100 << 20)))
    elif what == 'wait':
        time.sleep(100)
    return 3

sys.modules['gluonblocks'] = types.ModuleType('gluonblocks')
sys.modules['gluonblocks.__main__'] = module = types.ModuleType('gluonblocks.__main__')
module.main = main
jobs.SECONDS, jobs.MEMORY = 3, 80 << 20
to_run = []
for name, argv, how in [
        ('plain', ['write'], {}), ('large', ['fill'], {}), ('late', ['wait'], {}),
        ('ended', ['wait'], {'kill': (0.2, signal.SIGTERM)})] + [
        (name, ['write'], {'shim': shim.Shim(os.path.abspath(name), **how)}) for name, how in [
            ('counted', {}), ('killed', {'at': 3, 'action': shim.BEFORE, 'value': signal.SIGKILL}),
            ('full', {'at': 2, 'action': shim.ERROR, 'value': 28, 'calls': shim.WRITE}),
            ('short', {'at': 1, 'action': shim.SHORT, 'calls': shim.WRITE, 'only': '/1'})]]:
    os.mkdir(name)
    to_run.append(jobs.Job(argv, os.path.abspath(name), **how))
print(json.dumps([jobs.run(job)[1:] for job in to_run]))
"""


@pytest.mark.skipif(not shutil.which('cc'), reason='the attack needs a C compiler')
def test_commands_end_by_themselves_or_by_a_limit_a_signal_or_a_call(tmp_path):
    shim = compile_shim(str(tmp_path))
    output = subprocess.run([sys.executable, '-c', COMMANDS], stdout=subprocess.PIPE,
                            cwd=str(tmp_path),
                            env=dict(os.environ, PYTHONPATH=REPOSITORY, LD_PRELOAD=shim)).stdout
    plain, large, late, ended, counted, killed, full, short = [
        Done(None, *one) for one in json.loads(output)]
    assert (plain.code, plain.out) == (3, 'written\n')
    assert (late.exceeded, large.exceeded, ended.code) == ('time', 'memory', -15)
    assert (counted.code, counted.calls) == (3, 6)  # three files opened, and written once
    assert (killed.code, killed.calls) == (-9, 3)
    assert full.code == 1 and 'No space left on device' in full.err
    assert short.calls == 1
    assert [(tmp_path / 'short' / name).stat().st_size for name in '012'] == [6, 3, 6]


def done(code=1, out='', err='', exceeded=''):
    return Done(Job(['train'], '/'), code, out, err, 1.0, exceeded)


@pytest.mark.parametrize('one, said', [
    (done(0), 'exit code 0'), (done(3, err='error: x'), 'exit code 3'),
    (done(err='it failed'), 'starts with "error: "'), (done(err='error: '), 'has no message'),
    (done(err='error: ' + 'x\n' * 30), '30 lines'),
    (done(err='error: something is wrong'), 'does not name run'),
    (done(err='Traceback (most recent call last):\nKeyError: 3\nerror: run'), 'KeyError: 3'),
    (done(-11, err='error: run'), 'signal 11'),
    (done(-9, exceeded='memory'), 'too much memory'), (done(-9, exceeded='time'), 'still running')])
def test_only_an_error_that_names_the_file_is_clean(one, said):
    assert clean_error(done(err='a note\nerror: run/x.csv: damaged\n'), 'run/x.csv') == CLEAN
    with pytest.raises(Defect, match=said):
        clean_error(one, 'run')


@pytest.mark.parametrize('name, said', [('mine', 'changed: mine'),
                                        ('.tmp-1-0123456789abcdef-x', 'behind: .tmp-N-x')])
def test_a_changed_file_or_a_temporary_one_is_a_defect(tmp_path, name, said):
    (tmp_path / 'mine').write_text('mine')
    before = snapshot(str(tmp_path))
    unchanged(before, snapshot(str(tmp_path)))
    (tmp_path / name).write_text('other')
    with pytest.raises(Defect, match=said):
        unchanged(before, snapshot(str(tmp_path)))


@pytest.mark.parametrize('n, code, err, wrong', [
    (0, 1, 'error: node1:1, step 7: was ended by SIGKILL', None),
    (1, 1, 'error: the first machine, 10.77.0.1:29400, step 7: nothing was heard', None),
    (0, 1, 'error: node2:2, step 7: was ended', 'does not name'), (0, 0, '', 'exit code 0'),
    (0, 1, '', 'does not name'), (0, -9, '', 'signal 9')])
def test_a_launcher_has_to_end_with_a_line_that_names_the_machine_that_was_hit(n, code, err, wrong):
    with pytest.raises(Defect, match=wrong) if wrong else contextlib.nullcontext():
        machines.judge(done(code, '', err), 1, n, complete=False)
    machines.judge(done(0), 1, n, complete=True)
