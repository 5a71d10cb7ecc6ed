"""Arguments that no user means: each is refused in a line, and nothing is replaced."""
import os
import socket
import stat
import sys

import pytest
from conftest import smaller

from gluonblocks.commands import dispatch

TRAIN = ['train', '--model', 'lenet_bn', '--dataset', 'synthetic', '--epochs', '1']
NO_NUMBERS = ['', 'x', 'nan', '-inf', '1,2', 'two\nlines', '\udcff', '-9223372036854775809', '%s%n']


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize('option, values', [
    ('--epochs', NO_NUMBERS), ('--lr', NO_NUMBERS), ('--start-timeout', NO_NUMBERS),
    ('--lr-decay-epochs', ['', ',', 'x', '1,', '0']), ('--optimizer', ['', 'SGD', 'x\n']),
    ('--dataset', ['', 'mnist', '../x']), ('--model', ['', 'LeNet', '../x', '\udcff', 'a' * 5000]),
    ('--ctx', ['', 'tpu', 'cpu(0)', 'cpu:,', 'cpu:0,0', 'cpu:-1', 'gpu:99', 'cpu:100000000',
               'cpu:18446744073709551616']),
    ('--master', [':', 'x:y', '127.0.0.1:0', '127.0.0.1:99999'])])
def test_a_value_that_an_option_cannot_have_ends_with_code_2(command, option, values):
    for value in values:
        code, out, err = command(*TRAIN, '%s=%s' % (option, value))
        assert (code, out) == (2, '') and err.count('error: ') == 1, (value, err)
        assert len(err) < 1500 + 2 * len(value), value


@pytest.mark.parametrize('word', ['', '-', '--', '-x', '\udcff', 'two\nlines', '../..', 'Train'])
def test_a_word_that_is_not_a_command_ends_with_code_2(command, word):
    assert command(word)[0] == 2


def make(kind):
    """Put something of a kind where a command is told to read or write: at `place`."""
    if kind == 'pipe':
        os.mkfifo('place')
    elif kind == 'socket':
        with socket.socket(socket.AF_UNIX) as one:
            one.bind('place')  # a complete path may be too long
    elif kind == 'folder':
        os.mkdir('place')
        open('place/mine', 'w').close()
    elif kind == 'loop':
        os.symlink('place', 'place')
    else:
        open('there' if kind == 'link' else 'place', 'w').close()
        if kind == 'link':
            os.symlink('there', 'place')
    return state()


def state():
    return sorted((name, stat.S_IFMT(os.lstat(name).st_mode)) for name in os.listdir('.'))


@pytest.mark.parametrize('kind', ['pipe', 'socket', 'folder', 'loop', 'link', 'file'])
def test_a_run_is_neither_written_over_nor_read_from_another_kind_of_file(command, kind):
    before = make(kind)
    for argv in [[*TRAIN, '--out', 'place'], ['train', '--resume', 'place'], ['evaluate', 'place'],
                 ['predict', 'place', 'place'], ['report', 'place'], ['export', 'place']]:
        code, out, err = command(*argv)
        assert (code, out) == (1, '') and 'place' in err and err.count('error: ') == 1, argv
    assert state() == before


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """The folder of a run on a few images."""
    folder = str(tmp_path_factory.mktemp('runs') / 'run')
    with pytest.MonkeyPatch.context() as patch:
        smaller(patch, num_train=16, num_test=4)
        for name in ('stdout', 'stderr'):
            patch.setattr('sys.' + name, getattr(sys, name))
        assert dispatch.main([*TRAIN, '--seed', '0', '--batch-size', '8', '--ctx', 'cpu',
                              '--no-report', '--out', folder]) == 0
    return folder


@pytest.mark.parametrize('kind, expected', [
    ('pipe', 1), ('socket', 1), ('folder', 1), ('loop', 1), ('link', 0), ('file', 0)])
def test_answers_replace_files_only(command, run, monkeypatch, kind, expected):
    smaller(monkeypatch, num_train=16, num_test=4)
    monkeypatch.setitem(sys.modules, 'matplotlib', None)  # a drawing takes longer than the rest
    before = make(kind)
    code, _, err = command('evaluate', run, '--ctx', 'cpu', '--json', 'place')
    assert code == expected and (code == 0 or 'place' in err)
    assert state() == before
    assert kind != 'link' or os.path.getsize('there')


def test_an_image_whose_name_begins_with_a_dash_is_answered_also_on_two_devices(command, run):
    with open('-dash.pgm', 'wb') as f:
        f.write(b'P5 28 28 255\n' + bytes(784))
    code, out, _ = command('predict', run, '--ctx', 'cpu:0,1', '--', '-dash.pgm')
    assert code == 0 and out.startswith('-dash.pgm: ')
