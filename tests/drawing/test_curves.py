"""The picture of a run."""
import io

from matplotlib import figure, image, pyplot

from gluonblocks.drawing.curves import draw_curves
from gluonblocks.training.history import HistoryRow

ROWS = [HistoryRow(1, 0.9, 0.5, 0.4, 0.1), HistoryRow(2, 0.5, 0.8, 0.7, 0.1)]


def test_it_is_a_png_with_the_loss_and_both_accuracies(monkeypatch):
    figures = []
    monkeypatch.setattr(figure, 'Figure', lambda *a, make=figure.Figure, **k: (
        figures.append(make(*a, **k)), figures[-1])[1])
    assert image.imread(io.BytesIO(draw_curves(ROWS)), format='png').shape[2] == 4
    drawn = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
             for axes in figures[0].axes for line in axes.lines}
    assert drawn == {'training loss': ([1, 2], [0.9, 0.5]),
                     'training accuracy': ([1, 2], [0.5, 0.8]),
                     'test accuracy': ([1, 2], [0.4, 0.7])}


def test_same_rows_same_bytes_and_no_figure_is_left_open():
    before = pyplot.get_fignums()
    assert draw_curves(ROWS) == draw_curves(ROWS)
    assert pyplot.get_fignums() == before
