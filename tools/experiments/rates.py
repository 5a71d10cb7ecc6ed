"""How large the learning rate of LeNet may be, with and without batch normalization."""
import math
from typing import NamedTuple, Tuple

from gluonblocks.tables import format_table
from gluonblocks.training.hooks import NonFiniteLoss

from .settings import percent

MODELS = ('lenet', 'lenet_bn')
EPOCHS = 3
BOUND = math.log(10) / 2  # half the loss of a net that knows nothing of ten classes
START, MOST = 1, 4096


class Row(NamedTuple):
    """The training loss of each epoch, the last test accuracy, and whether the rate was stable."""

    model: str
    lr: float
    losses: Tuple[float, ...]
    test_acc: float
    stable: bool


def run(settings):
    rows = []
    for model in MODELS:
        lr, unstable_in_a_row = START, 0
        while unstable_in_a_row < 2 and lr <= settings.pick(MOST, START):
            rows.append(_try(settings, model, lr))
            seen_stable = any(row.stable for row in rows if row.model == model)
            if rows[-1].stable:
                unstable_in_a_row = 0
            elif seen_stable:
                unstable_in_a_row += 1
            lr *= 2
    return rows


def _try(settings, model, lr):
    epochs = settings.pick(EPOCHS, 1)
    try:
        _, history = settings.train(model, lr=lr, epochs=epochs)
    except NonFiniteLoss:
        return Row(model, lr, (math.nan,) * epochs, math.nan, False)
    losses = tuple(record.loss for record in history)
    return Row(model, lr, losses, history[-1].test_acc, losses[-1] < BOUND)


def report(rows):
    epochs = len(rows[0].losses)
    heads = ['model', 'learning rate'] + ['loss %d' % (i + 1) for i in range(epochs)] + [
        'test acc', 'stable']
    lines = [[row.model, '%g' % row.lr] + ['%.4f' % loss for loss in row.losses] + [
        percent(row.test_acc), 'yes' if row.stable else 'no'] for row in rows]
    text = ['Stable: every loss is a finite number, and the training loss of epoch %d is below '
            '%.3f, half of ln 10.\n' % (epochs, BOUND), format_table([heads] + lines), '']
    for model in MODELS:
        stable = [row.lr for row in rows if row.model == model and row.stable]
        text.append('largest stable learning rate of %s: %s' % (
            model, '%g' % max(stable) if stable else 'none of these'))
    return '\n'.join(text)


def draw(figure, rows):
    from gluonblocks.drawing.style import FAINT, number_axis
    ax = figure.subplots()
    for model in MODELS:
        own = [row for row in rows if row.model == model]
        ax.plot([row.lr for row in own], [min(row.losses[-1], 10) for row in own], marker='o',
                label=model)
    ax.axhline(BOUND, color=FAINT, linestyle='--', label='half of ln 10')
    ax.set_xscale('log', base=2)
    number_axis(ax.xaxis)
    ax.set_xlabel('learning rate')
    ax.set_ylabel('training loss, epoch %d' % len(rows[0].losses))
    ax.set_title('What learning rates LeNet can be trained by')
    ax.legend()
