"""Batch normalization in a run: its layers' values over time, and one batch through them."""
import math
from typing import Any, Dict, List, NamedTuple

from ..drawing.style import BLUE, FAINT, LINE, PALETTE, number_axis, readable
from ..training.norms import QUANTILES, STATISTICS, read_norm_stats
from .charts import Chart, draw
from .words import percent

ALL_OPEN = 6  # layers; more are folded away, below charts that show them together
_TITLES = {'gamma': 'gamma, the scale', 'beta': 'beta, the shift',
           'moving_mean': 'moving mean', 'moving_var': 'moving variance'}
_COLOURS = dict(zip(STATISTICS, PALETTE))


class Norms(NamedTuple):
    """The content of the section on batch normalization."""

    missing: str  #: why there is no record
    summary: List[Any]  #: rows of a table of the recorded layers
    across: List[Chart]  #: of all layers together
    layers: Dict[str, List[Chart]]  #: of each layer
    opened: bool  #: whether the layers are shown at first


def norms_of(view, found):
    """Return the `Norms` of a run: recorded statistics, and the histograms of a batch."""
    try:
        rows, missing = read_norm_stats(view.folder), ''
    except (OSError, ValueError) as error:
        rows, missing = [], 'The record is not shown: %s' % error
    recorded = _by_layer(rows)
    batch = {activation.layer: activation
             for activation in (found.answers.activations if found.answers else [])}
    names = list(dict.fromkeys(list(batch) + list(recorded)))
    layers = {name: [] for name in names}
    for name in names:
        layers[name] += [_bands(name, statistic, recorded[name][statistic])
                         for statistic in STATISTICS if name in recorded]
        if name in batch:
            layers[name] += [_histogram(name, 'input', batch[name].before, FAINT),
                             _histogram(name, 'output', batch[name].after, BLUE)]
    return Norms(missing, [_summary_row(name, recorded[name]) for name in names
                           if name in recorded],
                 [_across(recorded, statistic) for statistic in STATISTICS
                  if len(recorded) > ALL_OPEN], layers, len(names) <= ALL_OPEN)


def _by_layer(rows):
    layers = {}
    for row in rows:
        layers.setdefault(row.layer, {}).setdefault(row.statistic, []).append(row)
    # The last statistics of an interrupted record may be missing.
    return {name: kinds for name, kinds in layers.items() if set(kinds) == set(STATISTICS)}


def _summary_row(name, kinds):
    gamma, beta = kinds['gamma'], kinds['beta']
    return (name, readable(gamma[-1].q50), readable(beta[-1].q50), percent(gamma[0].dead),
            percent(gamma[-1].dead), percent(gamma[0].saturated), percent(gamma[-1].saturated))


def _bands(layer, statistic, rows):
    title, last = _TITLES[statistic], rows[-1]
    text = 'Over the steps %d to %d. At last: smallest %s, median %s, largest %s.' % (
        rows[0].step, last.step, readable(last.q0), readable(last.q50), readable(last.q100))
    return Chart(title, draw(
        lambda axes: _plot_bands(axes, [row.step for row in rows], rows, 'step',
                                 _COLOURS[statistic]), 'Layer %s: %s' % (layer, title), text))


def _across(layers, statistic):
    """Return the chart of the last rows of a statistic over the depth of the net."""
    rows = [kinds[statistic][-1] for kinds in layers.values()]
    title = '%s, at last, from the first layer to the last' % _TITLES[statistic]
    medians = [row.q50 for row in rows if math.isfinite(row.q50)] or [math.nan]
    return Chart(title, draw(
        lambda axes: _plot_bands(axes, range(1, len(rows) + 1), rows, 'norm layer',
                                 _COLOURS[statistic]), title, 'Medians of %d layers, from %s to %s.'
        % (len(rows), readable(min(medians)), readable(max(medians)))))


def _plot_bands(axes, xs, rows, xlabel, colour):
    columns = [[value if math.isfinite(value) else math.nan for value in column]
               for column in zip(*[row[4:4 + len(QUANTILES)] for row in rows])]
    middle = len(columns) // 2
    for i in range(middle):
        axes.fill_between(xs, columns[i], columns[-1 - i], color=colour, alpha=0.22, linewidth=0)
    axes.plot(xs, columns[middle], color=colour, marker='o' if len(rows) <= 20 else '', **LINE)
    if len(rows) == 1:  # a band of one point has no width
        axes.plot([xs[0]] * 2, [columns[0][0], columns[-1][0]], color=colour, alpha=0.5, **LINE)
        axes.set_xlim(xs[0] - 1, xs[0] + 1)
    axes.set_xlabel(xlabel)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)
    axes.yaxis.get_major_locator().set_params(nbins=5)
    number_axis(axes.yaxis)


def _histogram(layer, kind, histogram, colour):
    """Return the chart of the values that enter or leave a layer on one batch."""
    mean, deviation = _moments(histogram)
    title = '%s of a batch: mean %s, deviation %s' % (
        kind, readable(mean, 2), readable(deviation, 2))

    def plot(axes):
        axes.stairs(histogram.counts / max(1, histogram.counts.sum()), histogram.edges, fill=True,
                    color=colour, alpha=0.85)
        axes.set_xlabel('value')
        axes.xaxis.get_major_locator().set_params(nbins=6)
        number_axis(axes.xaxis)
        axes.set_yticks([])
        axes.spines['left'].set_visible(False)
    return Chart(title, draw(plot, 'Layer %s: %s' % (layer, title), 'From %s to %s.' % (
        readable(float(histogram.edges[0])), readable(float(histogram.edges[-1])))))


def _moments(histogram):
    """Return mean and standard deviation, as exactly as the bins allow."""
    total = histogram.counts.sum()
    if not total:
        return math.nan, math.nan
    centres = (histogram.edges[:-1] + histogram.edges[1:]) / 2
    mean = float((centres * histogram.counts).sum() / total)
    return mean, math.sqrt(float(((centres - mean) ** 2 * histogram.counts).sum() / total))
