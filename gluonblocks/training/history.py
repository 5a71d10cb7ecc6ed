"""What an epoch came to, the words for it, and its row in the run's files."""
import csv
import io
import json
from typing import NamedTuple

from ..files import read_file

MAX_BYTES = 2 ** 24  # of a hundred thousand epochs


class EpochRecord(NamedTuple):
    """One epoch, counted from 1.

    `loss` is the mean training loss of an image, `train_acc` and `test_acc` are the shares of
    images classified rightly in training and in testing, from 0 to 1, and `seconds` is what both
    took together.
    """

    epoch: int
    loss: float
    train_acc: float
    test_acc: float
    seconds: float


class History(list):
    """A training, an `EpochRecord` for each epoch: a list that shows itself in a line."""

    def __repr__(self):
        if not self:
            return '<History of no epoch>'
        best = self[best_epoch(self) - self[0].epoch]
        return '<History of %d epoch%s: loss %.4f, test acc %.3f, the best %.3f in epoch %d>' % (
            len(self), 's' * (len(self) > 1), self[-1].loss, self[-1].test_acc, best.test_acc,
            best.epoch)


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


def epoch_line(record):
    """The line the book prints for an epoch."""
    return ('epoch %d, loss %.4f, train acc %.3f, test acc %.3f, time %.1f sec' % record)


def to_csv(kind, rows):
    """The text of a CSV file of `rows`, records of the class `kind`, with all digits of numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(kind._fields)
    writer.writerows([repr(number) for number in row] for row in rows)
    return text.getvalue()


def to_jsonl(rows):
    """The text of a file with `rows`, records of a class above, as one JSON object a line."""
    return ''.join(json.dumps(row._asdict()) + '\n' for row in rows)


def read_csv(kind, path):
    """The rows, of the class `kind`, of a file by `to_csv`. Raises ValueError if it is none."""
    try:
        text = read_file(path, MAX_BYTES).decode()
        header, *rows = list(csv.reader(io.StringIO(text, newline=''))) or [[]]
    except csv.Error as error:
        raise ValueError('%s: %s' % (path, error))
    if any(tuple(header) != kind._fields or len(row) != len(header) for row in [header] + rows):
        raise ValueError('%s: its columns are not %s' % (path, ', '.join(kind._fields)))
    return [kind(int(row[0]), *map(float, row[1:])) for row in rows]


def best_epoch(history):
    """The first of the `EpochRecord`s with the highest test accuracy: its epoch, from 1."""
    return max(history, key=lambda record: (record.test_acc, -record.epoch)).epoch
