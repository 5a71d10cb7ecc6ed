"""What the batch size does to batch normalization."""
import contextlib
import sys
from typing import NamedTuple

import mxnet as mx
from mxnet import gluon

from gluonblocks.models.registry import get_recipe
from gluonblocks.tables import format_table
from gluonblocks.training.loop import train_ch5
from gluonblocks.training.progress import tell

from .settings import percent

MODELS = ('lenet', 'lenet_bn', 'lenet_bn_conv')
SIZES = (1, 2, 8, 64, 256)
EPOCHS = 2


class Row(NamedTuple):
    """The last epoch of a model trained in batches of `size`."""

    model: str
    size: int
    lr: float
    loss: float
    train_acc: float
    test_acc: float


def run(settings):
    rows = []
    for size in settings.pick(SIZES, (2, 64)):
        for model in MODELS:
            recipe = get_recipe(model)
            # So that an epoch moves the weights about as far whatever the size: a step is by the
            # mean over the batch, and there are so many times as many steps.
            lr = recipe.lr * size / recipe.batch_size
            rows.append(Row(model, size, lr, *_train(settings, model, size, lr)[1:4]))
    return rows


def _train(settings, model, size, lr):
    """The last `EpochRecord`. Tests are in large batches: there the size does not matter."""
    train_iter, _ = settings.loaders(size)
    _, test_iter = settings.loaders(max(SIZES))
    net = settings.new_net(model)
    net.hybridize(static_alloc=True)
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': lr})
    tell('%s in batches of %d, learning rate %.4g' % (model, size, lr))
    with contextlib.redirect_stdout(sys.stderr):
        return train_ch5(net, train_iter, test_iter, size, trainer, mx.cpu(),
                         settings.pick(EPOCHS, 1))[-1]


def report(rows):
    heads = ('batch size', 'model', 'learning rate', 'loss', 'train acc', 'test acc')
    return format_table([heads] + [
        (row.size, row.model, '%.4g' % row.lr, '%.4f' % row.loss, percent(row.train_acc),
         percent(row.test_acc)) for row in rows], left=(1,))


def draw(figure, rows):
    from gluonblocks.drawing.style import number_axis
    for ax, what, title in zip(figure.subplots(1, 2), ('train_acc', 'test_acc'), (
            "Training: the batch's statistics", 'Test: the moving averages')):
        for model in MODELS:
            own = [row for row in rows if row.model == model]
            ax.plot([row.size for row in own], [100 * getattr(row, what) for row in own],
                    marker='o', label=model)
        ax.set_xscale('log', base=2)
        number_axis(ax.xaxis)
        ax.set_xticks(sorted({row.size for row in rows}))
        ax.set_xlabel('batch size')
        ax.set_ylabel('accuracy, %')
        ax.set_ylim(0, 100)
        ax.set_title(title)
        ax.legend(loc='lower right')
