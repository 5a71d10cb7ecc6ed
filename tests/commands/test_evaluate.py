"""`gluonblocks evaluate`: text, numbers and picture, and what it does not fail for."""
import json

import numpy as np
import pytest

import gluonblocks as gb
from gluonblocks.commands import evaluate
from gluonblocks.drawing.confusion import format_confusion


def test_the_command_prints_text_and_writes_numbers_and_picture(make_run, script, tmp_path):
    folder, _ = make_run()
    code, out, err = script('evaluate.py', folder, '--json', tmp_path / 'numbers.json')
    assert code == 0, err
    record = json.loads((tmp_path / 'numbers.json').read_text())
    matrix = np.array(record['confusion'])
    assert out == format_confusion(matrix, ['class %d' % i for i in range(10)]) + '\n'
    assert record['accuracy'] == gb.training.accuracy_of(matrix) and record['images'] == 512
    assert [c['count'] for c in record['classes']] == matrix.sum(axis=1).tolist()
    assert (folder / 'confusion.png').read_bytes().startswith(b'\x89PNG')


def test_without_matplotlib_the_text_still_comes(make_run, script, tmp_path):
    folder, _ = make_run()
    (tmp_path / 'matplotlib.py').write_text('raise ImportError("none here")')
    code, out, err = script('evaluate.py', folder, PYTHONPATH=str(tmp_path))
    assert code == 0 and out.startswith('accuracy ') and 'pip install matplotlib' in err
    assert not (folder / 'confusion.png').exists()
    code, out, err = script('evaluate.py', folder, '--png', tmp_path / 'x.png',
                            PYTHONPATH=str(tmp_path))
    assert code == 1 and out.startswith('accuracy ') and err.startswith('error: ')


def test_a_folder_that_is_no_run_ends_with_code_1(script, tmp_path):
    code, out, err = script('evaluate.py', tmp_path / 'none')
    assert code == 1 and out == '' and err.startswith('error: ') and 'none' in err


@pytest.mark.parametrize('arguments, code', [([], 0), (['--png', 'x.png'], 1)])
def test_a_picture_that_cannot_be_written_fails_only_where_it_was_asked_for(
        make_run, monkeypatch, capsys, arguments, code):
    folder, _ = make_run()

    def read_only(matrix, names, path):
        raise OSError('%s could not be written: Read-only file system' % path)
    monkeypatch.setattr(evaluate, 'plot_confusion', read_only)
    args = evaluate.parse([str(folder), '--ctx', 'cpu'] + arguments, 'evaluate')
    assert evaluate.main(args) == code
    out, err = capsys.readouterr()
    assert '\naccuracy ' in out and 'Read-only file system' in err
