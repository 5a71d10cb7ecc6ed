"""The notebooks as committed: the book's code, run to completion."""
import os
import re

import nbformat
import pytest
from conftest import REPOSITORY, load_script

from tools.benchmarks.notebook_code import cells

script = load_script('notebooks')

SECTIONS = {'5.11-batch-norm': 'section_5_11', '5.12-resnet': 'section_5_12',
            '5.13-densenet': 'section_5_13'}
# What the book and others published of the same trainings: notebook -> (epoch, loss) of each.
PUBLISHED = {'5.11-batch-norm': [(5, 0.3033), (5, 0.3035)], '5.12-resnet': [(2, 0.3464)],
             '5.13-densenet': [(5, 0.2109)]}
LARGEST = 500 * 1000  # bytes: what code hosts still show
# A folder's path from the root or from a home, and a user's name at a machine.
MACHINE = re.compile(r'(?<![\w.:/<])(?:~|/\w[\w.-]*)/\w|\b[a-z]+@[\w-]+\b')


def path_of(name):
    return os.path.join(REPOSITORY, 'notebooks', name + '.ipynb')


@pytest.fixture(params=sorted(SECTIONS))
def name(request):
    return request.param


@pytest.fixture
def notebook(name):
    return nbformat.read(path_of(name), as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == 'code']


def trainings(notebook):
    """The output of each cell that trains."""
    return [''.join(out.text for out in cell.outputs if out.output_type == 'stream')
            for cell in code_cells(notebook) if 'gb.train_ch5(' in cell.source]


def test_the_books_code_was_executed_without_an_error_or_a_warning(name, notebook):
    book = [cell.code.replace('import gluonbook as gb', 'import gluonblocks as gb')
            for cell in cells(SECTIONS[name])]
    assert [cell.source for cell in code_cells(notebook)] == book
    stamp = notebook.metadata.get('gluonblocks', {})
    assert stamp.get('code_sha256') == script.code_sha256(notebook), (
        'its code has changed since it ran, or it never ran: python scripts/notebooks.py')
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    assert [out for cell in code_cells(notebook) for out in cell.outputs
            if out.output_type == 'error' or out.get('name') == 'stderr'] == []


def test_every_training_has_its_five_epochs_with_losses_near_the_published(name, notebook):
    epochs = [re.findall(r'^epoch (\d+), loss \d\.\d{4}, train acc \d\.\d{3}, test acc \d\.\d{3}, '
                         r'time [\d.]+ sec$', text, re.M) for text in trainings(notebook)]
    assert epochs == [list('12345')] * len(PUBLISHED[name])
    for text, (epoch, published) in zip(trainings(notebook), PUBLISHED[name]):
        loss = re.search(r'^epoch %d, loss ([\d.]+)' % epoch, text, re.M).group(1)
        assert float(loss) == pytest.approx(published, rel=0.1)


@pytest.mark.parametrize('name', ['5.13-densenet'])
def test_every_line_of_shapes_is_shown_or_counted(notebook):
    text, = trainings(notebook)
    left_out = [int(n.replace(',', '')) for n in re.findall(r'^\[([\d,]+) repeated', text, re.M)]
    # 16 units, five epochs of 235 batches to train and 40 to test.
    assert text.count('X.shape: ') + sum(left_out) == 16 * 5 * (235 + 40)


def test_it_is_a_valid_small_notebook_that_says_nothing_of_a_machine(name, notebook):
    nbformat.validate(notebook)
    assert os.path.getsize(path_of(name)) <= LARGEST
    shown = [nbformat.from_dict(out) for cell in code_cells(notebook) for out in cell.outputs]
    assert MACHINE.findall(str(shown)) == []
    assert {key: value for key, value in notebook.metadata.items()
            if key != 'gluonblocks'} == script.METADATA
    assert [cell.metadata for cell in notebook.cells] == [{}] * len(notebook.cells)
