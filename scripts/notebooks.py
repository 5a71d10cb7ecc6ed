#!/usr/bin/env python
"""Execute the notebooks of the book's three sections, each in a fresh kernel.

A notebook is replaced only when its last cell is done: with its outputs, repeated shapes folded,
metadata cleaned, and the SHA-256 of its code. Without arguments all three run, one after another:
two to three hours on two cores, most of them for section 5.13. Progress goes to stderr.

Needs the extra `notebooks`: pip install -e '.[notebooks]'

example:
  python scripts/notebooks.py
  python scripts/notebooks.py 5.11 5.12

Exit code: 0 executed, 1 one failed (the rest is not run), 2 wrong arguments, 130 interrupted."""
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
# Only what every reader needs: no times, no paths, no version of the Python that ran it.
METADATA = {
    'kernelspec': {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'},
    'language_info': {'name': 'python', 'file_extension': '.py', 'mimetype': 'text/x-python',
                      'pygments_lexer': 'ipython3'},
}
# DenseBlock.forward of section 5.13 prints this for each unit at every pass: 22,000 lines in all.
_SHAPES = re.compile(r'X\.shape: \([\d, ]+\) --> Y\.shape: \([\d, ]+\)$')
_LEFT_OUT = '[{:,} lines left out: each is one of those above]'


def fold(text):
    """`text` with each different line of shapes only once, at its first place.

    A line in brackets counts the repeats that were left out there. All other lines stay, even if
    they repeat.
    """
    seen, folded, left_out = set(), [], 0
    for line in text.split('\n'):
        if line in seen and _SHAPES.match(line):
            left_out += 1
            continue
        if left_out:
            folded.append(_LEFT_OUT.format(left_out))
            left_out = 0
        seen.add(line)
        folded.append(line)
    return '\n'.join(folded + [_LEFT_OUT.format(left_out)] * bool(left_out))


def tidy(notebook):
    """Fold the outputs of an executed notebook, clean its metadata and stamp it, in place.

    The stamp has the SHA-256 of the code that ran, and the package's version.
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
    """The SHA-256 of a notebook's code cells, in hexadecimal digits."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == 'code']
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def execute(path):
    """Run all cells of the notebook at `path`, and write it with their outputs.

    If a cell fails, the file stays as it was, and nbclient's error is raised.
    """
    import nbformat
    from nbclient import NotebookClient
    notebook = nbformat.read(path, as_version=4)
    # No limit for a cell, because one takes an hour; but all of its output has to arrive.
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
                        help='a section, %s, or a path; default: all' % ', '.join(sections))
    args = parser.parse_args(argv)
    # SIGTERM ends the kernel as Ctrl-C does, which a script in the background has to ask for.
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.default_int_handler)
    for name in args.notebooks:
        path = sections.get(name, name)
        try:
            execute(path)
        except KeyboardInterrupt:
            logging.disable()  # asyncio reports that nobody waits for the cell any more
            print('interrupted: %s is as it was' % path, file=sys.stderr)
            return 130
        except Exception as error:  # of a cell, which may be any, or of nbclient
            plain = re.sub(r'\x1b\[[\d;]*m', '', str(error)).strip()
            print('error: %s is as it was: %s' % (path, plain), file=sys.stderr)
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
