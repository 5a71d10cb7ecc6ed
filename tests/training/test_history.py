"""The words for an epoch, against the lines that the book's notebooks printed."""
import math

import pytest

import gluonblocks as gb
from gluonblocks.runs.records import HistoryRow, read_csv, to_csv
from gluonblocks.training.loop import EpochRecord, History

PRINTED = [
    ((1, 0.6653, 0.761, 0.806, 142.5),
     'epoch 1, loss 0.6653, train acc 0.761, test acc 0.806, time 142.5 sec'),
    ((5, 0.30332, 0.88904, 0.86099, 136.94),
     'epoch 5, loss 0.3033, train acc 0.889, test acc 0.861, time 136.9 sec'),
]


@pytest.mark.parametrize('record, line', PRINTED)
def test_epoch_line_is_the_books(record, line):
    assert gb.training.epoch_line(gb.training.EpochRecord(*record)) == line


ROWS = [HistoryRow(1, 0.1 + 0.2, 0.5, 0.25, 1e-05), HistoryRow(2, float('nan'), 1.0, 0.0, 0.1)]


def test_a_csv_file_has_the_numbers_to_the_last_bit(tmp_path):
    path = tmp_path / 'x.csv'
    path.write_text(to_csv(HistoryRow, ROWS))
    assert path.read_text().splitlines()[:2] == [
        'epoch,loss,train_acc,test_acc,learning_rate', '1,0.30000000000000004,0.5,0.25,1e-05']
    again = read_csv(HistoryRow, str(path))
    assert again[0] == ROWS[0] and math.isnan(again[1].loss) and again[1][2:] == ROWS[1][2:]


HEADER = ','.join(HistoryRow._fields) + '\n'


@pytest.mark.parametrize('text, said', [
    ('', "line 1: expected the columns epoch,loss,.*, found ''"),
    ('epoch,loss\n1,2\n', "line 1: expected the columns epoch,loss,.*, found 'epoch,loss'"),
    (HEADER + '1,2\n', "line 2: expected 5 numbers, found '1,2'"),
    (HEADER + '\n', "line 2: expected 5 numbers, found ''")])
def test_a_csv_file_of_other_columns_or_with_a_row_cut_short_is_refused(tmp_path, text, said):
    (tmp_path / 'x.csv').write_text(text)
    with pytest.raises(ValueError, match='x.csv, ' + said):
        read_csv(HistoryRow, str(tmp_path / 'x.csv'))


@pytest.mark.parametrize('rows, shown', [
    ([], '<History of 0 epochs>'),
    ([(1, .5, .8, .75, 2.)],
     '<History of 1 epoch: loss 0.5000, test acc 0.750, the best 0.750 in epoch 1>'),
    ([(1, .5, .8, .75, 2.), (2, .25, .9, .875, 2.), (3, .125, .9, .8, 2.)],
     '<History of 3 epochs: loss 0.1250, test acc 0.800, the best 0.875 in epoch 2>')])
def test_a_history_shows_itself_in_a_line(rows, shown):
    assert repr(History(EpochRecord(*row) for row in rows)) == shown
