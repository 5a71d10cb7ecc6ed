"""Write a run's history, times and curves to its folder."""
import csv
import io
import json
import math
import os
import time
from typing import NamedTuple

from ..drawing.curves import draw_curves
from ..files import read_file, write_file
from ..training.loop import EpochRecord
from ..training.progress import tell

MAX_BYTES = 2 ** 24  # enough for 100,000 epochs
TIMES, CURVES = 'times.csv', 'curves.png'
PAUSE = 10  # minimum seconds between plots; a plot takes as long as an epoch of a small net


class HistoryRow(NamedTuple):
    """The results of one epoch: an `EpochRecord` without `seconds`, plus the learning rate of the
    epoch's last step."""

    epoch: int
    loss: float
    train_acc: float
    test_acc: float
    learning_rate: float


class TimesRow(NamedTuple):
    """The speed of one epoch: `seconds` is the duration of training and testing, and `rate` is the
    number of images per second during training."""

    epoch: int
    seconds: float
    rate: float


class EpochFiles:
    """The files in a run folder that contain the run's history, times and curves.

    `title` is the title of the plot. `rows` contains a `HistoryRow` for each finished epoch.
    Times are in a separate file, because they are not reproducible.
    """

    def __init__(self, folder, title):
        self.rows, self._times, self._folder, self._title = [], [], folder, title
        self._can_draw, self._num_drawn, self._next_plot = True, 0, -math.inf

    def add(self, record, learning_rate, rate):
        """Add the results of an epoch, and rewrite the history and times files (not the curves)."""
        self.rows.append(HistoryRow(*record[:4] + (learning_rate,)))
        self._times.append(TimesRow(record.epoch, record.seconds, rate))
        self._write()

    def restore(self, rows):
        """Restore the history from `rows`, which a checkpoint contains, and rewrite the files.

        Return a list of `EpochRecord` objects.
        """
        self.rows = [HistoryRow(*row) for row in rows]
        self._times = [row for row in (self._read_times() if rows else [])
                       if row.epoch <= len(rows)]
        seconds = {row.epoch: row.seconds for row in self._times}
        self._write()
        return [EpochRecord(*row[:4] + (seconds.get(row.epoch, math.nan),)) for row in self.rows]

    def draw(self, final=False):
        """Plot `rows` in curves.png. Errors are reported but not raised.

        Plot at most once every `PAUSE` seconds unless `final` is true, and never plot the same
        `rows` twice.
        """
        if not self._can_draw or self._num_drawn == len(self.rows) or not (
                final or time.monotonic() >= self._next_plot):
            return
        self._num_drawn = len(self.rows)
        try:
            write_file(self._path(CURVES), draw_curves(self.rows, self._title))
        except ImportError:
            tell('could not draw %s, because matplotlib is not installed: pip install matplotlib'
                 % CURVES)
            self._can_draw = False
        except Exception as error:  # any error of the drawing library, or a full disk
            tell('could not draw %s: %s' % (CURVES, str(error) or type(error).__name__))
        self._next_plot = time.monotonic() + PAUSE

    def _write(self):
        for name, text in [(TIMES, to_csv(TimesRow, self._times)),
                           ('history.csv', to_csv(HistoryRow, self.rows)),
                           ('history.jsonl', ''.join(json.dumps(row._asdict()) + '\n'
                                                     for row in self.rows))]:
            write_file(self._path(name), text.encode())

    def _read_times(self):
        try:
            return read_csv(TimesRow, self._path(TIMES))
        except (OSError, ValueError) as error:
            tell('could not read the times of earlier epochs: %s' % error)
            return []

    def _path(self, name):
        return os.path.join(self._folder, name)


def to_csv(kind, rows):
    """Format `rows`, a list of `kind` objects, as CSV text, with all numbers at full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(kind._fields)
    writer.writerows([repr(number) for number in row] for row in rows)
    return text.getvalue()


def read_csv(kind, path):
    """Read a CSV file in the format of `to_csv`; return a list of `kind` objects.

    If the file is damaged, raises a ValueError that names the file and the line.
    """
    head, *lines = read_file(path, MAX_BYTES).decode(errors='replace').splitlines() or ['']
    if tuple(head.split(',')) != kind._fields:
        raise ValueError('%s, line 1: expected the columns %s, found %r'
                         % (path, ','.join(kind._fields), head[:80]))
    rows = []
    for number, line in enumerate(lines, 2):
        try:
            epoch, *others = line.split(',')
            rows.append(kind(int(epoch), *map(float, others)))
        except (ValueError, TypeError):  # not a number, or the wrong number of columns
            raise ValueError('%s, line %d: expected %d numbers, found %r'
                             % (path, number, len(kind._fields), line[:80]))
    return rows
