"""What batch normalization does: its layers' numbers over time, and one batch through them."""
import math

from ..drawing.style import BLUE, FAINT, PALETTE, number_axis, readable
from ..training.norms import QUANTILES, STATISTICS, read_norm_stats
from .charts import figure
from .html import note, section, table, tag
from .svg import SMALL, draw
from .words import percent

ALL_OPEN = 6  # layers; of more, a chart shows them all and each one's own are folded away
TITLE = 'What batch normalization does'
_WORDS = {'gamma': 'gamma, the scale', 'beta': 'beta, the shift',
          'moving_mean': 'moving mean', 'moving_var': 'moving variance'}
_COLOURS = dict(zip(STATISTICS, PALETTE))
_DEFINED = (
    'Bands: the middle half, nine tenths and all of the channels, around their median. Dead '
    'channels pass nothing on: their output hardly differs between images, or lies below 0 before '
    'a ReLU. Of saturated ones more than half of the outputs lie where the sigmoid or tanh behind '
    'the layer is flat.')


def norms_section(view, found):
    """The norm layers of a run: recorded statistics, and the histograms of a batch."""
    try:
        rows, missing = read_norm_stats(view.folder), ''
    except (OSError, ValueError) as error:
        rows, missing = [], 'The record is not shown: %s' % error
    activations = found.answers.activations if found.answers else []
    layers = _by_layer(rows)
    seen = {activation.layer: activation for activation in activations}
    names = list(dict.fromkeys(list(seen) + list(layers)))
    if not names and found.answers and not missing:
        return section('norms', TITLE, note('This net has no batch normalization layer.'))
    content = []
    if layers:
        content.append(note(_DEFINED))
        content.append(table(
            ('layer', 'gamma, median', 'beta, median', 'dead, at first', 'dead, at last',
             'saturated, at first', 'saturated, at last'),
            [_layer_row(name, layers[name]) for name in names if name in layers],
            'The layers, at the end of the record', left=(0,)))
        if len(layers) > ALL_OPEN:
            content.append(tag('div', [_across(layers, statistic) for statistic in STATISTICS],
                               class_='grid three'))
    else:
        content.append(note(missing or 'This run recorded no statistics over time: train with '
                            'norm_stats to have gamma, beta, moving mean and variance here.'))
    if not found.answers:
        content.append(note('The distributions are not shown: %s' % found.no_answers))
    content += [_details(n, name, layers.get(name), seen.get(name), len(names) <= ALL_OPEN)
                for n, name in enumerate(names)]
    return section('norms', TITLE, *content)


def _by_layer(rows):
    layers = {}
    for row in rows:
        layers.setdefault(row.layer, {}).setdefault(row.statistic, []).append(row)
    # Of a record that was cut off a statistic may lack: then there is nothing to set beside it.
    return {name: kinds for name, kinds in layers.items() if set(kinds) == set(STATISTICS)}


def _layer_row(name, kinds):
    gamma, beta = kinds['gamma'], kinds['beta']
    return (name, readable(gamma[-1].q50), readable(beta[-1].q50), percent(gamma[0].dead),
            percent(gamma[-1].dead), percent(gamma[0].saturated), percent(gamma[-1].saturated))


def _details(n, name, kinds, activation, shown):
    """One layer, which can be folded away."""
    figures = [_bands('n%d%s' % (n, statistic[-3:]), name, statistic, kinds[statistic])
               for statistic in STATISTICS] if kinds else []
    if activation:
        figures += [_histogram('n%d%s' % (n, kind), name, kind, one, colour)
                    for kind, one, colour in (('input', activation.before, FAINT),
                                              ('output', activation.after, BLUE))]
    content = tag('div', figures, class_='grid three')
    return tag('details', [tag('summary', tag('h3', ['Layer ', name])), content],
               **({'open': ''} if shown else {}))


def _bands(name, layer, statistic, rows):
    title = _WORDS[statistic]
    last = rows[-1]
    text = 'Over the steps %d to %d. At last: smallest %s, median %s, largest %s.' % (
        rows[0].step, last.step, readable(last.q0), readable(last.q50), readable(last.q100))
    return figure(title, draw(
        lambda figure: _plot_bands(figure, [row.step for row in rows], rows, 'step',
                                   _COLOURS[statistic]),
        name, 'Layer %s: %s' % (layer, title), text, **SMALL))


def _across(layers, statistic):
    """The last rows of a statistic, over the depth of the net."""
    rows = [kinds[statistic][-1] for kinds in layers.values()]
    title = '%s, at last, from the first layer to the last' % _WORDS[statistic]
    medians = [row.q50 for row in rows if math.isfinite(row.q50)] or [math.nan]
    return figure(title, draw(
        lambda figure: _plot_bands(figure, range(1, len(rows) + 1), rows, 'norm layer',
                                   _COLOURS[statistic]),
        'across-' + statistic.replace('_', '-'), title, 'Medians of %d layers, from %s to %s.' % (
            len(rows), readable(min(medians)), readable(max(medians))), **SMALL))


def _plot_bands(figure, xs, rows, xlabel, colour):
    axes = figure.add_subplot()
    columns = [[value if math.isfinite(value) else math.nan for value in column]
               for column in zip(*[row[4:4 + len(QUANTILES)] for row in rows])]
    middle = len(columns) // 2
    for i in range(middle):
        axes.fill_between(xs, columns[i], columns[-1 - i], color=colour, alpha=0.22, linewidth=0)
    axes.plot(xs, columns[middle], color=colour, marker='o' if len(rows) <= 20 else '')
    if len(rows) == 1:  # a band of one point has no width
        axes.plot([xs[0]] * 2, [columns[0][0], columns[-1][0]], color=colour, alpha=0.5)
        axes.set_xlim(xs[0] - 1, xs[0] + 1)
    axes.set_xlabel(xlabel)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)
    axes.yaxis.get_major_locator().set_params(nbins=5)
    number_axis(axes.yaxis)


def _histogram(name, layer, kind, histogram, colour):
    """The distribution of what comes into a layer, or goes out of it, on one batch."""
    mean, deviation = _moments(histogram)
    title = '%s of a batch: mean %s, deviation %s' % (
        kind, readable(mean, 2), readable(deviation, 2))

    def plot(figure):
        axes = figure.add_subplot()
        axes.stairs(histogram.counts / max(1, histogram.counts.sum()), histogram.edges, fill=True,
                    color=colour, alpha=0.85)
        axes.set_xlabel('value')
        axes.xaxis.get_major_locator().set_params(nbins=6)
        number_axis(axes.xaxis)
        axes.set_yticks([])
        axes.spines['left'].set_visible(False)
    return figure(title, draw(plot, name, 'Layer %s: %s' % (layer, title), 'From %s to %s.' % (
        readable(float(histogram.edges[0])), readable(float(histogram.edges[-1]))), **SMALL))


def _moments(histogram):
    """Mean and standard deviation, as far as the bins tell them."""
    total = histogram.counts.sum()
    if not total:
        return math.nan, math.nan
    centres = (histogram.edges[:-1] + histogram.edges[1:]) / 2
    mean = float((centres * histogram.counts).sum() / total)
    return mean, math.sqrt(float(((centres - mean) ** 2 * histogram.counts).sum() / total))
