"""The data, trainings, tables and charts that the experiments share."""
import contextlib
import sys
from typing import Any, List, NamedTuple, Optional

import mxnet as mx
from mxnet import autograd, gluon

from gluonblocks.data.datasets import get_dataset
from gluonblocks.models.registry import get_model
from gluonblocks.models.summary import format_table
from gluonblocks.runs.train import train_model


class Settings(NamedTuple):
    """`quick` is a try of seconds on synthetic images; `data_root` is Fashion-MNIST's folder."""

    quick: bool = False
    seed: int = 0
    data_root: Optional[str] = None

    def pick(self, complete, quick):
        """`quick` in a quick try, `complete` otherwise."""
        return quick if self.quick else complete

    def loaders(self, batch_size, resize=None):
        """(train_iter, test_iter), in an order by the seed."""
        return get_dataset(self.pick('fashion-mnist', 'synthetic')).load_from(
            self.pick(self.data_root, None), batch_size, resize=resize, seed=self.seed)

    def train(self, model, dataset='fashion-mnist', **options):
        """Train as `train_model` does, with the book's lines on stderr; return (net, history)."""
        if not self.quick:
            options['data_root'] = self.data_root
        with contextlib.redirect_stdout(sys.stderr):
            return train_model(model, dataset=self.pick(dataset, 'synthetic'), seed=self.seed,
                               stop_non_finite=True, **options)

    def new_net(self, model):
        """A net of that name, whose weights are drawn by Xavier and the seed."""
        mx.random.seed(self.seed)
        net = get_model(model)
        net.initialize(mx.init.Xavier())
        return net


class Trained(NamedTuple):
    """A training run: its model, the value that is varied, and its `EpochRecord`s."""

    model: str
    varied: Any
    lr: float
    history: List[Any]

    def cells(self, *names):
        """Cells of a table: the last epoch's 'loss', 'train_acc' or 'test_acc'."""
        return tuple(('%.4f' if name == 'loss' else '%.3f') % getattr(self.history[-1], name)
                     for name in names)

    def percents(self, *names):
        """The same, as percentages."""
        return tuple(percent(getattr(self.history[-1], name)) for name in names)


def steps(net, batches, lr):
    """Train `net` by plain SGD on `batches` of (X, y); yield each batch's mean loss, a float,
    after its step."""
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': lr})
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    for X, y in batches:
        with autograd.record():
            l = loss(net(X), y)
        l.backward()
        trainer.step(X.shape[0])
        yield float(l.mean().asscalar())


def table(heads, rows, left=(0,)):
    return format_table([heads] + rows, left=left)


def percent(fraction):
    return '%.1f %%' % (100 * fraction)


def axes_of(figure, *titles):
    """Return an axes of `figure` for each title, side by side."""
    from gluonblocks.drawing.style import TITLE, style_axes
    axes = [style_axes(ax) for ax in figure.subplots(1, len(titles), squeeze=False)[0]]
    for ax, title in zip(axes, titles):
        ax.set_title(title, **TITLE)
    return axes


def plot(ax, points, **how):
    """Draw a line for each label of `points`, {label: [(x, y)]}."""
    for label, line in points.items():
        ax.plot(*zip(*line), label=label, **dict({'marker': 'o'}, **how))


def legend(ax, **how):
    """Add the legend of `ax`."""
    from gluonblocks.drawing.style import LEGEND
    ax.legend(**dict(LEGEND, **how))


def log_axis(ax, label, base=10):
    """Make the x axis of `ax` logarithmic, with plain numbers."""
    from gluonblocks.drawing.style import number_axis
    ax.set_xscale('log', base=base)
    number_axis(ax.xaxis)
    ax.set_xlabel(label)
