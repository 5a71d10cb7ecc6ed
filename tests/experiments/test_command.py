"""scripts/experiments.py: its arguments, its charts, and the document with its tables."""
import os

import pytest
from conftest import REPOSITORY

from tools.experiments import command

RESULTS = os.path.join(REPOSITORY, 'results', 'experiments')


def read_document():
    with open(command.DOCUMENT, encoding='utf-8') as f:
        return f.read()


@pytest.mark.parametrize('args, said', [
    ([], 'expected a NAME, one of bias, rates'),
    (['vgg'], "invalid choice: 'vgg'"),
    (['rates', '--chart', 'x.doc'], 'x.doc must end in .png or .svg'),
    (['bias', '--chart', 'x.png'], 'bias has no chart'),
    (['rates', '--seed', '-1'], 'expected a number from 0 to 2147483647, got -1')])
def test_wrong_arguments_are_code_2_with_what_is_allowed(args, said, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(args)
    out, err = capsys.readouterr()
    assert stop.value.code == 2 and out == '' and said in err


@pytest.mark.parametrize('args, said', [
    (['bias', '--data-root', '.'], 'train-images-idx3-ubyte: wrong content: SHA-256 '),
    (['rates', '--quick', '--chart', 'none/x.png'], "No such file or directory: 'none/x.png'")])
def test_data_and_charts_that_cannot_be_are_code_1(args, said, tmp_path, monkeypatch, capsys):
    for name in ('train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'):
        (tmp_path / (name + '-ubyte')).write_bytes(b'not what it should be')
    monkeypatch.chdir(tmp_path)
    assert command.main(args) == 1
    out, err = capsys.readouterr()
    assert out == '' and said in err


@pytest.mark.parametrize('name', command.NAMES)
def test_the_document_has_the_command_and_the_table_of_each_experiment(name):
    text = read_document()
    assert 'experiments.py %s`' % name in text
    with open(os.path.join(RESULTS, name + '.txt'), encoding='utf-8') as f:
        assert command.filled(text, name, f.read()) == text != command.filled(text, name, '')
