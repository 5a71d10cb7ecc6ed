"""The batch normalization section of a report: recorded statistics and one batch's activations."""
import math

import numpy as np

from ..drawing.style import BLUE, FAINT, LINE, PALETTE, marker, number_axis, readable
from ..training.norms import QUANTILES, STATISTICS, read_norm_stats
from .charts import Chart, draw
from .run import attempt

# If a net has more norm layers than this, the page adds charts that combine all layers, and
# initially hides the charts of each layer.
ALL_OPEN = 6
_TITLES = dict(zip(STATISTICS, ('gamma, the scale', 'beta, the shift', 'moving mean',
                                'moving variance')))


def norms_of(run):
    """Return the content of the batch normalization section as a dict.

    `missing` is a message if norms.csv cannot be read, otherwise ''. `summary` lists the table rows
    of the recorded layers, `across` lists charts that combine all layers, and `layers` maps each
    layer to its charts. `opened` is True if the charts in `layers` are initially visible.
    """
    rows, reason = attempt(read_norm_stats, run.folder)
    recorded = _by_layer(rows or [])
    batch = {layer: (before, after)
             for layer, before, after in (run.predictions.activations if run.predictions else [])}
    names = list(dict.fromkeys([*batch, *recorded]))
    layers = {name: [
        _bands('Layer ' + name, _TITLES[statistic], statistic, rows,
               [row.step for row in rows], 'step')
        for statistic, rows in recorded.get(name, {}).items()] + [
            _histogram(name, *item) for item in zip(
                ('input', 'output'), batch.get(name, ()), (FAINT, BLUE))] for name in names}
    across = [
        _bands('All layers', _TITLES[statistic] + ' by layer, at the last recorded step', statistic,
               [kinds[statistic][-1] for kinds in recorded.values()],
               range(1, len(recorded) + 1), 'norm layer')
        for statistic in STATISTICS] if len(recorded) > ALL_OPEN else []
    return {'missing': reason and 'The recorded statistics are not available: ' + reason,
            'summary': [_summary_row(name, recorded[name]) for name in names if name in recorded],
            'across': across, 'layers': layers, 'opened': len(names) <= ALL_OPEN}


def _by_layer(rows):
    layers = {}
    for row in rows:
        layers.setdefault(row.layer, {}).setdefault(row.statistic, []).append(row)
    # If recording was interrupted, the last layer may lack some statistics, so it is omitted.
    return {name: kinds for name, kinds in layers.items() if set(kinds) == set(STATISTICS)}


def _summary_row(name, kinds):
    gamma, beta = kinds['gamma'], kinds['beta']
    fractions = (gamma[0].dead, gamma[-1].dead, gamma[0].saturated, gamma[-1].saturated)
    return (name, readable(gamma[-1].q50), readable(beta[-1].q50),
            *('%.1f %%' % (100 * fraction) if math.isfinite(fraction) else '–'
              for fraction in fractions))


def _bands(where, title, statistic, rows, xs, xlabel):
    """Return a chart of the quantiles in `rows`, a list of `NormRow` objects, against `xs`."""
    columns = np.array([row[4:4 + len(QUANTILES)] for row in rows]).T  # (7, len(rows))
    if not np.isfinite(columns).any():
        return Chart(title, '')
    columns[~np.isfinite(columns)] = math.nan
    middle, look = len(columns) // 2, {'color': PALETTE[STATISTICS.index(statistic)]}
    medians = [value for value in columns[middle] if math.isfinite(value)] or [math.nan]

    def plot(axes):
        # If there is only one point, draw it twice, because its bands would otherwise be invisible.
        at, bands = (xs, columns) if len(xs) > 1 else (
            [xs[0] - 0.5, xs[0] + 0.5], np.repeat(columns, 2, axis=1))
        for i in range(middle):
            axes.fill_between(at, bands[i], bands[-1 - i], alpha=0.22, linewidth=0, **look)
        axes.plot(at, bands[middle], marker=marker(xs), **LINE, **look)
        axes.set_xlabel(xlabel)
        axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)
        axes.yaxis.get_major_locator().set_params(nbins=5)
        number_axis(axes.yaxis)
    return Chart(title, draw(plot, '%s: %s' % (where, title), '%s %d to %d, medians %s to %s.' % (
        xlabel, xs[0], xs[-1], readable(min(medians)), readable(max(medians)))))


def _histogram(layer, kind, histogram, colour):
    """Return a chart of a layer's `histogram` for one batch; `kind` is 'input' or 'output'."""
    edges, counts = histogram
    if not counts.any():
        return Chart(kind + ' on one batch', '')
    # The mean and the deviation are approximate, because only the bins are known.
    centres = (edges[:-1] + edges[1:]) / 2
    mean = np.average(centres, weights=counts)
    deviation = math.sqrt(np.average((centres - mean) ** 2, weights=counts))
    title = '%s on one batch: mean %s, std %s' % (
        kind, readable(mean, 2), readable(deviation, 2))

    def plot(axes):
        axes.stairs(counts / counts.sum(), edges, fill=True, color=colour, alpha=0.85)
        axes.set_xlabel('value')
        axes.xaxis.get_major_locator().set_params(nbins=6)
        number_axis(axes.xaxis)
        axes.set_yticks([])
        axes.spines['left'].set_visible(False)
    return Chart(title, draw(plot, 'Layer %s: %s' % (layer, title), 'From %s to %s.' % (
        readable(float(edges[0])), readable(float(edges[-1])))))
