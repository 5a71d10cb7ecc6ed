"""Average against maximum pooling in the transitions of a DenseNet."""
from typing import NamedTuple

from gluonblocks.tables import format_table

from .settings import percent

MODELS = ('densenet121', 'densenet121_maxpool')
NUM_TRAIN, SIDE, EPOCHS, SEEDS = 5000, 32, 2, 2


class Row(NamedTuple):
    """The last epoch of a model trained from a seed."""

    model: str
    seed: int
    loss: float
    train_acc: float
    test_acc: float


def run(settings):
    rows = []
    for seed in range(settings.seed, settings.seed + settings.pick(SEEDS, 1)):
        for model in MODELS:
            _, history = settings._replace(seed=seed).train(
                model, NUM_TRAIN, resize=SIDE, epochs=settings.pick(EPOCHS, 1))
            rows.append(Row(model, seed, *history[-1][1:4]))
    return rows


def report(rows):
    lines = [(row.model, row.seed, '%.4f' % row.loss, percent(row.train_acc),
              percent(row.test_acc)) for row in rows]
    for model in MODELS:
        own = [row for row in rows if row.model == model]
        lines.append((model, 'mean', '%.4f' % _mean(own, 'loss'), percent(_mean(own, 'train_acc')),
                      percent(_mean(own, 'test_acc'))))
    return format_table([('model', 'seed', 'loss', 'train acc', 'test acc')] + lines)


def _mean(rows, what):
    return sum(getattr(row, what) for row in rows) / len(rows)
