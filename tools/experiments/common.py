"""Data loading, training, tables and charts for all experiments."""
import contextlib
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import mxnet as mx

from gluonblocks.data.datasets import get_dataset
from gluonblocks.models.registry import get_model
from gluonblocks.models.summary import format_table
from gluonblocks.runs.train import train_model


class Settings(NamedTuple):
    """The options of an experiment. `quick` selects a short test run on synthetic images.

    `data_root` is the folder that contains Fashion-MNIST.
    """

    quick: bool = False
    seed: int = 0
    data_root: Optional[str] = None

    def pick(self, complete, quick):
        """Return the argument `quick` in a quick run, and `complete` otherwise."""
        return quick if self.quick else complete

    def loaders(self, batch_size, resize=None):
        """Return (train_iter, test_iter); the training images are shuffled using the seed."""
        return get_dataset(self.pick('fashion-mnist', 'synthetic')).load_from(
            self.pick(self.data_root, None), batch_size, resize=resize, seed=self.seed)

    def train(self, model, dataset='fashion-mnist', **options):
        """Call `train_model` with its output redirected to stderr; return (net, history)."""
        if not self.quick:
            options['data_root'] = self.data_root
        with contextlib.redirect_stdout(sys.stderr):
            return train_model(model, dataset=self.pick(dataset, 'synthetic'), seed=self.seed,
                               stop_non_finite=True, **options)

    def new_net(self, model):
        """Return a new net of the named model, with Xavier weights generated from the seed."""
        mx.random.seed(self.seed)
        net = get_model(model)
        net.initialize(mx.init.Xavier())
        return net


class Trained(NamedTuple):
    """A training run: its model, the value of the varied setting, learning rate and history."""

    model: str
    varied: Any
    lr: float
    history: List[Any]

    def cells(self, *names):
        """Return the last epoch's metrics, such as 'loss' or 'test_acc', as table cells."""
        return tuple(('%.4f' if name == 'loss' else '%.3f') % getattr(self.history[-1], name)
                     for name in names)

    def percents(self, *names):
        """Return the last epoch's accuracies, such as 'test_acc', as table cells in percent."""
        return tuple(percent(getattr(self.history[-1], name)) for name in names)


def table(heads, rows, left=(0,)):
    return format_table([heads] + rows, left=left)


def percent(fraction):
    return '%.1f %%' % (100 * fraction)


class Panel(NamedTuple):
    """A chart of `lines`, {label: [(x, y)]}. If set, `base` is the base of a logarithmic x axis."""

    title: str
    lines: Dict[str, List[Tuple[float, float]]]
    xlabel: str
    ylabel: str
    base: Optional[int] = None


def draw(panels):
    """Draw `panels` side by side; return the figure. All panels must have the same line labels."""
    from gluonblocks.drawing.style import LEGEND, TITLE, new_figure, number_axis, style_axes
    panels, figure = list(panels), new_figure()
    for ax, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        style_axes(ax)
        for i, (label, points) in enumerate(panel.lines.items()):
            ax.plot(*zip(*points), label=label, marker='o', markersize=4,
                    linestyle='-' if i < 7 else '--')  # the style has seven colours
        if panel.base:
            ax.set_xscale('log', base=panel.base)
        else:
            ax.xaxis.get_major_locator().set_params(integer=True)
        number_axis(ax.xaxis)
        ax.set_title(panel.title, **TITLE)
        ax.set_xlabel(panel.xlabel)
        ax.set_ylabel(panel.ylabel)
    outside = {'bbox_to_anchor': (1.02, 1), 'loc': 'upper left'} if len(panels) > 1 else {}
    ax.legend(**LEGEND, **outside)
    return figure
