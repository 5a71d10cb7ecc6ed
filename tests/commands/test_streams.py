"""Commands whose stdout or stderr is closed, full, or read no more."""
import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY, environment, said

TRAIN = [os.path.join(REPOSITORY, 'scripts', 'train.py'), '--model', 'lenet_bn', '--dataset',
         'synthetic', '--epochs', '1', '--seed', '0']
DOCTOR = ['-m', 'gluonblocks', 'doctor']


def run(arguments, redirection, tmp_path, **env):
    """(exit code, what is in the file `out`, what is in the file `err`) of a shell's command."""
    for name in ('out', 'err'):
        (tmp_path / name).write_text('')
    line = '"$0" "$@" %s' % redirection
    code = subprocess.call(['bash', '-c', line, sys.executable, *arguments], cwd=str(tmp_path),
                           env=environment(**env))
    return code, (tmp_path / 'out').read_text(), (tmp_path / 'err').read_text()


def test_a_closed_stdout_is_no_error_for_nobody_wants_the_lines(tmp_path):
    code, out, err = run(TRAIN + ['--out', 'run'], '>&- 2>err', tmp_path)
    # On a busy machine there are lines of the progress too.
    assert code == 0 and len([line for line in said(err) if not line.startswith('epoch')]) == 1
    assert (tmp_path / 'run' / 'final.safetensors').exists()


@pytest.mark.parametrize('redirection', ['2>&-', '2>/dev/full'])
def test_a_closed_or_full_stderr_is_no_error_and_nothing_of_it_lands_on_stdout(
        tmp_path, redirection):
    code, out, err = run(TRAIN, redirection + ' >>out', tmp_path)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ['training', 'epoch']


def test_a_reader_that_goes_away_is_no_traceback(tmp_path):
    code, out, err = run(TRAIN + ['--epochs', '10000'],
                         '2>err | head -1 >out; exit ${PIPESTATUS[0]}', tmp_path)
    assert code == 141 and out.startswith('training on ') and 'Traceback' not in err


@pytest.mark.parametrize('arguments', [TRAIN, DOCTOR + ['train', '--help']])
def test_a_full_stdout_is_an_error_in_a_line(tmp_path, arguments):
    code, out, err = run(arguments, '>/dev/full 2>err', tmp_path, PYTHONUNBUFFERED='1')
    assert code == 1
    assert err.splitlines()[-1] == 'error: could not write to stdout: No space left on device'
    assert 'Traceback' not in err and 'Exception' not in err


@pytest.mark.parametrize('file, shown', [
    ('running.__file__', 'warning: too slow\n'),
    ("'other.py'", 'other.py:7: UserWarning: too slow\n')])
def test_a_warning_of_the_package_is_one_line_without_its_code(tmp_path, file, shown):
    program = ('import warnings; from gluonblocks.commands import running; running.run('
               'lambda _: warnings.warn_explicit("too slow", UserWarning, %s, 7), str)' % file)
    assert run(['-c', program], '2>err', tmp_path)[2] == shown
