"""Runs -> one HTML file that needs nothing else."""
import os

from ..files import readable, write_file
from .answers import findings_of
from .classes import classes_section, mistakes_section, recall_section
from .curves import comparing_section, curves_section, pace_section, ranking_section
from .layers import layers_section
from .norms import norms_section
from .page import WRITTEN_BY, header, page
from .recipe import differences_section, recipe_section
from .view import read_runs, repeating_commands
from .words import count, duration, loss, share


def write_report(runs, path, weights='best', ctx=None, data_root=None):
    """Write a page about `runs`, the folder of a run or a list of such, to the file `path`.

    It is one HTML file with all that it shows: no script, and nothing that is fetched. Of one run
    it shows recipe, curves, classes, worst mistakes, layers and what batch normalization does; of
    several it compares them. `weights` is 'best', 'last' or 'final'; `ctx` is a device, a list, or
    a name for `get_ctx` (None: `try_gpu()`); `data_root` is where the data are, where not as in the
    training. What needs data or a library that is not here is left out, with the reason.

    The same runs give the same bytes, on the same machine. Raises ImportError without matplotlib,
    ValueError for a folder that is no run, for a run that is named twice, for weights that cannot
    be and for a `path` with another file than an earlier page, OSError where the file cannot be
    written.
    """
    import matplotlib  # noqa: F401  # before the net is asked, which may take a minute
    _check_replaceable(path)
    views = read_runs([runs] if isinstance(runs, (str, os.PathLike)) else runs)
    findings = [findings_of(view, weights=weights, ctx=ctx, data_root=data_root)
                for view in views]
    content = _one(views[0], findings[0]) if len(views) == 1 else _several(views, findings)
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


def _one(view, found):
    config, best = view.config, view.best
    title = '%s on %s' % (config['model'], config['dataset'])
    facts = [('best test accuracy', share(best.test_acc, 3) if best else '–',
              'in epoch %d of %d' % (best.epoch, config['epochs']) if best else view.state),
             ('last training loss', loss(view.rows[-1].loss) if best else '–',
              'in epoch %d' % len(view.rows) if best else view.state),
             ('time', duration(view.seconds), view.state),
             ('parameters', count(sum(row.parameters for row in found.layers)) if found.layers
              else '–', '%s multiply-adds an image' % count(sum(
                  row.multiply_adds for row in found.layers)) if found.layers else 'not known')]
    summary = '%s: %s, %s' % (title, 'best test accuracy %.3f in epoch %d' % (
        best.test_acc, best.epoch) if best else 'no epoch is done yet', view.state)
    return page(title, summary, header(
        'Run ' + view.label, title, facts, 'To repeat it', repeating_commands(config)), [
            curves_section(view), classes_section(view, found), mistakes_section(found),
            norms_section(view, found), pace_section(view), layers_section(found),
            recipe_section(view)])


def _several(views, findings):
    title = '%d runs compared' % len(views)
    done = [view for view in views if view.best]
    facts = []
    if done:
        top = max(done, key=lambda view: view.best.test_acc)
        facts.append(('best test accuracy', share(top.best.test_acc, 3), '%s, in epoch %d' % (
            top.label, top.best.epoch)))
        low = min(done, key=lambda view: view.rows[-1].loss)
        facts.append(('lowest last loss', loss(low.rows[-1].loss), low.label))
    facts.append(('time', duration(sum(view.seconds for view in done)), 'of all together'))
    return page(title, ', '.join(view.label for view in views), header(
        'Comparison', title, facts, 'To repeat them',
        [command for view in views for command in repeating_commands(view.config)]), [
            ranking_section(views, findings), comparing_section(views),
            recall_section(views, findings), differences_section(views)])
