"""Arguments that no user means: each is refused in a line, quickly, and nothing is replaced."""
import os
import socket
import stat
import sys

import pytest
from conftest import smaller

from gluonblocks.commands import dispatch

TRAIN = ['train', '--model', 'lenet_bn', '--dataset', 'synthetic', '--epochs', '1']
NO_NUMBERS = ['', ' ', 'x', 'nan', '-inf', '0x10', '1,2', 'True', 'two\nlines', '\udcff',
              '\x1b[31mred', '-9223372036854775809', '%s%n']
NUMBERS = ['--epochs', '--batch-size', '--lr', '--seed', '--checkpoint-every', '--momentum',
           '--weight-decay', '--lr-decay', '--warmup-epochs', '--label-smoothing', '--early-stop',
           '--resize', '--test-share', '--norm-stats-every', '--workers', '--servers',
           '--start-timeout', '--stall-timeout', '--nodes', '--node-rank']
OTHERS = {
    '--optimizer': ['', 'SGD', 'x\n'], '--lr-schedule': ['', 'linear', 'None'],
    '--dtype': ['', 'float64', '32'], '--augment': ['', 'flips'],
    '--dataset': ['', 'mnist', '../x'],
    '--model': ['', 'LeNet', 'lenet_bn ', '../x', '\udcff', 'a' * 5000],
    '--ctx': ['', 'tpu', 'CPU', 'cpu(0)', 'cpu:', 'cpu:,', 'cpu:0,', 'cpu:0,0', 'cpu:-1', 'gpu:99',
              'cpu:100000000', 'cpu:18446744073709551616', ','.join(['cpu:0', *map(str, range(
                  1, 5000))])],
    '--lr-decay-epochs': ['', ',', 'x', '1,', '0'],
    '--master': [':', 'x:y', '127.0.0.1:0', '127.0.0.1:99999']}


@pytest.fixture
def call(capfd, monkeypatch, tmp_path):
    """Run a command in this process, in an empty folder; returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        with monkeypatch.context() as patch:
            for name in ('stdout', 'stderr'):
                patch.setattr('sys.' + name, open(1 + (name == 'stderr'), 'w', closefd=False))
            try:
                code = dispatch.main(list(argv))
            except SystemExit as stop:
                code = stop.code
        out, err = capfd.readouterr()
        assert 'Traceback' not in err and 'Check failed' not in err
        assert len([line for line in err.splitlines() if line.startswith('error: ')]) == bool(code)
        return code, out, err
    return run


@pytest.mark.parametrize('option, values', [(option, NO_NUMBERS) for option in NUMBERS] + list(
    OTHERS.items()), ids=NUMBERS + list(OTHERS))
def test_a_value_that_an_option_cannot_have_ends_with_code_2(call, option, values):
    for value in values:
        code, out, err = call(*TRAIN, '%s=%s' % (option, value))
        assert (code, out) == (2, ''), (value, err)
        assert len(err) < 1500 + 2 * len(value), value


@pytest.mark.parametrize('word', ['', ' ', '-', '--', '-x', '\udcff', 'two\nlines', 'a' * 5000,
                                  '../..', '\x1b[31mred', 'Train'])
def test_a_word_that_is_not_a_command_ends_with_code_2(call, word):
    assert call(word)[0] == 2


def pipe(path):
    os.mkfifo(path)


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.basename(path))  # a complete path may be too long


def file(path):
    with open(path, 'w') as f:
        f.write('mine')


def full_folder(path):
    os.mkdir(path)
    file(os.path.join(path, 'mine'))


def link(path):
    file(path + '-there')
    os.symlink('place-there', path)


def loop(path):
    os.symlink('place', path)


PLACES = [pipe, a_socket, file, full_folder, link, loop]


def state(path):
    return sorted((name, stat.S_IFMT(os.lstat(os.path.join(path, name)).st_mode))
                  for name in os.listdir(path))


@pytest.mark.parametrize('make', PLACES, ids=lambda make: make.__name__)
def test_a_run_is_neither_written_over_nor_read_from_another_kind_of_file(call, make):
    make(os.path.abspath('place'))
    before = state('.')
    for argv in [[*TRAIN, '--out', 'place'], ['train', '--resume', 'place'], ['evaluate', 'place'],
                 ['predict', 'place', 'place'], ['report', 'place'], ['export', 'place']]:
        code, out, err = call(*argv)
        assert (code, out) == (1, '') and 'place' in err, argv
    assert state('.') == before


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """The folder of a run on a few images."""
    folder = str(tmp_path_factory.mktemp('runs') / 'run')
    with pytest.MonkeyPatch.context() as patch:
        smaller(patch, num_train=16, num_test=4)
        patch.setitem(sys.modules, 'matplotlib', None)
        assert dispatch.main([*TRAIN, '--seed', '0', '--batch-size', '8', '--ctx', 'cpu',
                              '--no-report', '--out', folder]) == 0
    return folder


@pytest.mark.parametrize('make, expected', [
    (pipe, 1), (a_socket, 1), (full_folder, 1), (loop, 1), (link, 0), (file, 0)],
    ids=lambda value: getattr(value, '__name__', ''))
def test_answers_replace_files_only(call, run, monkeypatch, make, expected):
    smaller(monkeypatch, num_train=16, num_test=4)
    monkeypatch.setitem(sys.modules, 'matplotlib', None)  # a drawing takes longer than the rest
    make(os.path.abspath('place'))
    before = state('.')
    code, _, err = call('evaluate', run, '--ctx', 'cpu', '--json', 'place')
    assert code == expected and (code == 0 or 'place' in err)
    assert state('.') == before
    if make is link:
        with open('place-there') as f:
            assert f.read().startswith('{')


def test_an_image_whose_name_begins_with_a_dash_is_answered_also_on_two_devices(call, run):
    with open('-dash.pgm', 'wb') as f:
        f.write(b'P5 28 28 255\n' + bytes(784))
    code, out, _ = call('predict', run, '--ctx', 'cpu:0,1', '--', '-dash.pgm')
    assert code == 0 and out.startswith('-dash.pgm: ')
