"""Why moving averages that start at 0 need a warm-up before they predict."""
from typing import NamedTuple

from gluonblocks.models.registry import get_recipe
from gluonblocks.tables import format_table
from gluonblocks.training.metrics import evaluate_accuracy

from .averages import as_they_are, measure_anew, replace, without_start
from .settings import percent, steps

MODEL, MOMENTUM = 'lenet_bn', 0.9
AT = (1, 2, 3, 5, 8, 12, 20, 30, 50, 100, 235)


class Row(NamedTuple):
    """Test accuracies after `step` steps of one training, by the averages of four starts.

    `moved` is 1 - momentum^step, the part of the way from its start that an average has gone.
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
    with as_they_are(net) as kept:
        for change in (lambda mean, var: (mean, var),
                       lambda mean, var: (mean, var + left),  # what of a 1 at the start is left
                       lambda mean, var: without_start(mean, var, left)):
            for norm, averages in kept:
                replace(norm, *change(*averages))
            accuracies.append(evaluate_accuracy(test_iter, net))
        measure_anew(net, X)
        accuracies.append(evaluate_accuracy(test_iter, net))
    return Row(step, 1 - left, *accuracies)


def report(rows):
    heads = ('step', '1 - %g^step' % MOMENTUM, 'variance from 0', 'variance from 1', 'corrected',
             'measured anew')
    return format_table([heads] + [
        (row.step, '%.4f' % row.moved, percent(row.from_0), percent(row.from_1),
         percent(row.corrected), percent(row.anew)) for row in rows], left=())


def draw(figure, rows):
    from gluonblocks.drawing.style import number_axis
    ax = figure.subplots()
    for what, label in (('from_0', "variance from 0, the book's"), ('from_1', 'variance from 1'),
                        ('corrected', 'corrected by 1 - momentum^step'),
                        ('anew', 'measured anew on a batch')):
        ax.plot([row.step for row in rows], [100 * getattr(row, what) for row in rows], marker='o',
                label=label)
    ax.set_xscale('log')
    number_axis(ax.xaxis)
    ax.set_xlabel('steps')
    ax.set_ylabel('test accuracy, %')
    ax.set_title('What %s predicts early in training' % MODEL)
    ax.legend()
