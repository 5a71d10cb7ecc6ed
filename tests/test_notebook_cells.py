"""The 25 code cells of the book's three sections, unchanged but for the name they import.

They run on a data set of 30 images, so what depends on the data is compared by its form: numbers
of layers, of epochs' lines and of parameters stand for any.
"""
import ast
import re

import pytest

from tools.benchmarks.notebook_code import cells

SECTIONS = ['section_5_11', 'section_5_12', 'section_5_13']


def run(code, names):
    """Run a cell; show the value of its last expression, as a notebook does."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, 'cell', 'exec'), names)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), 'cell', 'eval'), names)
        if value is not None and not hasattr(value, 'append'):
            print(value)


def form(line):
    line = re.sub(r'^([a-z]+)\d+( output shape)', r'\1#\2', line)  # the counter of a layer's name
    line = re.sub(r'\((256|30), (?=\d+, \d+, \d+\) ?)', '(N, ', line) if '-->' in line else line
    line = re.sub(r'-?\d+\.\d*(e-?\d+)?', '#', line)
    return re.sub(r'\s+', ' ', re.sub(r'\[ *', '[', line.replace(' ]', ']'))).strip()


@pytest.mark.parametrize('section', SECTIONS)
def test_every_cell_runs_and_prints_what_the_book_printed(section, tiny, monkeypatch, capsys):
    monkeypatch.setenv('MXNET_HOME', str(tiny.home()))
    names = {}
    for cell in cells(section):
        run(cell.code.replace('import gluonbook as gb', 'import gluonblocks as gb'), names)
        printed = [form(line) for line in capsys.readouterr().out.splitlines()]
        want = [form(line) for line in cell.output]
        assert printed[:len(want)] == want, cell.title


def test_there_are_twenty_five_cells():
    assert sum(1 for section in SECTIONS for _ in cells(section)) == 25
