"""What an epoch came to, the words for it, and its row in the run's files."""
import collections
import csv
import io
import json

EpochRecord = collections.namedtuple('EpochRecord', 'epoch loss train_acc test_acc seconds')
EpochRecord.__doc__ = """One epoch, counted from 1: mean training loss per image, the share of
images classified rightly in training and in testing, and the seconds both took together."""

HistoryRow = collections.namedtuple('HistoryRow', 'epoch loss train_acc test_acc learning_rate')
HistoryRow.__doc__ = """An epoch in a run's history: as in `EpochRecord`, without the clock, and
the learning rate of its last step."""

TimesRow = collections.namedtuple('TimesRow', 'epoch seconds rate')
TimesRow.__doc__ = """What the clock said of an epoch: its seconds, as in `EpochRecord`, and the
images trained on in a second, the test left out."""


def epoch_line(record):
    """The line the book prints for an epoch."""
    return ('epoch %d, loss %.4f, train acc %.3f, test acc %.3f, time %.1f sec' % record)


def to_csv(kind, rows):
    """The text of a CSV file of `rows`, namedtuples `kind`; numbers are written in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(kind._fields)
    writer.writerows([repr(number) for number in row] for row in rows)
    return text.getvalue()


def to_jsonl(rows):
    """The text of a file with `rows`, namedtuples, as one JSON object a line."""
    return ''.join(json.dumps(row._asdict()) + '\n' for row in rows)


def read_csv(kind, path):
    """The rows of a file by `to_csv`. Raises ValueError if it is none."""
    with open(path, newline='') as f:
        header, *rows = list(csv.reader(f)) or [[]]
    if tuple(header) != kind._fields:
        raise ValueError('%s: its columns are not %s' % (path, ', '.join(kind._fields)))
    return [kind(int(row[0]), *map(float, row[1:])) for row in rows]


def best_epoch(history):
    """The first of the `EpochRecord`s with the highest test accuracy: its epoch, from 1."""
    return max(history, key=lambda record: (record.test_acc, -record.epoch)).epoch
