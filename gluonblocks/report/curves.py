"""Loss, accuracies, learning rate and speed over the epochs: of one run, and of several."""
from typing import Any, NamedTuple, Optional

from ..drawing.style import BLUE, FAINT, GREEN, PURPLE, VERMILLION
from .charts import LARGE, Line, line_chart, series_look
from .published import published_runs


class Measure(NamedTuple):
    """A value of each epoch: `value` takes its `HistoryRow` and its `TimesRow`."""

    title: str
    ylabel: str
    value: Any
    bottom: Optional[float] = None  #: where the axis begins


LOSS = Measure('Training loss, mean of an image', 'cross-entropy', lambda row, times: row.loss)
TEST = Measure('Test accuracy, share of images', 'accuracy', lambda row, times: row.test_acc)
TRAIN = Measure('Training accuracy, share of images', 'accuracy', lambda row, times: row.train_acc)
SECONDS = Measure('Time of an epoch, with its test', 'seconds', lambda row, times: times.seconds, 0)
RATE = Measure('Images trained on in a second', 'images a second', lambda row, times: times.rate, 0)
LEARNING_RATE = Measure("Learning rate of an epoch's last step", 'learning rate',
                        lambda row, times: row.learning_rate, 0)


def curve_charts(view):
    """Return two charts of one run, its loss and its accuracies, with the published values."""
    last = {len(view.rows) - 1: 'last'}
    best = {view.best.epoch - 1: 'best'}
    losses = [_line(view, LOSS, 'training loss', BLUE, marks=last)]
    accuracies = [_line(view, TRAIN, 'training accuracy', BLUE, marks=last),
                  _line(view, TEST, 'test accuracy', VERMILLION, marks={**last, **best})]
    for other, dash in zip(published_runs(view.config['model'], view.config['dataset']),
                           ('5 3', '1.5 2.5')):
        epochs, loss, _, test = zip(*other.rows)
        losses.append(Line(other.source, epochs, loss, FAINT, dash, True))
        accuracies.append(Line('test accuracy, ' + other.source, epochs, test, FAINT, dash, True))
    return [line_chart(LOSS.title, losses, LOSS.ylabel, size=LARGE),
            line_chart('Accuracy, share of images', accuracies, 'accuracy', size=LARGE)]


def pace_charts(view):
    """Return three charts of one run: seconds, images a second and learning rate."""
    return [_measure_chart(measure, [_line(view, measure, measure.ylabel, colour)])
            for measure, colour in ((SECONDS, GREEN), (RATE, GREEN), (LEARNING_RATE, PURPLE))]


def comparing_charts(views):
    """Return (six charts of several runs, the lines of their common legend)."""
    charts = []
    for measure in (LOSS, TEST, TRAIN, SECONDS, RATE, LEARNING_RATE):
        lines = []
        for n, view in enumerate(views):
            colour, dash = series_look(n)
            best = {view.best.epoch - 1: 'best'} if measure is TEST and view.best else {}
            lines.append(_line(view, measure, view.label, colour, dash, best))
        charts.append(_measure_chart(measure, lines))
    return charts, lines


def _line(view, measure, label, colour, dash='', marks=None):
    return Line(label, [row.epoch for row in view.rows],
                [measure.value(row, times) for row, times in zip(view.rows, view.times)],
                colour, dash, marks=marks or {})


def _measure_chart(measure, lines):
    return line_chart(measure.title, lines, measure.ylabel, measure.bottom, legend=False)
