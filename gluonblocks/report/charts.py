"""Per-epoch charts of one or more runs, and a function that renders any plot as SVG."""
import math
from typing import NamedTuple, Sequence

from markupsafe import Markup

from ..drawing.curves import Line, line_of, plot_lines
from ..drawing.style import (
    BLUE,
    FAINT,
    GREEN,
    PALETTE,
    PURPLE,
    VERMILLION,
    new_figure,
    own_font,
    style_axes,
)
from ..drawing.svg import svg_of

DASHES = ('', '5 3', '1.5 2.5', '7 2 1.5 2')
# Chart sizes in points. Charts fit the width of a phone screen, because the phone would otherwise
# shrink their text.
LARGE, SMALL = (420, 255), (300, 180)

# Field of `Epoch` -> (title, unit, colour for a single run, lower limit of the y axis).
MEASURES = {
    'loss': ('Training loss, mean per image', 'cross-entropy', BLUE, None),
    'test_acc': ('Test accuracy, fraction of images', 'accuracy', VERMILLION, None),
    'train_acc': ('Training accuracy, fraction of images', 'accuracy', BLUE, None),
    'seconds': ('Time per epoch, with evaluation', 'seconds', GREEN, 0),
    'rate': ('Training speed', 'images per second', GREEN, 0),
    'learning_rate': ("Learning rate at each epoch's last step", 'learning rate', PURPLE, 0)}

# Model -> published results of the book's code and recipe on Fashion-MNIST: [(source, rows)], where
# each row is (epoch, loss, training accuracy, test accuracy). Sources other than the book report
# only the last epoch.
_ANOTHER = "another run of the book's code"
_PUBLISHED = {
    'lenet_bn': [
        ('the book, 5.11.3', [
            (1, 0.6653, 0.761, 0.806), (2, 0.3917, 0.859, 0.847), (3, 0.3493, 0.874, 0.854),
            (4, 0.3212, 0.884, 0.872), (5, 0.3033, 0.889, 0.861)]),
        (_ANOTHER, [(5, 0.3079, 0.888, 0.859)])],
    'lenet_bn_gluon': [(_ANOTHER, [(5, 0.3035, 0.889, 0.883)])],
    'resnet': [('the book, 5.12, stopped in epoch 3', [
        (1, 0.8086, 0.760, 0.861), (2, 0.3464, 0.872, 0.863)])],
    'densenet': [(_ANOTHER, [(5, 0.2109, 0.924, 0.889)])],
}


class Chart(NamedTuple):
    """A chart rendered as SVG, with its title and legend, for use in the templates."""

    title: str
    svg: str  #: empty if there is nothing to draw
    legend: Sequence[Line] = ()


def published_runs(config):
    """Return published results for the model and data set in `config`, or [] if there are none."""
    return _PUBLISHED.get(config['model'], []) if config['dataset'] == 'fashion-mnist' else []


def curve_charts(run):
    """Return a run's loss and accuracy charts, which also show any published results."""
    rows, last, best = run.epochs, len(run.epochs) - 1, run.best.epoch - 1
    losses = [line_of(rows, 'loss', 'training loss', BLUE, marks={last: 's'})]
    accuracies = [line_of(rows, 'train_acc', 'training accuracy', BLUE, marks={last: 's'}),
                  line_of(rows, 'test_acc', 'test accuracy', VERMILLION,
                          marks={last: 's', best: '*'})]
    for (source, published), dash in zip(published_runs(run.config), DASHES[1:]):
        epochs, loss, _, test = zip(*published)
        losses.append(Line(source, epochs, loss, FAINT, dash, True))
        accuracies.append(Line('test accuracy, ' + source, epochs, test, FAINT, dash, True))
    return [_chart(MEASURES['loss'][0], losses, 'cross-entropy', size=LARGE),
            _chart('Accuracy, fraction of images', accuracies, 'accuracy', size=LARGE)]


def pace_charts(run):
    """Return three charts of a run: time per epoch, images per second, and learning rate."""
    return [_measure_chart(name, [line_of(run.epochs, name, *MEASURES[name][1:3])])
            for name in ('seconds', 'rate', 'learning_rate')]


def comparing_charts(runs):
    """Return (charts, lines): six charts that compare `runs`, and one line per run for their
    shared legend."""
    charts = []
    for name in MEASURES:
        # Combining 7 colours with 4 dash patterns makes the first 28 lines distinct.
        lines = [line_of(run.epochs, name, run.label, PALETTE[n % len(PALETTE)],
                         DASHES[n // len(PALETTE) % len(DASHES)],
                         {run.best.epoch - 1: '*'} if name == 'test_acc' and run.best else {})
                 for n, run in enumerate(runs)]
        charts.append(_measure_chart(name, lines))
    return charts, lines


def draw(plot, title, text, size=SMALL):
    """Return the chart drawn by `plot(axes)` as SVG; `text` describes it for screen readers."""
    figure = new_figure(size[0] / 72, size[1] / 72, dpi=72, background='none')
    axes = style_axes(figure.add_subplot(), size=11.5)
    axes.xaxis.labelpad = axes.yaxis.labelpad = 7
    plot(axes)
    own_font(figure)
    return Markup(svg_of(figure, title, text))


def _measure_chart(name, lines):
    title, unit, _, bottom = MEASURES[name]
    return _chart(title, lines, unit, bottom)._replace(legend=())


def _chart(title, lines, unit, bottom=None, size=SMALL):
    lines = [line for line in lines if any(map(math.isfinite, line.ys))]
    return Chart(title, draw(lambda axes: plot_lines(axes, lines, unit, bottom), title,
                             ' '.join(map(_describe, lines)), size) if lines else '', lines)


def _describe(line):
    pairs = [(x, y) for x, y in zip(line.xs, line.ys) if math.isfinite(y)]
    (first, start), (last, end) = pairs[0], pairs[-1]
    return '%s: from %.4g in epoch %d to %.4g in epoch %d, lowest %.4g, highest %.4g.' % (
        line.label, start, first, end, last, min(y for _, y in pairs), max(y for _, y in pairs))
