"""The bar is on stderr, and the batches pass through it."""
import sys

from tqdm import tqdm

import gluonblocks as gb
from gluonblocks.training.progress import Progress, _PlainLines


def loader():
    return gb.data.load_data_synthetic(512, seed=0, num_train=2048)[0]


def test_batches_pass_through_unchanged_and_the_bar_counts_their_images(monkeypatch):
    counted = []
    monkeypatch.setattr(tqdm, 'update', lambda bar, n: counted.append(n))
    plain, wrapped = list(loader()), list(Progress(loader(), 1))
    assert len(plain) == len(wrapped) == 4
    assert counted == [512] * 4
    for (X, y), (X2, y2) in zip(plain, wrapped):
        assert (X.asnumpy() == X2.asnumpy()).all() and (y.asnumpy() == y2.asnumpy()).all()


def test_a_terminal_gets_a_bar_with_rate_and_time_left(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True, raising=False)
    progress = Progress(loader(), 5)
    list(progress), list(progress)
    out, err = capsys.readouterr()
    assert out == ''
    assert 'epoch 1/5' in err and 'epoch 2/5' in err and 'img/s' in err and '2048' in err


def test_plain_lines_have_no_carriage_return(capsys):
    lines = _PlainLines()
    for text in ('\repoch 1/5:  40%', '\r', '\n'):
        lines.write(text)
    assert capsys.readouterr().err == 'epoch 1/5:  40%\n'
