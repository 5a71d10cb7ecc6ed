"""Why moving averages that start at 0 need a warm-up before they predict."""
from typing import NamedTuple

from gluonblocks.models.registry import get_recipe
from gluonblocks.training.metrics import evaluate_accuracy

from .averages import as_they_are, measure_anew, replace, without_start
from .common import axes_of, legend, log_axis, percent, plot, steps, table

MODEL, MOMENTUM = 'lenet_bn', 0.9
AT = (1, 2, 3, 5, 8, 12, 20, 30, 50, 100, 235)


class Row(NamedTuple):
    """Test accuracies after `step` steps of one training, by the running statistics of four starts.

    `moved`, 1 - momentum^step, is the fraction of the distance from its start that a running
    statistic has gone.
    """

    step: int
    moved: float
    from_0: float
    from_1: float
    corrected: float
    anew: float


def run(settings):
    recipe, net = get_recipe(MODEL), settings.new_net(MODEL)
    train_iter, test_iter = settings.loaders(settings.pick(recipe.batch_size, 16))
    stops, rows = settings.pick(AT, AT[:3]), []
    X = next(iter(train_iter))[0]
    for step, _ in enumerate(steps(net, train_iter, recipe.lr), 1):
        if step in stops:
            rows.append(_look(net, step, X, test_iter))
    return rows


def _look(net, step, X, test_iter):
    left = MOMENTUM ** step
    accuracies = []
    with as_they_are(net) as saved:
        for change in (lambda mean, var: (mean, var),
                       lambda mean, var: (mean, var + left),  # what of a 1 at the start is left
                       lambda mean, var: without_start(mean, var, left)):
            for norm, averages in saved:
                replace(norm, *change(*averages))
            accuracies.append(evaluate_accuracy(test_iter, net))
        measure_anew(net, X)
        accuracies.append(evaluate_accuracy(test_iter, net))
    return Row(step, 1 - left, *accuracies)


def report(rows):
    heads = ('step', '1 - %g^step' % MOMENTUM, 'variance from 0', 'variance from 1', 'corrected',
             'measured anew')
    return table(heads, [(row.step, '%.4f' % row.moved, *map(percent, row[2:])) for row in rows],
                 left=())


def draw(figure, rows):
    ax, = axes_of(figure, 'What %s predicts early in training' % MODEL)
    labels = ("variance from 0, the book's", 'variance from 1', 'corrected by 1 - momentum^step',
              'measured anew on a batch')
    plot(ax, {label: [(row.step, 100 * row[i]) for row in rows]
              for i, label in enumerate(labels, 2)})
    log_axis(ax, 'steps')
    ax.set_ylabel('test accuracy, %')
    legend(ax)
