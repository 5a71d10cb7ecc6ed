"""scripts/notebooks.py: a notebook is executed whole, or stays as it was. And the three, short."""
import os
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from conftest import REPOSITORY, environment, load_script, start_script
from nbformat.v4 import new_code_cell, new_notebook

SHAPES = 'X.shape: (4, 3, 8, 8) --> Y.shape: (4, 10, 8, 8)'


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a notebook of code cells; returns its path. IPython's own files stay in a folder."""
    monkeypatch.setenv('IPYTHONDIR', str(tmp_path / 'ipython'))

    def write(*sources):
        path = str(tmp_path / 'own.ipynb')
        nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
        return path
    return write


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def test_a_notebook_gets_its_outputs_and_tells_its_epochs_as_they_come(script, write):
    path = write('import os', 'for epoch in (1, 2):\n    print(%r)\n    print("epoch %%d, '
                 'loss 0.5" %% epoch)\nos.path.basename(os.getcwd())' % SHAPES)
    code, out, err = script('notebooks.py', path)
    assert (code, out) == (0, '')
    assert [line for line in err.splitlines() if line.startswith(('own', 'epoch'))] == [
        'own.ipynb: cell 1 of 2', 'own.ipynb: cell 2 of 2', 'epoch 1, loss 0.5',
        'epoch 2, loss 0.5']
    notebook = nbformat.read(path, as_version=4)
    stream, value = notebook.cells[1].outputs
    assert stream.text.splitlines() == [
        SHAPES, 'epoch 1, loss 0.5', '[1 lines left out: each is one of those above]',
        'epoch 2, loss 0.5']
    assert value.data['text/plain'] == repr(os.path.basename(REPOSITORY))
    assert [cell.execution_count for cell in notebook.cells] == [1, 2]
    assert set(notebook.metadata.gluonblocks) == {'code_sha256', 'version'}


def test_every_line_of_a_long_output_arrives(script, write):
    path = write('for i in range(22000):\n    print(%r)\n    if i %% 4400 == 4399:\n'
                 '        print("epoch", i)' % SHAPES)
    code, _, err = script('notebooks.py', path)
    text = nbformat.read(path, as_version=4).cells[0].outputs[0].text
    assert code == 0 and err.count('\nepoch ') == text.count('epoch ') == 5
    assert 1 + sum(int(line[1:6].replace(',', '')) for line in text.splitlines()
                   if line.startswith('[')) == 22000


@pytest.mark.parametrize('source, reason', [
    ('1 / 0', 'ZeroDivisionError: division by zero'), ('import os\nos._exit(3)', 'Kernel died')])
def test_where_a_cell_fails_the_notebook_stays_as_it_was(write, source, reason):
    path = write('print("on the way")', source)
    before = read(path)
    process = start_script('notebooks.py', [path], {})
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert 'error: %s is as it was: ' % path in err and reason in err
    assert read(path) == before and os.listdir(os.path.dirname(path)).count('own.ipynb') == 1
    assert not os.path.exists(path + '.part')


@pytest.mark.parametrize('signum', [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_its_kernel_and_the_notebook_stays_as_it_was(write, tmp_path, signum):
    path = write('import os, time\nopen(%r, "w").write(str(os.getpid()))\ntime.sleep(60)'
                 % str(tmp_path / 'pid'))
    before = read(path)
    process = start_script('notebooks.py', [path], {})
    while not ((tmp_path / 'pid').exists() and (tmp_path / 'pid').read_text()):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signum)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and 'Traceback' not in err
    assert err.endswith('interrupted: %s is as it was\n' % path)
    assert read(path) == before
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / 'pid').read_text()), 0)


@pytest.fixture
def here(monkeypatch):
    """scripts/notebooks.py as a module."""
    monkeypatch.syspath_prepend(os.path.join(REPOSITORY, 'scripts'))
    module = load_script('notebooks')
    monkeypatch.setattr(module.signal, 'signal', lambda *args: None)  # stays this process's own
    return module


@pytest.mark.parametrize('text', [
    '', '{"cells": [', '{}', '[1]',
    '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}',
    '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code"}]}'])
def test_what_cannot_be_read_as_a_notebook_is_an_error(here, write, capsys, text):
    path = write('x = 1')
    with open(path, 'w') as f:
        f.write(text)
    assert here.main([path]) == 1
    out, err = capsys.readouterr()
    assert out == '' and len(err.splitlines()) == 1
    assert err.startswith('error: %s is as it was: it cannot be read as a notebook: ' % path)
    assert read(path) == text.encode()


def test_where_it_could_not_be_written_nothing_runs(here, write, monkeypatch, capsys):
    path = write('x = 1')
    monkeypatch.setattr(here.os, 'access', lambda *args: False)
    assert here.main([path]) == 1
    assert capsys.readouterr().err == (
        'error: %s is as it was: its folder cannot be written to\n' % path)


@pytest.mark.parametrize('name', ['5.14', 'missing.ipynb', 'README.md'])
def test_what_is_no_notebook_is_code_2_with_the_sections_that_are_there(script, name):
    code, out, err = script('notebooks.py', '5.11', name)
    assert code == 2 and '%r is no notebook: ' % name in err and '5.11, 5.12, 5.13' in err


def test_without_the_extra_it_says_what_to_install(script, tmp_path):
    (tmp_path / 'ipykernel.py').write_text('import no_such_module')
    code, out, err = script('notebooks.py', '5.11', PYTHONPATH=str(tmp_path))
    assert code == 1 and err.endswith("pip install -e '.[notebooks]'\n")


def test_interrupted_before_anything_runs_it_is_code_130_in_a_line(script, tmp_path):
    (tmp_path / 'ipykernel.py').write_text('raise KeyboardInterrupt')
    code, out, err = script('notebooks.py', '5.11', PYTHONPATH=str(tmp_path))
    assert (code, out, err) == (130, '', 'interrupted: nothing was run\n')


def test_the_three_run_on_a_small_data_set(tmp_path):
    startup = tmp_path / 'profile_default' / 'startup'
    startup.mkdir(parents=True)
    shutil.copy(os.path.join(os.path.dirname(__file__), 'short_data.py'), str(startup))
    # One thread: on images this few a second one only waits, and long where others compute.
    env = environment(IPYTHONDIR=str(tmp_path), OMP_NUM_THREADS='1')
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '--nbmake', '-p', 'no:cacheprovider', 'notebooks'],
        cwd=REPOSITORY, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and ' 3 passed' in done.stdout, done.stdout + done.stderr
