"""The largest stable learning rate of LeNet, with and without batch normalization."""
import math

from gluonblocks.training.hooks import NonFiniteLoss
from gluonblocks.training.loop import EpochRecord

from .common import Panel, Trained, percent, table

MODELS = ('lenet', 'lenet_bn')
EPOCHS = 3
BOUND = math.log(10) / 2  # half the loss of a net that guesses among ten classes
START, MOST = 1, 4096


def run(settings):
    rows = []
    for model in MODELS:
        lr, found, unstable_in_a_row = START, False, 0
        while unstable_in_a_row < 2 and lr <= settings.pick(MOST, START):
            rows.append(_try(settings, model, lr))
            found = found or stable(rows[-1])
            unstable_in_a_row = 0 if stable(rows[-1]) or not found else unstable_in_a_row + 1
            lr *= 2
    return rows


def _try(settings, model, lr):
    epochs = settings.pick(EPOCHS, 1)
    try:
        _, history = settings.train(model, lr=lr, epochs=epochs)
    except NonFiniteLoss:
        history = [EpochRecord(epoch, *[math.nan] * 4) for epoch in range(1, epochs + 1)]
    return Trained(model, None, lr, history)


def stable(row):
    return row.history[-1].loss < BOUND


def report(rows):
    epochs = len(rows[0].history)
    heads = ['model', 'learning rate'] + ['loss %d' % (i + 1) for i in range(epochs)] + [
        'test acc', 'stable']
    lines = [[row.model, '%g' % row.lr] + ['%.4f' % record.loss for record in row.history] + [
        percent(row.history[-1].test_acc), 'yes' if stable(row) else 'no'] for row in rows]
    text = ['Stable: every loss is a finite number, and the training loss of epoch %d is below '
            '%.3f, half of ln 10.\n' % (epochs, BOUND), table(heads, lines), '']
    for model in MODELS:
        rates = [row.lr for row in rows if row.model == model and stable(row)]
        text.append('largest stable learning rate of %s: %s' % (
            model, '%g' % max(rates) if rates else 'none of these'))
    return '\n'.join(text)


def panels(rows):
    lines = {model: [(row.lr, min(row.history[-1].loss, 10)) for row in rows if row.model == model]
             for model in MODELS}
    rates = sorted({row.lr for row in rows})
    yield Panel('Training loss of LeNet by learning rate',
                dict(lines, **{'half of ln 10': [(lr, BOUND) for lr in rates]}),
                'learning rate', 'training loss, epoch %d' % len(rows[0].history), base=2)
