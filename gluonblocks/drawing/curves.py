"""Plot values over epochs, such as a run's training curves. Matplotlib is imported lazily."""
import math
from typing import Any, NamedTuple, Sequence

from .style import (
    BLUE,
    HEADLINE,
    LEGEND,
    LINE,
    TITLE,
    VERMILLION,
    encode_figure,
    marker,
    new_figure,
    number_axis,
    plain,
    style_axes,
    tick,
)

# If the largest loss is more than WIDE times the smallest, the loss axis is logarithmic.
WIDE = 50


class Line(NamedTuple):
    """A line in a chart: `ys` against the epochs `xs`, with gaps where `ys` is not finite.

    `dash` is a dash pattern, such as '5 3'. `marks` maps the index of a point to a marker.
    If `faint` is true, the line is thinner; use this for values shown only for comparison.
    """

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    colour: str
    dash: str = ''
    faint: bool = False
    marks: Any = {}


def line_of(rows, field, label, colour, dash='', marks=None):
    """Return a `Line` that plots the attribute `field` of each row against its `epoch`."""
    return Line(label, [row.epoch for row in rows], [getattr(row, field) for row in rows], colour,
                dash, marks=marks or {})


def plot_lines(axes, lines, unit, bottom=None):
    """Plot `lines` over epochs; `unit` labels the y axis, and `bottom` is its lower limit."""
    from matplotlib.ticker import MaxNLocator
    for line in lines:
        ys = [y if math.isfinite(y) else math.nan for y in line.ys]
        look = dict(LINE, color=line.colour, marker=marker(ys))
        if line.faint:
            look.update(linewidth=1.1, marker='D', markersize=3.5, markerfacecolor='none')
        if line.dash:
            look.update(linestyle=(0, [float(length) for length in line.dash.split()]))
        axes.plot(line.xs, ys, label=line.label, **look)
        for n, mark in line.marks.items():
            axes.plot([line.xs[n]], [ys[n]], mark, markersize=11 if mark == '*' else 6,
                      color=line.colour, clip_on=False)
    epochs = [x for line in lines for x in line.xs]
    first, last = min(epochs), max(epochs)
    margin = 0.03 * (last - first) or 0.5
    axes.set_xlim(first - margin, last + margin)
    axes.set_xlabel('epoch')
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    axes.set_ylabel(unit)
    axes.set_ylim(bottom=bottom)
    number_axis(axes.yaxis)


def draw_curves(rows, title=''):
    """Plot the losses and accuracies in `rows`, a list of `HistoryRow`, by epoch; return a PNG.

    `title` is the heading. Non-finite losses leave gaps, and the plot says how many there are.
    The same arguments always produce an identical PNG. Raises ImportError if matplotlib is missing.
    """
    from matplotlib.ticker import FuncFormatter
    # We do not use GluonCV's TrainingHistory: it draws into pyplot's current figure, which a
    # notebook may be using, and puts loss and accuracy on the same axis.
    figure = new_figure()
    figure.suptitle(plain(title), **HEADLINE)
    left, right = map(style_axes, figure.subplots(1, 2))
    left.set_title('Training loss', **TITLE)
    right.set_title('Accuracy', **TITLE)

    finite = [row.loss for row in rows if math.isfinite(row.loss)]
    is_wide = bool(finite) and 0 < WIDE * min(finite) < max(finite)
    plot_lines(left, [line_of(rows, 'loss', 'training loss', BLUE)],
               'cross-entropy, nats per image', None if is_wide else 0)
    if is_wide:
        left.set_yscale('log')
        number_axis(left.yaxis)
    if len(finite) < len(rows):
        left.text(0.5, 0.94, 'not finite in %d of %d epoch%s' % (
            len(rows) - len(finite), len(rows), 's' * (len(rows) > 1)), fontsize=9.5,
                  transform=left.transAxes, ha='center', va='top', color=VERMILLION)

    best = max(rows, key=lambda row: (row.test_acc, -row.epoch))
    plot_lines(right, [
        line_of(rows, 'train_acc', 'training', BLUE),
        line_of(rows, 'test_acc', 'test; ★ best: %.1f %%, epoch %d' % (
            100 * best.test_acc, best.epoch), VERMILLION, marks={best.epoch - 1: '*'})],
        'images classified correctly')
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(100 * value) + ' %'))
    right.legend(loc='best', **LEGEND)
    return encode_figure(figure)
