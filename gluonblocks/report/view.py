"""A run's folder as the page needs it: its config and its epochs, without a net."""
import math
import os
import shlex
from typing import Any, Dict, List, NamedTuple, Optional

from ..files import DamagedFile
from ..graphs.operators import VARIABLE
from ..runs.config import read_config
from ..runs.load import BEST, FINAL
from ..runs.options import OPTIONS
from ..runs.records import TIMES, HistoryRow, TimesRow, read_csv
from ..runs.resolve import default_options
from ..training.loop import best_epoch


class RunView(NamedTuple):
    """What a run's folder says of it. `label` tells it from the others on the page."""

    folder: str
    label: str
    config: Dict[str, Any]
    rows: List[HistoryRow]
    times: List[TimesRow]  #: one for each of `rows`, NaN where nobody knows
    best: Optional[HistoryRow]  #: that of the best test accuracy; None: no epoch is done
    state: str  #: how far it came, in words
    has_best: bool  #: whether its folder has the weights of that epoch

    @property
    def seconds(self):
        """The seconds of all epochs; NaN where one is not known."""
        return sum(row.seconds for row in self.times) if self.times else math.nan


def read_runs(folders):
    """A `RunView` for each of `folders`, in their order.

    Raises ValueError for a folder that is no run, for files that are not what was written, and
    where a run is named twice or none is named.
    """
    folders = [os.fspath(folder) for folder in folders]
    if not folders:
        raise ValueError('no run is named, but a report is of one or more: name the folders of '
                         'runs')
    places = [os.path.realpath(folder) for folder in folders]
    for folder, place in zip(folders, places):
        if places.count(place) > 1:
            raise ValueError('%s is named twice, but a report shows a run once: name it once'
                             % folder)
    labels = [os.path.basename(place) for place in places]
    if len(set(labels)) < len(labels):
        labels = [os.path.normpath(folder) for folder in folders]
    return [_read_run(folder, label) for folder, label in zip(folders, labels)]


def _read_run(folder, label):
    config = read_config(folder)
    rows = _read(HistoryRow, os.path.join(folder, 'history.csv'))
    try:
        times = {row.epoch: row for row in _read(TimesRow, os.path.join(folder, TIMES))}
    except ValueError:  # nothing else hangs on what the clock said
        times = {}
    best = rows[best_epoch(rows) - 1] if rows else None
    return RunView(folder, label, config, rows,
                   [times.get(row.epoch, TimesRow(row.epoch, math.nan, math.nan)) for row in rows],
                   best, _state(folder, config, len(rows)),
                   os.path.exists(os.path.join(folder, BEST)))


def _read(kind, path):
    """The rows of a CSV file of a run; none if it is not there, as before the first epoch."""
    try:
        rows = read_csv(kind, path)
        if kind is HistoryRow and [row.epoch for row in rows] != list(range(1, len(rows) + 1)):
            raise ValueError('%s: its epochs are not 1, 2, 3 and so on' % path)
    except FileNotFoundError:
        return []
    except (DamagedFile, ValueError) as error:
        raise ValueError('%s. Resume the run, which writes the file again from its last checkpoint'
                         % error)
    return rows


def _state(folder, config, done):
    if done >= config['epochs']:
        return 'all %d epochs done' % done if done > 1 else 'its one epoch done'
    if config['early_stop'] and os.path.exists(os.path.join(folder, FINAL)):
        return 'stopped early, after %d of %d epochs' % (done, config['epochs'])
    return 'not finished: %d of %d epochs done' % (done, config['epochs'])


def repeating_commands(config):
    """Return the command lines that repeat a run, each a list of words that belong together.

    There are several if the number of workers changed: the run has to be stopped there.
    """
    changes = worker_changes(config)
    command = _environment(config) + [['gluonblocks', 'train'], ['--model', config['model']]]
    usual = usual_options(config['model'])
    for name in OPTIONS:
        value = changes[0][1] if name == 'workers' else config[name]
        if name == 'stop_non_finite':  # which a run in a folder always does
            continue
        said = name == 'seed' or (usual[name] is not None or name in config['asked'])
        if not said or value is None or value is False or value == usual[name]:
            continue
        command.append(['--' + name.replace('_', '-')])
        if value is not True:
            command[-1].append(','.join(map(str, value)) if isinstance(value, list) else str(value))
    commands = [_quoted(command + [['--out', 'runs/again']])]
    for step, workers in changes[1:]:
        commands += [['# stop it after step %d, then:' % step], _quoted(_environment(config) + [
            ['gluonblocks', 'train'], ['--resume', 'runs/again'], ['--workers', str(workers)],
            ['--change-workers']])]
    return commands


def worker_changes(config):
    """Return [(step, workers), ...]: how many workers trained from after which step on."""
    changes = []
    for step, workers in dict(config['worker_changes']).items():  # the last of one step counts
        if not changes or changes[-1][1] != workers:
            changes.append((step, workers))
    return changes


def _environment(config):
    parts = [['OMP_NUM_THREADS=%s' % config['threads']]] if config['threads'] else []
    return parts if config['operators'] else parts + [[VARIABLE + '=0']]


def _quoted(parts):
    return [' '.join(map(shlex.quote, part)) for part in parts]


def usual_options(model):
    """`default_options`, also of a model that is not known here, as GluonCV's without GluonCV: it
    has no recipe."""
    try:
        return default_options(model)
    except (ImportError, ValueError):
        return {name: option.default for name, option in OPTIONS.items()}
