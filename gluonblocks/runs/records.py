"""The epochs of a run in the files of its folder: history, seconds, curves."""
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

MAX_BYTES = 2 ** 24  # of a hundred thousand epochs
TIMES, CURVES = 'times.csv', 'curves.png'


class HistoryRow(NamedTuple):
    """An epoch in a run's history: as in `EpochRecord`, but without the clock, and with the
    learning rate of its last step."""

    epoch: int
    loss: float
    train_acc: float
    test_acc: float
    learning_rate: float


class TimesRow(NamedTuple):
    """What the clock said of an epoch: its `seconds`, as in `EpochRecord`, and `rate`, the images
    trained on in a second, the test left out."""

    epoch: int
    seconds: float
    rate: float


class EpochFiles:
    """The epochs of a run in files. Times have files of their own, because they never repeat.

    `rows` has a `HistoryRow` for each epoch done.
    """

    def __init__(self, folder):
        self.rows, self._times, self._folder, self._draws = [], [], folder, True

    def add(self, record, learning_rate, rate):
        """Add an `EpochRecord`, and write all files except the curves."""
        self.rows.append(HistoryRow(*record[:4] + (learning_rate,)))
        self._times.append(TimesRow(record.epoch, record.seconds, rate))
        self._write()

    def restore(self, rows):
        """Continue after the `rows` of a checkpoint; return them as `EpochRecord`s."""
        self.rows = [HistoryRow(*row) for row in rows]
        self._times = [row for row in (self._read_times() if rows else [])
                       if row.epoch <= len(rows)]
        seconds = {row.epoch: row.seconds for row in self._times}
        self._write()
        return [EpochRecord(*row[:4] + (seconds.get(row.epoch, math.nan),)) for row in self.rows]

    def draw(self, title):
        """Draw the curves under a title. If that fails, the run goes on without the picture."""
        if not self._draws:
            return
        try:
            write_file(self._path(CURVES), draw_curves(self.rows, title))
        except ImportError:
            tell('%s is not drawn, for want of matplotlib: pip install matplotlib' % CURVES)
            self._draws = False
        except Exception as error:  # whatever a library raises that draws, or a full disk
            tell('%s is not drawn: %s' % (CURVES, str(error) or type(error).__name__))

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
            tell('the seconds of the epochs before are lost: %s' % error)
            return []

    def _path(self, name):
        return os.path.join(self._folder, name)


def to_csv(kind, rows):
    """Return the text of a CSV file of `rows`, of the class `kind`, with all digits of numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(kind._fields)
    writer.writerows([repr(number) for number in row] for row in rows)
    return text.getvalue()


def read_csv(kind, path):
    """Return the rows, of the class `kind`, of a file by `to_csv`.

    Raises ValueError, with the file and the line, if the file is damaged.
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
        except (ValueError, TypeError):  # not a number, or not as many as there are columns
            raise ValueError('%s, line %d: expected %d numbers, found %r'
                             % (path, number, len(kind._fields), line[:80]))
    return rows
