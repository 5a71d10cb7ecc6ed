"""The words for an epoch, against the lines that the book's notebooks printed."""
import pytest

import gluonblocks as gb

PRINTED = [
    ((1, 0.6653, 0.761, 0.806, 142.5),
     'epoch 1, loss 0.6653, train acc 0.761, test acc 0.806, time 142.5 sec'),
    ((5, 0.30332, 0.88904, 0.86099, 136.94),
     'epoch 5, loss 0.3033, train acc 0.889, test acc 0.861, time 136.9 sec'),
    ((1, 0.8086, 0.760, 0.861, 1187.2),
     'epoch 1, loss 0.8086, train acc 0.760, test acc 0.861, time 1187.2 sec'),
]


@pytest.mark.parametrize('record, line', PRINTED)
def test_epoch_line_is_the_books(record, line):
    assert gb.epoch_line(gb.EpochRecord(*record)) == line
