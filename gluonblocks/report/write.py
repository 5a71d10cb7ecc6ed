"""Write reports on runs as self-contained HTML files."""
import os

from ..files import readable, write_file
from .run import examine, read_runs

WRITTEN_BY = 'Written by gluonblocks'  # page.html.j2 contains these words


def write_report(runs, path, weights='best', ctx=None, data_root=None):
    """Write a report on `runs`, a run folder or a list of run folders, to the HTML file `path`.

    The page contains no scripts and loads no other files. For one run, it shows the recipe, curves,
    classes, worst mistakes, layers and batch normalization statistics; for several runs, it
    compares their results. `weights` is 'best', 'last' or 'final'. `ctx` is a device, a list of
    devices, or a name that `devices_of` accepts; None selects `try_gpu()`. Set `data_root` if the
    data have moved since training. If the data or a library is missing, the page says so.

    On the same machine, the same runs always produce an identical file. Raises ImportError if
    matplotlib or Jinja2 is missing; ValueError if a folder is not a run folder, a run occurs
    twice, or `path` exists and is not a report; OSError if the file cannot be written.
    """
    from .page import run_page, runs_page  # imports Jinja2 and matplotlib
    _check_replaceable(path)
    runs = read_runs([runs] if isinstance(runs, (str, os.PathLike)) else runs)
    for run in runs:
        examine(run, weights, ctx, data_root)
    content = run_page(runs[0]) if len(runs) == 1 else runs_page(runs)
    write_file(path, readable(content).encode())


def _check_replaceable(path):
    """Raise ValueError if `path` is a folder, or a file that is not a report."""
    if os.path.isdir(path):
        raise ValueError('expected an output file, got the folder %s; specify a file in it' % path)
    if os.path.isfile(path) and os.path.getsize(path):
        with open(path, 'rb') as f:
            if WRITTEN_BY.encode() not in f.read():
                raise ValueError('%s already exists and is not a report: choose another name'
                                 % path)
