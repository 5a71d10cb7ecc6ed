"""Run folders as a training leaves them, made by hand where a training would take too long."""
import os

from gluonblocks.runs.config import encode_config, identity_of, read_config
from gluonblocks.runs.records import HistoryRow, TimesRow, to_csv


def rewrite(folder, rows=None, seconds=None, **changes):
    """Give a run another history, (loss, train_acc, test_acc) an epoch, and other options."""
    folder = str(folder)
    config = dict(read_config(folder), **changes)
    config['identity'] = identity_of(config)
    if rows is not None:
        config['epochs'] = max(config['epochs'], len(rows))
        history = [HistoryRow(n, *row, 0.1) for n, row in enumerate(rows, 1)]
        times = [TimesRow(n, 2.0 if seconds is None else seconds, 500.0)
                 for n in range(1, len(rows) + 1)]
        for name, kind, content in [('history.csv', HistoryRow, history),
                                    ('times.csv', TimesRow, times)]:
            with open(os.path.join(folder, name), 'w') as f:
                f.write(to_csv(kind, content))
    with open(os.path.join(folder, 'config.json'), 'wb') as f:
        f.write(encode_config(config))
