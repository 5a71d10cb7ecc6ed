"""Check that the installation cell in README.md works in a running notebook with NumPy 2.

The notebook imports NumPy, pandas, scikit-learn and PyTorch before it runs the cell. Afterwards, it
checks that their versions are unchanged, and trains a net. The script prints the notebook's output,
and exits with code 1 if a cell fails.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BEFORE = """\
import numpy, pandas, sklearn, torch
from importlib import metadata
NAMES = ['numpy', 'pandas', 'scikit-learn', 'torch']
before = [metadata.version(name) for name in NAMES]
print(before)"""
AFTER = """\
import gluonblocks as gb
gb.train_model('lenet_bn', dataset='synthetic', epochs=1, batch_size=64, seed=0)
after = [metadata.version(name) for name in NAMES]
assert after == before, after
print(pandas.DataFrame({'x': numpy.arange(3)}).sum().x, torch.ones(2).sum().item())"""


def main():
    import nbclient
    import nbformat
    with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as f:
        cell = re.search('```python\n(%pip.*?)```', f.read(), re.S).group(1)
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell(text) for text in (BEFORE, cell, AFTER)])
    try:
        nbclient.NotebookClient(notebook, timeout=600, kernel_name='python3',
                                resources={'metadata': {'path': ROOT}}).execute()
    except nbclient.exceptions.CellExecutionError as error:
        print(error, file=sys.stderr)
        return 1
    for cell in notebook.cells:
        print(''.join(output.get('text', '') for output in cell.outputs), end='')
    return 0


if __name__ == '__main__':
    sys.exit(main())
