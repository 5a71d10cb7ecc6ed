"""A run's curves as a picture. Needs matplotlib, which is imported where it is used."""
import math

from .style import (
    BLUE,
    VERMILLION,
    encode_figure,
    epoch_axis,
    new_figure,
    number_axis,
    plain,
    styled,
    tick,
)

# Where the largest loss is so many times the smallest, only a logarithmic axis shows both.
WIDE = 50


def draw_curves(rows, title=''):
    """The bytes of a PNG: loss and accuracies of `rows`, each a `HistoryRow`, over the epochs.

    `title` is what was trained. There is one row at least; a loss that is not finite leaves a gap,
    and is told. The same rows give the same bytes. Raises ImportError without matplotlib.
    """
    # Not GluonCV's TrainingHistory: it adds to a figure that a notebook may be using, and puts a
    # loss and a share on one axis.
    with styled():
        figure = new_figure()
        if title:
            figure.suptitle(plain(title), x=0.012, ha='left')
        left, right = figure.subplots(1, 2)
        draw_loss(left, rows)
        draw_accuracies(right, rows)
        return encode_figure(figure)


def draw_loss(ax, rows):
    """Draw the training loss of `rows` over the epochs."""
    epochs = [row.epoch for row in rows]
    losses = [row.loss if math.isfinite(row.loss) else math.nan for row in rows]
    ax.plot(epochs, losses, label='training loss', color=BLUE, **epoch_axis(ax, epochs))
    ax.set_title('Training loss')
    ax.set_ylabel('cross-entropy, nats an image')
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
            len(rows) - len(good), len(rows), 's' * (len(rows) > 1)),
                transform=ax.transAxes, ha='center', va='top', color=VERMILLION)


def draw_accuracies(ax, rows):
    """Draw the accuracies of `rows` over the epochs, and mark the best in testing."""
    from matplotlib.ticker import FuncFormatter
    epochs = [row.epoch for row in rows]
    how = epoch_axis(ax, epochs)
    ax.plot(epochs, [row.train_acc for row in rows], label='training', color=BLUE, **how)
    ax.plot(epochs, [row.test_acc for row in rows], label='test', color=VERMILLION, **how)
    best = max(rows, key=lambda row: (row.test_acc, -row.epoch))
    ax.plot([best.epoch], [best.test_acc], '*', markersize=11, color=VERMILLION, clip_on=False,
            label='best test: %.1f %%, epoch %d' % (100 * best.test_acc, best.epoch))
    ax.set_title('Accuracy')
    ax.set_ylabel('images classified rightly')
    ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: tick(100 * share) + ' %'))
    ax.margins(y=0.08)
    ax.legend(loc='best')
