"""`gluonblocks COMMAND` and `python -m gluonblocks COMMAND`: which command, and how it ends."""
import os
import re
import subprocess
import sys

import pytest
from conftest import environment

import gluonblocks as gb
from gluonblocks import _runtime
from gluonblocks.commands import dispatch


def test_help_names_every_command_and_each_has_help_with_an_example(command):
    code, out, err = command('--help')
    assert code == 0 and err == ''
    for name in dispatch.COMMANDS:
        assert '\n  %s ' % name in out
        code, helped, err = command(name, '--help')
        assert (code, err) == (0, '') and 'example' in helped
        assert '\n  gluonblocks %s' % name in helped


def test_without_arguments_it_greets_with_commands_that_exist_and_names_the_doctor(command):
    code, out, err = command()
    assert (code, err) == (0, '')
    named = re.findall(r'gluonblocks (\w+) ', out)
    assert named == ['train', 'predict', 'export', 'doctor'] and set(named) <= set(
        dispatch.COMMANDS)


def test_the_version_and_an_unknown_command(command):
    assert command('--version') == (0, 'gluonblocks %s\n' % gb.__version__, '')
    for word in ('trian', '--', '\udcff'):
        assert command(word) == (2, '', 'error: expected a command (train, evaluate, predict, '
                                        'report, export, doctor), got %r\n'
                                        'See gluonblocks --help\n' % word)


def test_an_error_of_the_system_is_told_without_its_number(command, tmp_path):
    (tmp_path / 'run').symlink_to('run')
    code, out, err = command('evaluate', tmp_path / 'run')
    assert (code, out) == (1, '')
    assert err == 'error: %s/run/config.json: Too many levels of symbolic links\n' % tmp_path


@pytest.mark.parametrize('error, code, said', [
    (ModuleNotFoundError('No module named x', name='x'), 1, 'Install it: pip install x\n'),
    (MemoryError(), 1, 'error: MemoryError\n'),
    (RuntimeError('a trace\nof MXNet: the reason\n'), 1, 'error: of MXNet: the reason\n'),
    (KeyboardInterrupt('why'), 130, 'interrupted: why\n')])
def test_an_error_is_a_line_or_two_and_no_traceback(command, monkeypatch, error, code, said):
    def fail(args):
        raise error
    monkeypatch.setattr('gluonblocks.commands.evaluate.main', fail)
    ended, out, err = command('evaluate', 'x')
    assert (ended, out) == (code, '') and err.endswith(said) and 'Traceback' not in err


def test_without_mxnet_a_process_says_what_to_install(tmp_path):
    (tmp_path / 'mxnet.py').write_text('raise ImportError("No module named mxnet")')
    env = environment()
    env['PYTHONPATH'] = os.pathsep.join([str(tmp_path), env['PYTHONPATH']])
    done = subprocess.run([sys.executable, '-m', 'gluonblocks', 'train', '--model', 'lenet_bn'],
                          capture_output=True, text=True, env=env)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.startswith('error: MXNet could not be imported')
    assert _runtime.install_command() in done.stderr and 'Traceback' not in done.stderr
