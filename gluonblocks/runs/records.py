"""What a run's folder shows of its epochs: history, seconds, curves."""
import json
import math
import os

from ..drawing.curves import draw_curves
from ..files import read_file, write_file
from ..training.loop import EpochRecord, HistoryRow, TimesRow, read_csv, to_csv, to_jsonl
from ..training.progress import tell

TIMES, CLOCK, CURVES = 'times.csv', 'clock.json', 'curves.png'


class EpochFiles:
    """The epochs of a run, in files: what is the same each time apart from what the clock says.

    `rows` has a `HistoryRow` for each epoch done.
    """

    def __init__(self, folder):
        self.rows, self._times, self._folder, self._draws = [], [], folder, True

    def add(self, record, learning_rate, rate):
        """Take in an `EpochRecord`, and write the files but the curves."""
        self.rows.append(HistoryRow(*record[:4] + (learning_rate,)))
        self._times.append(TimesRow(record.epoch, record.seconds, rate))
        self._write()

    def restore(self, rows):
        """Take up `rows`, as a checkpoint has them; return them as `EpochRecord`s."""
        self.rows = [HistoryRow(*row) for row in rows]
        self._times = [row for row in (self._read_times() if rows else [])
                       if row.epoch <= len(rows)]
        seconds = {row.epoch: row.seconds for row in self._times}
        self._write()
        return [EpochRecord(*row[:4] + (seconds.get(row.epoch, math.nan),)) for row in self.rows]

    def draw(self, title):
        """Draw the curves under a title; a run goes on where that fails, for it is a picture."""
        if not self._draws:
            return
        try:
            write_file(self._path(CURVES), draw_curves(self.rows, title))
        except ImportError:
            tell('%s is not drawn, for want of matplotlib: pip install matplotlib' % CURVES)
            self._draws = False
        except Exception as error:  # whatever a library raises that draws, or a full disk
            tell('%s is not drawn: %s' % (CURVES, str(error) or type(error).__name__))

    def write_clock(self, step, seconds):
        """Note the seconds that the epoch under way has taken at `step`.

        In a file of its own: the clock never says the same twice.
        """
        text = json.dumps({'step': step, 'seconds': seconds}) + '\n'
        write_file(self._path(CLOCK), text.encode())

    def read_clock(self, step):
        """The seconds that the epoch under way had taken at `step`; 0 where nothing tells."""
        try:
            clock = json.loads(read_file(self._path(CLOCK), 1000))
            seconds = float(clock['seconds']) if clock['step'] == step else 0.0
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return 0.0
        return seconds if 0 <= seconds < math.inf else 0.0

    def _write(self):
        for name, text in [(TIMES, to_csv(TimesRow, self._times)),
                           ('history.csv', to_csv(HistoryRow, self.rows)),
                           ('history.jsonl', to_jsonl(self.rows))]:
            write_file(self._path(name), text.encode())

    def _read_times(self):
        try:
            return read_csv(TimesRow, self._path(TIMES))
        except (OSError, ValueError) as error:
            tell('the seconds of the epochs before are lost: %s' % error)
            return []

    def _path(self, name):
        return os.path.join(self._folder, name)
