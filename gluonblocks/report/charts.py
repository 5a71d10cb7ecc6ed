"""Lines over the epochs, and how every chart of a page is drawn."""
import math
from typing import Any, NamedTuple, Sequence

from markupsafe import Markup

from ..drawing.style import (
    FAINT,
    LINE,
    PALETTE,
    epoch_axis,
    new_figure,
    number_axis,
    own_font,
    style_axes,
)
from ..drawing.svg import svg_of

DASHES = ('', '5 3', '1.5 2.5', '7 2 1.5 2')
# Points. A chart is no wider than a phone, so that its text is not made smaller there.
LARGE, SMALL = (420, 255), (300, 180)


class Line(NamedTuple):
    """One line of a chart: `ys` over `xs`, where a NaN is a gap.

    `marks` maps the number of a point to 'best' or 'last'. A `faint` line is drawn thin and gray,
    for comparison; a single point is always shown.
    """

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    colour: str = FAINT
    dash: str = ''
    faint: bool = False
    marks: Any = {}


class Chart(NamedTuple):
    """A chart as the templates show it: title, legend and picture."""

    title: str
    svg: str  #: empty if there is nothing to draw
    legend: Sequence[Line] = ()


def series_look(n):
    """Return (colour, dash) of line `n`, counted from 0: all of the first 28 differ."""
    return PALETTE[n % len(PALETTE)], DASHES[n // len(PALETTE) % len(DASHES)]


def draw(plot, title, text, size=SMALL):
    """Return the SVG of what `plot(axes)` draws; `text` describes it to who cannot see it."""
    figure = new_figure(size[0] / 72, size[1] / 72, dpi=72, background='none')
    axes = style_axes(figure.add_subplot(), size=11.5)
    axes.xaxis.labelpad = axes.yaxis.labelpad = 7
    plot(axes)
    own_font(figure)
    return Markup(svg_of(figure, title, text))


def line_chart(title, lines, ylabel, bottom=None, legend=True, size=SMALL):
    """Return the `Chart` of `lines` over epochs."""
    lines = [line for line in lines if any(map(math.isfinite, line.ys))]
    if not lines:
        return Chart(title, '')

    def plot(axes):
        for line in lines:
            _plot_line(axes, line)
        axes.set_ylabel(ylabel)
        epoch_axis(axes, sorted({x for line in lines for x in line.xs}))
        number_axis(axes.yaxis)
        axes.set_ylim(bottom=bottom)
    svg = draw(plot, title, ' '.join(map(_describe, lines)), size)
    return Chart(title, svg, lines if legend else ())


def _plot_line(axes, line):
    look = dict(LINE, color=line.colour, marker='o' if len(line.xs) <= 20 else '')
    if line.faint:
        look.update(linewidth=1.1, marker='D', markersize=3.5, markerfacecolor='none')
    if line.dash:
        look.update(linestyle=(0, [float(part) for part in line.dash.split()]))
    axes.plot(line.xs, line.ys, **look)
    for n, kind in line.marks.items():
        marker, size = ('*', 12) if kind == 'best' else ('s', 6)
        if math.isfinite(line.ys[n]):
            axes.plot([line.xs[n]], [line.ys[n]], marker, markersize=size, color=line.colour)


def _describe(line):
    pairs = [(x, y) for x, y in zip(line.xs, line.ys) if math.isfinite(y)]
    (first, start), (last, end) = pairs[0], pairs[-1]
    if len(pairs) == 1:
        return '%s: %.4g in epoch %d.' % (line.label, start, first)
    return '%s: from %.4g in epoch %d to %.4g in epoch %d, lowest %.4g, highest %.4g.' % (
        line.label, start, first, end, last, min(y for _, y in pairs), max(y for _, y in pairs))
