#!/usr/bin/env python
"""Execute the notebooks of the book's three sections whole, each in a fresh kernel."""
import argparse
import glob
import logging
import os
import re
import runpy
import signal
import sys

import notebook_outputs

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, 'notebooks')
EXAMPLE = """\
A notebook is replaced when its last cell is done, and only then: with its outputs, repeated shapes
folded, metadata cleaned, and the SHA-256 of its code. Without arguments all three run, one after
another: two to three hours on two cores, most for section 5.13. How far it is goes to stderr.

Needs the extra `notebooks`: pip install -e '.[notebooks]'

example:
  python scripts/notebooks.py
  python scripts/notebooks.py 5.11 5.12
  python scripts/notebooks.py my/own.ipynb

Exit code: 0 executed, 1 one failed (the rest is not run), 2 wrong arguments, 130 interrupted."""


def sections():
    """The path of each notebook by its section's number."""
    return {os.path.basename(path).partition('-')[0]: path
            for path in sorted(glob.glob(os.path.join(FOLDER, '*.ipynb')))}


def find(name):
    """The path of the notebook that `name` means."""
    path = sections().get(name, name)
    if not path.endswith('.ipynb') or not os.path.isfile(path):
        raise argparse.ArgumentTypeError('%r is no notebook: give the path of one, or a section, '
                                         '%s' % (name, ', '.join(sections())))
    return path


def tell(text):
    print(text, file=sys.stderr, flush=True)


def execute(path):
    """Run all cells of the notebook at `path` and write it with what they printed.

    Raises what nbclient does where a cell fails, ValueError for what is no notebook, and OSError
    where it cannot be written, before anything runs. The file is then as it was.
    """
    import nbformat
    from nbclient import NotebookClient

    class Client(NotebookClient):
        """Tells on stderr each line of a training as it is printed."""

        rest = ''  # of a line that is not whole yet

        def output(self, outs, msg, display_id, cell_index):
            if msg['msg_type'] == 'stream':
                *lines, self.rest = (self.rest + msg['content']['text']).split('\n')
                for line in lines:
                    if line.startswith('epoch '):
                        tell(line)
            return super().output(outs, msg, display_id, cell_index)

    if not os.access(os.path.dirname(os.path.abspath(path)), os.W_OK):
        raise OSError('its folder cannot be written to')
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except OSError:
        raise
    except Exception as error:  # of JSON that is no notebook anything may come
        raise ValueError('it cannot be read as a notebook: %s' % str(error).partition('\n')[0])
    # No limit for a cell, one takes an hour; but all that it printed has to be here after it.
    client = Client(notebook, timeout=None, iopub_timeout=600, raise_on_iopub_timeout=True,
                    coalesce_streams=True, record_timing=False, shutdown_kernel='immediate',
                    kernel_name=notebook_outputs.METADATA['kernelspec']['name'],
                    extra_arguments=['--log-level=ERROR'])
    cells = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == 'code']
    with client.setup_kernel(cwd=ROOT):
        for number, index in enumerate(cells, 1):
            tell('%s: cell %d of %d' % (os.path.basename(path), number, len(cells)))
            client.execute_cell(notebook.cells[index], index)
    version = runpy.run_path(os.path.join(ROOT, 'gluonblocks', '_version.py'))['__version__']
    notebook_outputs.tidy(notebook, version)
    write(path, nbformat.writes(notebook) + '\n')


def write(path, text):
    """Write the file at `path`, which is the old one or the new one, whole, at any time."""
    try:
        with open(path + '.part', 'w', encoding='utf-8') as f:
            f.write(text)
        os.replace(path + '.part', path)
    finally:
        if os.path.exists(path + '.part'):
            os.remove(path + '.part')


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLE,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('notebooks', nargs='*', type=find, metavar='NOTEBOOK',
                        help='a section, as 5.11, or the path of a notebook; default: all three')
    args = parser.parse_args(argv)
    # Ended from outside, it ends its kernel as it does on Ctrl-C.
    for signum in (signal.SIGINT, signal.SIGTERM):  # the first is ignored where a script starts us
        signal.signal(signum, signal.default_int_handler)
    try:
        import ipykernel  # noqa: F401
        from nbclient.exceptions import CellControlSignal, DeadKernelError
    except ModuleNotFoundError as error:
        tell("error: %s\nInstall it from the repository: pip install -e '.[notebooks]'" % error)
        return 1
    except KeyboardInterrupt:
        tell('interrupted: nothing was run')
        return 130
    for path in args.notebooks or sections().values():
        try:
            execute(path)
        except KeyboardInterrupt:
            logging.disable()  # asyncio's, that nobody waits for the cell any more
            tell('interrupted: %s is as it was' % path)
            return 130
        except (CellControlSignal, DeadKernelError, OSError, ValueError) as error:
            plain = re.sub(r'\x1b\[[\d;]*m', '', str(error)).strip()
            tell('error: %s is as it was: %s' % (path, plain))
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
