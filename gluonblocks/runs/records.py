"""Write the history, times and curves of a run into its folder."""
import csv
import io
import json
import math
import os
from typing import NamedTuple

from ..drawing.curves import draw_curves
from ..files import read_file, write_file
from ..training.loop import EpochRecord
from ..training.progress import tell

MAX_BYTES = 2 ** 24  # enough for 100,000 epochs
TIMES, CURVES = 'times.csv', 'curves.png'


class HistoryRow(NamedTuple):
    """One epoch in the history of a run: an `EpochRecord` without its seconds, and the learning
    rate of the last step."""

    epoch: int
    loss: float
    train_acc: float
    test_acc: float
    learning_rate: float


class TimesRow(NamedTuple):
    """The speed of one epoch: its `seconds`, as in `EpochRecord`, and its `rate` in training images
    per second, not counting the test."""

    epoch: int
    seconds: float
    rate: float


class EpochFiles:
    """The history, times and curves of a run. Times have their own file: they never repeat.

    `rows` contains a `HistoryRow` for each finished epoch.
    """

    def __init__(self, folder):
        self.rows, self._times, self._folder, self._draws = [], [], folder, True

    def add(self, record, learning_rate, rate):
        """Add an `EpochRecord`, and write all files except the curves."""
        self.rows.append(HistoryRow(*record[:4] + (learning_rate,)))
        self._times.append(TimesRow(record.epoch, record.seconds, rate))
        self._write()

    def restore(self, rows):
        """Continue after the `rows` of a checkpoint; return them as `EpochRecord` objects."""
        self.rows = [HistoryRow(*row) for row in rows]
        self._times = [row for row in (self._read_times() if rows else [])
                       if row.epoch <= len(rows)]
        seconds = {row.epoch: row.seconds for row in self._times}
        self._write()
        return [EpochRecord(*row[:4] + (seconds.get(row.epoch, math.nan),)) for row in self.rows]

    def draw(self, title):
        """Draw the curves under a title. A failure is reported and does not stop the run."""
        if not self._draws:
            return
        try:
            write_file(self._path(CURVES), draw_curves(self.rows, title))
        except ImportError:
            tell('could not draw %s without matplotlib: pip install matplotlib' % CURVES)
            self._draws = False
        except Exception as error:  # any error of a drawing library, or a full disk
            tell('could not draw %s: %s' % (CURVES, str(error) or type(error).__name__))

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
            tell('the times of earlier epochs are lost: %s' % error)
            return []

    def _path(self, name):
        return os.path.join(self._folder, name)


def to_csv(kind, rows):
    """Return `rows`, of the class `kind`, as CSV text with all digits of each number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(kind._fields)
    writer.writerows([repr(number) for number in row] for row in rows)
    return text.getvalue()


def read_csv(kind, path):
    """Return the rows, of the class `kind`, of a file written by `to_csv`.

    Raises ValueError, naming the file and line, if the file is damaged.
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
        except (ValueError, TypeError):  # a non-number, or the wrong number of columns
            raise ValueError('%s, line %d: expected %d numbers, found %r'
                             % (path, number, len(kind._fields), line[:80]))
    return rows
