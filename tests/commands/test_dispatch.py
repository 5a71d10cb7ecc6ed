"""`gluonblocks COMMAND` and `python -m gluonblocks COMMAND`: which command, and its mistakes."""
import os
import subprocess
import sys

import pytest
from conftest import environment

import gluonblocks as gb
from gluonblocks.commands import dispatch


def call(*arguments, **env):
    done = subprocess.run([sys.executable, '-m', 'gluonblocks', *arguments], capture_output=True,
                          text=True, env=environment(**env))
    assert 'Traceback' not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_help_names_every_command():
    code, out, err = call('--help')
    assert code == 0 and err == ''
    assert all('\n  %s ' % name in out for name in dispatch.COMMANDS)


def test_the_version_is_told():
    assert call('--version') == (0, 'gluonblocks %s\n' % gb.__version__, '')


def test_an_unknown_command_is_code_2_with_the_list():
    assert call('trian') == (2, '', "error: there is no command 'trian'; the commands are: train, "
                                    'evaluate, predict, report, export, doctor\n'
                                    'See gluonblocks --help\n')


@pytest.mark.parametrize('name', dispatch.COMMANDS)
def test_every_command_has_help_with_an_example_under_its_own_name(name):
    code, out, err = call(name, '--help')
    assert code == 0 and err == ''
    assert 'example' in out and '\n  gluonblocks %s' % name in out


def test_an_error_of_the_system_is_told_without_its_number(tmp_path):
    (tmp_path / 'run').symlink_to('run')
    code, out, err = call('evaluate', str(tmp_path / 'run'))
    assert (code, out) == (1, '')
    assert err == 'error: %s/run/config.json: Too many levels of symbolic links\n' % tmp_path


def test_a_wrong_argument_comes_first_and_help_second():
    code, out, err = call('train', '--model', 'lenet_bn', '--epochs', 'many')
    assert (code, out) == (2, '')
    assert err == ("error: argument --epochs: 'many' is no whole number\n"
                   'See gluonblocks train --help\n')


def test_without_a_command_it_is_the_doctor(tmp_path):
    _, out, _ = call(MXNET_HOME=str(tmp_path))
    assert out.startswith('gluonblocks ')


@pytest.mark.parametrize('name', ['train', 'evaluate', 'predict', 'report'])
def test_without_mxnet_each_says_what_to_install(tmp_path, name):
    (tmp_path / 'mxnet.py').write_text('raise ImportError("No module named mxnet")')
    env = environment()
    env['PYTHONPATH'] = os.pathsep.join([str(tmp_path), env['PYTHONPATH']])
    done = subprocess.run([sys.executable, '-m', 'gluonblocks', name, 'x'], capture_output=True,
                          text=True, env=env)
    assert done.returncode == 1 and done.stdout == ''
    assert done.stderr.startswith('error: MXNet could not be imported')
