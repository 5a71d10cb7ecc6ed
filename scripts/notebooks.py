#!/usr/bin/env python
"""Execute the notebooks for D2L sections 5.11 to 5.13, each in a new kernel.

After the last cell of a notebook has run, the script saves the notebook with its outputs. The saved
metadata contains the SHA-256 of the code. Repeated lines that show array shapes are omitted.
Without arguments, all three notebooks run, which takes two to three hours on two cores, mostly for
section 5.13. Progress goes to stderr.

The script needs the `notebooks` extra: pip install -e '.[notebooks]'

example:
  python scripts/notebooks.py
  python scripts/notebooks.py 5.11 5.12

Exit code: 0 all executed, 1 one failed (the rest did not run), 2 wrong arguments, 130 interrupted.
"""
import argparse
import glob
import hashlib
import json
import logging
import os
import re
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# The metadata of every saved notebook. Times, paths and the Python version are omitted, because
# they differ from machine to machine.
METADATA = {
    'kernelspec': {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'},
    'language_info': {'name': 'python', 'file_extension': '.py', 'mimetype': 'text/x-python',
                      'pygments_lexer': 'ipython3'},
}
# Lines that DenseBlock.forward in section 5.13 prints in each forward pass: 22,000 in all.
_SHAPES = re.compile(r'X\.shape: \([\d, ]+\) --> Y\.shape: \([\d, ]+\)$')
_OMITTED = '[{:,} repeated lines omitted]'


def fold(text):
    """Return `text` with only the first occurrence of each distinct line that shows array shapes.

    Consecutive omitted lines are replaced with a single line in brackets that gives their number.
    Other lines are unchanged.
    """
    seen, folded, omitted = set(), [], 0
    for line in text.split('\n'):
        if line in seen and _SHAPES.match(line):
            omitted += 1
            continue
        if omitted:
            folded.append(_OMITTED.format(omitted))
            omitted = 0
        seen.add(line)
        folded.append(line)
    return '\n'.join(folded + [_OMITTED.format(omitted)] * bool(omitted))


def tidy(notebook):
    """Shorten the outputs of an executed notebook, and replace its metadata, in place.

    The metadata contains the SHA-256 of the executed code and the version of gluonblocks.
    """
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get('outputs', ()):
            if output.output_type == 'stream':
                output.text = fold(output.text)
    with open(os.path.join(ROOT, 'gluonblocks', '__init__.py'), encoding='utf-8') as f:
        version = re.search(r"^__version__ = '(.*?)'", f.read(), re.M).group(1)
    notebook.metadata = dict(METADATA, gluonblocks={'code_sha256': code_sha256(notebook),
                                                    'version': version})


def code_sha256(notebook):
    """Return the SHA-256 of a notebook's code cells as hexadecimal digits."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == 'code']
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def execute(path):
    """Run all cells of the notebook at `path`, and save it with their outputs.

    If a cell fails, nbclient's exception propagates, and the file is unchanged.
    """
    import nbformat
    from nbclient import NotebookClient
    notebook = nbformat.read(path, as_version=4)
    # Set no time limit for cells, because one takes an hour. Fail if a cell's output is lost.
    client = NotebookClient(
        notebook, timeout=None, iopub_timeout=600, raise_on_iopub_timeout=True,
        coalesce_streams=True, record_timing=False, shutdown_kernel='immediate',
        kernel_name=METADATA['kernelspec']['name'], extra_arguments=['--log-level=ERROR'])
    with client.setup_kernel(cwd=ROOT):
        for index, cell in enumerate(notebook.cells):
            print('%s: cell %d of %d' % (os.path.basename(path), index + 1, len(notebook.cells)),
                  file=sys.stderr, flush=True)
            client.execute_cell(cell, index)
    tidy(notebook)
    with open(path + '.part', 'w', encoding='utf-8') as f:
        f.write(nbformat.writes(notebook) + '\n')
    os.replace(path + '.part', path)


def main(argv=None):
    sections = {os.path.basename(path).partition('-')[0]: path
                for path in sorted(glob.glob(os.path.join(ROOT, 'notebooks', '*.ipynb')))}
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('notebooks', nargs='*', default=list(sections), metavar='NOTEBOOK',
                        help='sections (%s) or paths of the notebooks to execute (default: all '
                             'sections)' % ', '.join(sections))
    args = parser.parse_args(argv)
    # Make SIGTERM stop the kernel as Ctrl-C does. Enable SIGINT, because shell scripts start
    # background processes with SIGINT ignored.
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.default_int_handler)
    for name in args.notebooks:
        path = sections.get(name, name)
        try:
            execute(path)
        except KeyboardInterrupt:
            logging.disable()  # asyncio would report that the cell's task was never awaited
            print('interrupted: %s is unchanged' % path, file=sys.stderr)
            return 130
        except Exception as error:  # a cell or nbclient can raise anything
            plain = re.sub(r'\x1b\[[\d;]*m', '', str(error)).strip()
            print('error: could not execute %s, which is unchanged: %s' % (path, plain),
                  file=sys.stderr)
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
