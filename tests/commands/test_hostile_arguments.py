"""Arguments that no user means: each is refused in a line, and nothing is replaced."""
import os
import shutil
import socket
import stat
import sys

import pytest

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


def bind(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)  # a complete path may be too long


@pytest.mark.parametrize('make, replaced', [
    (os.mkfifo, False), (bind, False), (lambda path: os.makedirs(path + '/mine'), False),
    (lambda path: os.symlink(path, path), False), (lambda path: open(path, 'w').close(), True)])
def test_another_kind_of_file_is_no_run_and_only_a_file_is_replaced_by_answers(
        command, make_run, monkeypatch, make, replaced):
    def state():
        return [(name, stat.S_IFMT(os.lstat(name).st_mode)) for name in sorted(os.listdir('.'))]
    make('place')
    before = state()
    for argv in [[*TRAIN, '--out', 'place'], ['train', '--resume', 'place'], ['evaluate', 'place'],
                 ['predict', 'place', 'place'], ['report', 'place'], ['export', 'place']]:
        code, out, err = command(*argv)
        assert (code, out) == (1, '') and 'place' in err and err.count('error: ') == 1, argv
    assert state() == before
    folder, _ = make_run()
    monkeypatch.setitem(sys.modules, 'matplotlib', None)  # a drawing takes longer than the rest
    code, _, err = command('evaluate', folder, '--json', 'place')
    assert (code, 'place' in err) == ((0, False) if replaced else (1, True))
    shutil.rmtree(folder)
    assert state() == before
