"""`gluonblocks predict`: its lines, its notes, and its errors."""
import json
import sys

import numpy as np
import pytest
from picture_files import A, cut, saved

import gluonblocks as gb


def test_the_command_answers_what_it_can_and_names_the_rest(
        tmp_path, make_run, command, monkeypatch):
    folder, _ = make_run(dataset='fashion-mnist')
    half, good = cut(tmp_path), saved(tmp_path, A, '-good.png')
    monkeypatch.chdir(tmp_path)
    code, out, err = command('predict', folder, half, '--top', '2', '--', '-good.png', 'missing')
    (answer,) = gb.predict_files(str(folder), [good], top=2)
    assert code == 1
    assert out == '-good.png: %s\n' % ', '.join('%s %.3f' % pair for pair in answer.classes)
    assert [line.split(': ')[:2] for line in err.splitlines()] == [
        ['error', half], ['error', 'missing']]


def test_the_command_gives_a_line_of_json_for_each_picture(tmp_path, make_run, command):
    folder, _ = make_run(dataset='fashion-mnist')
    paths = [saved(tmp_path, 255 - A), str(tmp_path / 'none.png')]
    code, out, err = command('predict', folder, '--json', '--invert', '--top', '10', *paths)
    good, bad = [json.loads(line) for line in out.splitlines()]
    assert code == 1 and [good['file'], bad['file']] == paths
    assert {c['name'] for c in good['classes']} == set(gb.get_fashion_mnist_labels(range(10)))
    assert abs(sum(c['probability'] for c in good['classes']) - 1) < 1e-5
    (answer,) = gb.predict_files(str(folder), [saved(tmp_path, A, 'b.png')], top=10)
    assert [tuple(c.values()) for c in good['classes']] == answer.classes
    assert 'no such file' in bad['error'] and 'no such file' in err


def test_the_command_hints_at_invert_if_the_background_is_bright(tmp_path, make_run, command):
    folder, _ = make_run()
    thing = np.full((100, 80), 250, np.uint8)
    thing[30:70, 20:60] = 30
    path = saved(tmp_path, thing)
    code, out, err = command('predict', folder, path)
    assert code == 0 and err.startswith('note: ' + path) and err.endswith('use --invert\n')


@pytest.mark.parametrize('arguments, said', [
    ((), 'RUN, IMAGE'),
    (('run', 'a.png', '--top', '0'), 'argument --top: must be a positive integer, got 0'),
    (('run', 'a.png', '--weights', 'worst'), "invalid choice: 'worst'")])
def test_wrong_arguments_end_with_code_2(command, arguments, said):
    code, out, err = command('predict', *arguments)
    assert code == 2 and out == '' and said in err


def test_without_pillow_it_says_what_to_install(make_run, command, tmp_path, monkeypatch):
    folder, _ = make_run()
    path = saved(tmp_path, A)
    monkeypatch.setitem(sys.modules, 'PIL', None)
    code, out, err = command('predict', folder, path)
    assert code == 1 and out == '' and "pip install 'pillow" in err
