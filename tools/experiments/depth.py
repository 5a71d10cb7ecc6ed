"""How a deep net predicts after two steps: averages that lag behind the weights, layer by layer."""
import math
from typing import NamedTuple, Tuple

import numpy as np
from mxnet import autograd

from .averages import as_they_are, measure_anew, replace, without_start
from .common import axes_of, legend, plot, steps, table

# As tests/models/test_all_models.py trains them; and one as its recipe has it.
CASES = [('paper_resnet%d' % depth, 4, 32) for depth in (18, 34, 50, 101, 152)] + [
    ('paper_resnet101', 64, 64)]
DRAWN = CASES[3], CASES[5]
STEPS, LR, MOMENTUM = 2, 0.05, 0.9


class Row(NamedTuple):
    """A net after two steps on batches of `batch_size` images of `side` pixels. The gradients are
    the norms of those of the summed loss of the first step.

    The others are the largest absolute output of each layer for a batch that it predicts: with
    the averages as training left them, corrected for their start, and measured anew by the weights
    as they are; and for the same batch in training mode.
    """

    model: str
    batch_size: int
    side: int
    first_gradient: float
    last_gradient: float
    first_growth: float
    as_left: Tuple[float, ...]
    corrected: Tuple[float, ...]
    anew: Tuple[float, ...]
    training: Tuple[float, ...]


def run(settings):
    return [_look(settings, *case) for case in settings.pick(CASES, CASES[:1])]


def _look(settings, model, batch_size, side):
    train_iter, _ = settings.loaders(batch_size, side)
    batches = [batch for batch, _ in zip(train_iter, range(STEPS))]
    net = settings.new_net(model)
    net(batches[0][0])
    weights = [param for name, param in net.collect_params().items() if name.endswith('weight')]
    before, gradients = weights[0].data().norm().asscalar(), []
    for _ in steps(net, batches, LR):
        gradients.append([weight.grad().norm().asscalar() for weight in weights])
    growth = weights[0].data().norm().asscalar() / before
    X, left, sizes = batches[0][0], MOMENTUM ** STEPS, []
    with as_they_are(net) as saved:
        sizes.append(walk(net, X))
        for norm, averages in saved:
            replace(norm, *without_start(*averages, left, start_var=1))
        sizes.append(walk(net, X))
        measure_anew(net, X)
        sizes.append(walk(net, X))
        with autograd.train_mode():
            sizes.append(walk(net, X))
    return Row(model, batch_size, side, gradients[0][0], gradients[0][-1], growth, *sizes)


def walk(net, X):
    """The largest absolute number that each layer of a net puts out for X, one after the other."""
    sizes = []
    for layer in net:
        X = layer(X)
        sizes.append(float(np.abs(X.asnumpy()).max()))
    return tuple(sizes)


def report(rows):
    heads = ('model', 'batch', 'image', 'gradient: first layer', 'last layer',
             "first layer's weights grew", 'as left', 'corrected', 'measured anew',
             'in training mode')
    text = table(heads, [
        (row.model, row.batch_size, '%d x %d' % (row.side, row.side),
         '%.1e' % row.first_gradient, '%.1e' % row.last_gradient,
         '%.3g times' % row.first_growth, *('%.1e' % sizes[-1] for sizes in row[6:]))
        for row in rows])
    return ('After %d steps of SGD with learning rate %g. The last four columns: the largest '
            'absolute output of\nthe net for a batch, by the averages or in training mode.\n\n%s'
            % (STEPS, LR, text))


def draw(figure, rows):
    chosen = [row for row in rows if (row.model, row.batch_size, row.side) in DRAWN] or rows
    axes = axes_of(figure, *['%s, batch %d, %d×%d' % (row.model, row.batch_size, row.side, row.side)
                             for row in chosen])
    for ax, row in zip(axes, chosen):
        labels = ('averages as training left them', 'corrected for their start',
                  'measured anew by the weights', "the batch's own statistics")
        plot(ax, {label: [(i, size if math.isfinite(size) else math.nan)
                          for i, size in enumerate(sizes, 1)]
                  for label, sizes in zip(labels, row[6:])}, marker='')
        ax.axhline(np.finfo('float32').max, color='k', linestyle=':', label='largest float32')
        ax.set_yscale('log')
        ax.set_xlabel('layer or unit')
        ax.set_ylabel('largest absolute output')
    legend(ax, loc='center')
