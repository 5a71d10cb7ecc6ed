"""The training curves of a run as a PNG. matplotlib is imported only when they are drawn."""
import math

from .style import (
    BLUE,
    HEADLINE,
    LEGEND,
    LINE,
    TITLE,
    VERMILLION,
    encode_figure,
    epoch_axis,
    new_figure,
    number_axis,
    plain,
    style_axes,
    tick,
)

# If the largest loss is more than WIDE times the smallest, the loss axis is logarithmic.
WIDE = 50


def draw_curves(rows, title=''):
    """Return a PNG of the losses and accuracies in `rows`, each a `HistoryRow`, by epoch.

    `title` is the headline. A loss that is not finite leaves a gap and is mentioned in the plot.
    The same rows always produce the same bytes. Raises ImportError without matplotlib.
    """
    # We do not use GluonCV's TrainingHistory: it draws into pyplot's current figure, which a
    # notebook may be using, and puts loss and accuracy on the same axis.
    figure = new_figure()
    if title:
        figure.suptitle(plain(title), **HEADLINE)
    left, right = map(style_axes, figure.subplots(1, 2))
    _draw_loss(left, rows)
    _draw_accuracies(right, rows)
    return encode_figure(figure)


def _draw_loss(ax, rows):
    epochs = [row.epoch for row in rows]
    losses = [row.loss if math.isfinite(row.loss) else math.nan for row in rows]
    ax.plot(epochs, losses, label='training loss', color=BLUE, **LINE, **epoch_axis(ax, epochs))
    ax.set_title('Training loss', **TITLE)
    ax.set_ylabel('cross-entropy, nats per image')
    good = [loss for loss in losses if not math.isnan(loss)]
    if good and min(good) > 0 and max(good) > WIDE * min(good):
        ax.set_yscale('log')
    elif good:
        ax.set_ylim(0, 1.08 * max(good) or 1)
    else:
        ax.set_yticks([])
    number_axis(ax.yaxis)
    if len(good) < len(rows):
        ax.text(0.5, 0.94, 'not finite in %d of %d epoch%s' % (
            len(rows) - len(good), len(rows), 's' * (len(rows) > 1)), fontsize=9.5,
                transform=ax.transAxes, ha='center', va='top', color=VERMILLION)


def _draw_accuracies(ax, rows):
    from matplotlib.ticker import FuncFormatter
    epochs = [row.epoch for row in rows]
    look = dict(LINE, **epoch_axis(ax, epochs))
    ax.plot(epochs, [row.train_acc for row in rows], label='training', color=BLUE, **look)
    ax.plot(epochs, [row.test_acc for row in rows], label='test', color=VERMILLION, **look)
    best = max(rows, key=lambda row: (row.test_acc, -row.epoch))
    ax.plot([best.epoch], [best.test_acc], '*', markersize=11, color=VERMILLION, clip_on=False,
            label='best test: %.1f %%, epoch %d' % (100 * best.test_acc, best.epoch))
    ax.set_title('Accuracy', **TITLE)
    ax.set_ylabel('images classified correctly')
    ax.yaxis.set_major_formatter(FuncFormatter(lambda accuracy, _: tick(100 * accuracy) + ' %'))
    ax.margins(y=0.08)
    ax.legend(loc='best', **LEGEND)
