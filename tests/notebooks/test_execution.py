"""scripts/notebooks.py: a notebook is executed completely, or stays as it was."""
import copy
import os
import signal
import sys
import time

import nbformat
import pytest
from conftest import REPOSITORY, load_script, start_script
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

EPOCH = 'epoch 1, loss 0.5000, train acc 0.800, test acc 0.810, time 9.0 sec\n'
here = load_script('notebooks')


def one_pass(batch):
    """The output of a dense block of two units for one pass."""
    return ''.join('X.shape: (%d, %d, 6, 6) --> Y.shape: (%d, 32, 6, 6)\n' % (batch, c, batch)
                   for c in (64, 96))


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a notebook of code cells; returns its path. IPython's own files stay in a folder."""
    monkeypatch.setenv('IPYTHONDIR', str(tmp_path / 'ipython'))
    monkeypatch.setattr(signal, 'signal', lambda *args: None)  # this process keeps its own

    def write(*sources):
        path = str(tmp_path / 'own.ipynb')
        nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
        return path
    return write


def test_a_notebook_gets_all_its_outputs(write, capsys):
    shapes = one_pass(4).splitlines()[0]
    path = write('import os', 'for i in range(22000):\n    print(%r)\n    if i %% 4400 == 4399:\n'
                 '        print("epoch", i)\nos.path.basename(os.getcwd())' % shapes)
    assert here.main([path]) == 0
    out, err = capsys.readouterr()
    assert out == '' and 'own.ipynb: cell 2 of 2\n' in err
    notebook = nbformat.read(path, as_version=4)
    stream, value = notebook.cells[1].outputs
    assert stream.text.count('epoch ') == 5 and stream.text.startswith(shapes + '\n[4,399 rep')
    assert 1 + sum(int(line[1:6].replace(',', '')) for line in stream.text.splitlines()
                   if line.startswith('[')) == 22000
    assert value.data['text/plain'] == repr(os.path.basename(REPOSITORY))
    assert [cell.execution_count for cell in notebook.cells] == [1, 2]
    assert set(notebook.metadata.gluonblocks) == {'code_sha256', 'version'}


@pytest.mark.parametrize('source, reason', [
    ('1 / 0', 'ZeroDivisionError: division by zero'), ('import os\nos._exit(3)', 'Kernel died')])
def test_if_a_cell_fails_the_notebook_stays_as_it_was(write, capsys, source, reason):
    path = write('print("in between")', source)
    before = open(path).read()
    assert here.main([path]) == 1
    err = capsys.readouterr().err
    assert 'error: could not execute %s, which is unchanged: ' % path in err and reason in err
    assert open(path).read() == before and not os.path.exists(path + '.part')


def test_interrupted_it_ends_its_kernel_and_the_notebook_stays_as_it_was(write, tmp_path):
    path = write('import os, time\nopen(%r, "w").write(str(os.getpid()))\ntime.sleep(60)'
                 % str(tmp_path / 'pid'))
    before = open(path).read()
    process = start_script('notebooks.py', [path], {})
    while not ((tmp_path / 'pid').exists() and (tmp_path / 'pid').read_text()):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and 'Traceback' not in err
    assert err.endswith('interrupted: %s is unchanged\n' % path)
    assert open(path).read() == before
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / 'pid').read_text()), 0)


def test_a_missing_notebook_and_a_missing_extra_are_errors(monkeypatch, capsys):
    monkeypatch.setattr(signal, 'signal', lambda *args: None)
    assert here.main(['5.14']) == 1
    assert 'error: could not execute 5.14, which is unchanged: ' in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, 'nbclient', None)
    assert here.main(['5.11']) == 1
    assert 'nbclient' in capsys.readouterr().err


def test_the_first_pass_of_each_kind_stays_and_the_rest_is_counted():
    other = 'training on cpu(0)\nX.shape: (4, 3) --> Y.shape: (4, 10) and more\n' + EPOCH
    text = 2 * other + (one_pass(256) * 3 + one_pass(96) + other) * 2
    left_out = '[%d repeated lines omitted]\n'
    assert here.fold(text) == (
        2 * other + one_pass(256) + left_out % 4 + one_pass(96) + other + left_out % 8 + other)
    assert here.fold((one_pass(4) * 1001)[:-1]) == (
        one_pass(4) + '[2,000 repeated lines omitted]')


def test_the_stamp_changes_with_the_code_and_with_nothing_else():
    cell = new_code_cell('x = 1', execution_count=1, metadata={'execution': {'shell': 'now'}},
                         outputs=[new_output('stream', text=one_pass(4) * 2)])
    before = new_notebook(cells=[new_markdown_cell('words'), cell], metadata={'me': 'x'})
    words, code, tidied = (copy.deepcopy(before) for _ in range(3))
    words.cells[0].source, words.cells[1].outputs = 'other words', []
    code.cells[1].source = 'x = 2'
    here.tidy(tidied)
    assert here.code_sha256(words) == here.code_sha256(before) != here.code_sha256(code)
    assert tidied.metadata.gluonblocks.code_sha256 == here.code_sha256(before)
    assert 'me' not in tidied.metadata and tidied.cells[1].metadata == {}
