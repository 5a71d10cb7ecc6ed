"""Lines over the epochs, and the figure with its legend around them."""
import math
from typing import Any, NamedTuple, Sequence

from ..drawing.style import PALETTE, epoch_axis, number_axis
from .html import Html, tag
from .svg import COLOURS, SMALL, draw

DASHES = ('', '5 3', '1.5 2.5', '7 2 1.5 2')


class Line(NamedTuple):
    """One line of a chart: `ys` over `xs`, where a NaN is a gap.

    `marks` maps the number of a point to what it is: 'best' or 'last'. A `faint` line is one to
    compare with; a single point is always shown.
    """

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    colour: str = PALETTE[0]
    dash: str = ''
    faint: bool = False
    marks: Any = {}


def series_look(n):
    """The (colour, dash) of the line number `n`, from 0: no two of 28 are alike."""
    return PALETTE[n % len(PALETTE)], DASHES[n // len(PALETTE) % len(DASHES)]


def line_chart(name, title, lines, ylabel, bottom=None, legend=True, small=False):
    """A figure of `lines`, a `Line` each, with its title, and a legend where `legend`;
    `small` is for three beside each other."""
    drawn = [line for line in lines if any(map(math.isfinite, line.ys))]

    def plot(figure):
        axes = figure.add_subplot()
        for line in drawn:
            _plot_line(axes, line)
        axes.set_ylabel(ylabel)
        epoch_axis(axes, sorted({x for line in drawn for x in line.xs}))
        number_axis(axes.yaxis)
        axes.set_ylim(bottom=bottom)
    if not drawn:
        return tag('figure', [tag('figcaption', title), tag(
            'p', 'No finite number to draw.', class_='note')])
    return figure(title, draw(plot, name, title, _words(drawn), **(SMALL if small else {})),
                  legend_of(drawn) if legend else '')


def figure(title, svg, legend=''):
    """A figure with its title above, its legend between, and the picture."""
    return tag('figure', [tag('figcaption', title), legend, Html(svg)])


def legend_of(lines):
    """The legend of `lines`; names may be long, so it is text that wraps, and no part of the SVG.
    """
    items = []
    for line in lines:
        look, shape = 's-%s' % COLOURS[line.colour], 'M1 4H25'
        width = '1.6' if line.faint else '3'
        dash = ' stroke-dasharray="%s"' % line.dash if line.dash else ''
        if len(line.xs) == 1:
            shape, width, dash = 'M13 1L16 4L13 7L10 4Z', '1.6', ''
        items.append(tag('li', [Html(
            '<svg class="key" viewBox="0 0 26 8" aria-hidden="true"><path class="%s" d="%s" '
            'fill="none" stroke-width="%s"%s/></svg>' % (look, shape, width, dash)), line.label]))
    return tag('ul', items, class_='legend')


def _plot_line(axes, line):
    dash = [float(part) for part in line.dash.split()]
    how = {'color': line.colour, 'linestyle': (0, dash) if dash else '-'}
    few = len(line.xs) <= 20
    if line.faint:
        axes.plot(line.xs, line.ys, linewidth=1.1, marker='D', markersize=3.5,
                  markerfacecolor='none', **how)
    else:
        axes.plot(line.xs, line.ys, marker='o' if few else '', **how)
    for n, kind in line.marks.items():
        if math.isfinite(line.ys[n]):
            axes.plot([line.xs[n]], [line.ys[n]], marker='*' if kind == 'best' else 's',
                      markersize=12 if kind == 'best' else 6, color=line.colour, linestyle='')


def _words(lines):
    """What the lines show, in words: where each begins and ends, and its ends."""
    said = []
    for line in lines:
        pairs = [(x, y) for x, y in zip(line.xs, line.ys) if math.isfinite(y)]
        if len(pairs) == 1:
            said.append('%s: %.4g in epoch %d.' % (line.label, pairs[0][1], pairs[0][0]))
        else:
            said.append('%s: from %.4g in epoch %d to %.4g in epoch %d, lowest %.4g, highest %.4g.'
                        % (line.label, pairs[0][1], pairs[0][0], pairs[-1][1], pairs[-1][0],
                           min(y for _, y in pairs), max(y for _, y in pairs)))
    return ' '.join(said)

