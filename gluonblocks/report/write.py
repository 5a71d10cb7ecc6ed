"""Runs -> one HTML file that needs nothing else."""
import os

from ..files import readable, write_file
from .run import examine, read_runs

WRITTEN_BY = 'Written by gluonblocks'  # stands in the template of the pages


def write_report(runs, path, weights='best', ctx=None, data_root=None):
    """Write a page about `runs`, the folder of a run or a list of such, to the file `path`.

    It is one HTML file with all that it shows: no script, and nothing that is fetched. Of one run
    it shows recipe, curves, classes, worst mistakes, layers and what batch normalization does; of
    several it compares them. `weights` is 'best', 'last' or 'final'; `ctx` is a device, a list, or
    a name for `devices_of` (None: `try_gpu()`); `data_root` is where the data are, where not as in
    the training. What needs data or a library that is not here is left out, with the reason.

    The same runs give the same bytes, on the same machine. Raises ImportError without matplotlib or
    Jinja2; ValueError for a folder that is not a run, for a run that is named twice and if `path`
    is a file other than an earlier page; OSError if the file cannot be written.
    """
    from .page import run_page, runs_page  # with Jinja2 and matplotlib, which only pages need
    _check_replaceable(path)
    runs = read_runs([runs] if isinstance(runs, (str, os.PathLike)) else runs)
    for run in runs:
        examine(run, weights, ctx, data_root)
    content = run_page(runs[0]) if len(runs) == 1 else runs_page(runs)
    write_file(path, readable(content).encode())


def _check_replaceable(path):
    """Raise ValueError if `path` is a folder, or a file that is not an earlier page."""
    if os.path.isdir(path):
        raise ValueError('%s must be a file, but is a folder: name a file in it' % path)
    if os.path.isfile(path) and os.path.getsize(path):
        with open(path, 'rb') as f:
            if WRITTEN_BY.encode() not in f.read():
                raise ValueError('%s is a file that a report would replace, but is not an earlier '
                                 'report: name another file' % path)
