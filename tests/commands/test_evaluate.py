"""`gluonblocks evaluate`: text, values and picture, and what it does not fail for."""
import json

import numpy as np
import pytest

import gluonblocks as gb
from gluonblocks.commands import evaluate
from gluonblocks.drawing.confusion import format_confusion

NAMES = ['bag', 'coat', 'dress']
#          predicted: bag, coat, dress
MATRIX = np.array([[6, 1, 1], [0, 2, 3], [0, 0, 0]])


def test_the_text_has_every_figure():
    lines = [line.split() for line in format_confusion(MATRIX, NAMES).splitlines()]
    assert lines == [['accuracy', '0.6154', 'on', '13', 'images'], [],
                     ['class', 'images', 'precision', 'recall', 'most', 'confused', 'with'],
                     ['bag', '8', '1.000', '0.750', 'coat', '(1)'],
                     ['coat', '5', '0.667', '0.400', 'dress', '(3)'],
                     ['dress', '0', '0.000', '-', '-'], [],
                     ['true', '\\', 'predicted', '0', '1', '2'],
                     ['0', 'bag', '6', '1', '1'], ['1', 'coat', '0', '2', '3'],
                     ['2', 'dress', '0', '0', '0']]


def test_the_command_prints_text_and_writes_numbers_and_picture(make_run, command, tmp_path):
    folder, _ = make_run()
    code, out, err = command('evaluate', folder, '--json', tmp_path / 'numbers.json')
    assert code == 0, err
    record = json.loads((tmp_path / 'numbers.json').read_text())
    matrix = np.array(record['confusion'])
    assert out == format_confusion(matrix, ['class %d' % i for i in range(10)]) + '\n'
    assert record['accuracy'] == gb.training.accuracy_of(matrix) and record['images'] == 20
    assert [c['count'] for c in record['classes']] == matrix.sum(axis=1).tolist()
    assert (folder / 'confusion.png').read_bytes().startswith(b'\x89PNG')


@pytest.mark.parametrize('error, said', [
    (OSError('x.png could not be written: Read-only file system'), 'Read-only file system'),
    (ImportError('No module named matplotlib'), 'pip install matplotlib')])
def test_a_picture_that_cannot_be_drawn_fails_only_if_it_was_asked_for(
        make_run, monkeypatch, command, error, said):
    folder, _ = make_run()

    def fail(matrix, names, path):
        raise error
    monkeypatch.setattr(evaluate, 'plot_confusion', fail)
    for arguments, expected in [([], (0, 'note')), (['--png', 'x.png'], (1, 'error'))]:
        code, out, err = command('evaluate', folder, *arguments)
        assert (code, err.split(':')[0]) == expected
        assert out.startswith('accuracy ') and said in err and err.count('.png') == 1


@pytest.mark.parametrize('name, problem', [
    ('evaluate', 'not a run folder: it does not exist'), ('report', 'not a run folder'),
    ('export', 'no such file or folder')])
def test_a_folder_that_is_no_run_ends_with_code_1(command, tmp_path, name, problem):
    code, out, err = command(name, tmp_path / 'none')
    assert (code, out) == (1, '') and err.startswith('error: ') and problem in err


def test_weights_that_do_not_exist_yet_are_spelled_as_on_the_command_line(make_run, command):
    folder, _ = make_run()
    (folder / 'best.safetensors').unlink()
    code, out, err = command('evaluate', folder)
    assert (code, out) == (2, '') and 'argument --weights: cannot be' in err
    assert "'best'" in err and "Use 'last'" in err
    assert 'weights=' not in err
