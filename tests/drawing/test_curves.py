"""The picture of a run."""
import io
import math

import pytest
from matplotlib import image, pyplot

from gluonblocks.drawing.curves import draw_curves
from gluonblocks.runs.records import HistoryRow

ROWS = [HistoryRow(1, 0.9, 0.5, 0.4, 0.1), HistoryRow(2, 0.5, 0.8, 0.7, 0.1),
        HistoryRow(3, 0.4, 0.9, 0.7, 0.1)]


@pytest.fixture
def axes(figures):
    """Draw rows; return the two axes, drawn."""
    def draw(rows, title='x'):
        content = image.imread(io.BytesIO(draw_curves(rows, title)), format='png')
        assert content.shape == (480, 1260, 4)
        return figures[-1].axes
    return draw


def test_it_is_a_png_with_the_loss_and_both_accuracies_under_titles_with_units(axes):
    left, right = axes(ROWS, 'lenet_bn on $5')
    drawn = [[(line.get_label(), list(line.get_xdata()), list(line.get_ydata()))
              for line in ax.lines if not line.get_label().startswith('_')] for ax in (left, right)]
    assert drawn == [[('training loss', [1, 2, 3], [0.9, 0.5, 0.4])],
                     [('training', [1, 2, 3], [0.5, 0.8, 0.9]),
                      ('test; ★ best: 70.0 %, epoch 2', [1, 2, 3], [0.4, 0.7, 0.7])]]
    star, = [line for line in right.lines if line.get_marker() == '*']
    assert (list(star.get_xdata()), list(star.get_ydata())) == ([2], [0.7])
    assert left.figure.get_suptitle() == r'lenet_bn on \$5'
    assert [ax.get_title('left') for ax in (left, right)] == ['Training loss', 'Accuracy']
    assert [ax.get_xlabel() for ax in (left, right)] == ['epoch', 'epoch']
    assert left.get_ylabel() == 'cross-entropy, nats per image'
    assert all(text.get_text().endswith(' %') for text in right.get_yticklabels())


def epochs(losses):
    return [HistoryRow(i, loss, 0.5, 0.4, 0.1) for i, loss in enumerate(losses, 1)]


@pytest.mark.parametrize('losses, said', [
    ([1, math.nan, math.inf], 'not finite in 2 of 3 epochs'),
    ([math.nan], 'not finite in 1 of 1 epoch'), ([1, 2], None)])
def test_a_loss_that_is_not_finite_is_a_gap_and_is_told(axes, losses, said):
    left, _ = axes(epochs(losses))
    assert [text.get_text() for text in left.texts] == ([said] if said else [])
    assert [math.isnan(y) for y in left.lines[0].get_ydata()] == [
        not math.isfinite(loss) for loss in losses]


def test_one_epoch_is_a_dot_in_the_middle_and_a_long_run_a_line_without_dots(axes):
    left, _ = axes(epochs([0.5]))
    assert left.get_xlim() == (0.5, 1.5) and left.lines[0].get_marker() == 'o'
    left, _ = axes(epochs([0.5] * 200))
    assert left.lines[0].get_marker() == ''
    assert all(tick == int(tick) for tick in left.get_xticks())


def test_a_loss_that_falls_far_is_on_a_logarithmic_axis_with_plain_numbers(axes):
    left, _ = axes(epochs([35000, 12, 0.4]))
    assert left.get_yscale() == 'log'
    assert {'1', '10,000'} <= {text.get_text() for text in left.get_yticklabels()}
    left, _ = axes(ROWS)
    assert left.get_yscale() == 'linear' and left.get_ylim()[0] == 0


def test_same_rows_same_bytes_and_no_figure_is_left_open():
    before = pyplot.get_fignums()
    assert draw_curves(ROWS) == draw_curves(ROWS)
    assert pyplot.get_fignums() == before
