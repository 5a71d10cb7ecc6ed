"""What the batch size does to batch normalization."""
import contextlib
import sys

import mxnet as mx
from mxnet import gluon

from gluonblocks.models.registry import get_recipe
from gluonblocks.training.loop import train_ch5
from gluonblocks.training.progress import tell

from .common import Trained, axes_of, legend, log_axis, plot, table

MODELS = ('lenet', 'lenet_bn', 'lenet_bn_conv')
SIZES = (1, 2, 8, 64, 256)
EPOCHS = 2


def run(settings):
    rows = []
    for size in settings.pick(SIZES, (2, 64)):
        for model in MODELS:
            recipe = get_recipe(model)
            # A step follows the mean over the batch, and smaller batches have more steps: so an
            # epoch moves the weights about as far whatever the size.
            lr = recipe.lr * size / recipe.batch_size
            rows.append(Trained(model, size, lr, _train(settings, model, size, lr)))
    return rows


def _train(settings, model, size, lr):
    """The history. Tests are in large batches, since their size does not matter there."""
    train_iter, _ = settings.loaders(size)
    _, test_iter = settings.loaders(max(SIZES))
    net = settings.new_net(model)
    net.hybridize(static_alloc=True)
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': lr})
    tell('%s in batches of %d, learning rate %.4g' % (model, size, lr))
    with contextlib.redirect_stdout(sys.stderr):
        return train_ch5(net, train_iter, test_iter, size, trainer, mx.cpu(),
                         settings.pick(EPOCHS, 1))


def report(rows):
    heads = ('batch size', 'model', 'learning rate', 'loss', 'train acc', 'test acc')
    return table(heads, [(row.varied, row.model, '%.4g' % row.lr, *row.cells('loss'),
                          *row.percents('train_acc', 'test_acc')) for row in rows], left=(1,))


def draw(figure, rows):
    axes = axes_of(figure, "Training: the batch's statistics", 'Test: the moving averages')
    for ax, what in zip(axes, ('train_acc', 'test_acc')):
        plot(ax, {model: [(row.varied, 100 * getattr(row.history[-1], what)) for row in rows
                          if row.model == model] for model in MODELS})
        log_axis(ax, 'batch size', base=2)
        ax.set_xticks(sorted({row.varied for row in rows}))
        ax.set_ylabel('accuracy, %')
        ax.set_ylim(0, 100)
        legend(ax, loc='lower right')
