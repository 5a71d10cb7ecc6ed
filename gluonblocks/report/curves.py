"""Loss, accuracies, learning rate and speed over the epochs: of one run, and of several."""
import math

from ..drawing.style import BLUE, FAINT, GREEN, PURPLE, VERMILLION, tick
from .charts import Line, legend_of, line_chart, series_look
from .html import note, section, table, tag
from .published import published_runs
from .words import count, duration, loss, share


def curves_section(view):
    """Every epoch of one run: two charts and a table, the published figures beside them."""
    if not view.rows:
        return section('curves', 'Loss and accuracy', note('No epoch is done yet.'))
    epochs = [row.epoch for row in view.rows]
    marks = _marks(view)
    published = published_runs(view.config['model'], view.config['dataset'])
    last = {n: 'last' for n, kind in marks.items() if kind == 'last'}
    losses = [Line('training loss', epochs, [row.loss for row in view.rows], BLUE,
                   marks=last)]
    accuracies = [
        Line('training accuracy', epochs, [row.train_acc for row in view.rows], BLUE,
             marks=last),
        Line('test accuracy', epochs, [row.test_acc for row in view.rows], VERMILLION,
             marks=marks)]
    for i, other in enumerate(published):
        xs = [row[0] for row in other.rows]
        dash = '5 3' if i == 0 else '1.5 2.5'
        losses.append(Line(other.source, xs, [row[1] for row in other.rows], FAINT, dash, True))
        accuracies.append(Line('test accuracy, ' + other.source, xs,
                               [row[3] for row in other.rows], FAINT, dash, True))
    heads = ('epoch', 'loss', 'train acc', 'test acc', 'learning rate', 'time', 'images/s')
    rows = [(row.epoch, loss(row.loss), share(row.train_acc), share(row.test_acc),
             tick(row.learning_rate), duration(times.seconds), _rate(times.rate))
            for row, times in zip(view.rows, view.times)]
    return section('curves', 'Loss and accuracy', tag('div', [
        line_chart('loss', 'Training loss, mean of an image', losses, 'cross-entropy'),
        line_chart('accuracy', 'Accuracy, share of images', accuracies, 'accuracy')],
        class_='grid'), note('★ the best test accuracy, in epoch %d. ■ the last epoch.%s' % (
            view.best.epoch, ' Gray: published figures, of the test accuracy only.'
            if published else '')),
        table(heads, rows, 'Every epoch', marked={view.best.epoch - 1: 'best'}))


def pace_section(view):
    """Seconds, images a second and the learning rate of one run."""
    if not view.rows:
        return ''
    epochs = [row.epoch for row in view.rows]
    return section('pace', 'Speed and learning rate', tag('div', [
        line_chart('seconds', 'Time of an epoch, with its test', [Line(
            'seconds', epochs, [row.seconds for row in view.times], GREEN)], 'seconds',
            bottom=0, legend=False, small=True),
        line_chart('rate', 'Images trained on in a second', [Line(
            'images a second', epochs, [row.rate for row in view.times], GREEN)],
            'images a second', bottom=0, legend=False, small=True),
        line_chart('lr', "Learning rate of an epoch's last step", [Line(
            'learning rate', epochs, [row.learning_rate for row in view.rows], PURPLE)],
            'learning rate', bottom=0, legend=False, small=True)], class_='grid three'))


_CHARTS = [
    ('loss', 'Training loss, mean of an image', 'cross-entropy', lambda row, t: row.loss, None),
    ('test', 'Test accuracy, share of images', 'accuracy', lambda row, t: row.test_acc, None),
    ('train', 'Training accuracy, share of images', 'accuracy', lambda row, t: row.train_acc,
     None),
    ('seconds', 'Time of an epoch, with its test', 'seconds', lambda row, t: t.seconds, 0),
    ('rate', 'Images trained on in a second', 'images a second', lambda row, t: t.rate, 0),
    ('lr', "Learning rate of an epoch's last step", 'learning rate',
     lambda row, t: row.learning_rate, 0)]


def comparing_section(views):
    """The curves of several runs, each in one chart, under one legend."""
    charts, lines = [], []
    for name, title, ylabel, value, bottom in _CHARTS:
        lines = []
        for n, view in enumerate(views):
            colour, dash = series_look(n)
            lines.append(Line(view.label, [row.epoch for row in view.rows],
                              [value(row, times) for row, times in zip(view.rows, view.times)],
                              colour, dash, marks={n: kind for n, kind in _marks(view).items()
                                                   if kind == 'best'} if name == 'test' else {}))
        charts.append(line_chart(name, title, lines, ylabel, bottom=bottom, legend=False,
                                 small=True))
    return section('curves', 'Curves', legend_of(lines), tag('div', charts, class_='grid three'),
                   note('★ the best test accuracy of a run.'))


def ranking_section(views, findings):
    """A table of several runs, the best test accuracy first."""
    rows = []
    for view, found in sorted(zip(views, findings), key=lambda pair: -(
            pair[0].best.test_acc if pair[0].best and math.isfinite(pair[0].best.test_acc)
            else -1)):
        best = [share(view.best.test_acc), view.best.epoch, loss(view.rows[-1].loss),
                share(view.rows[-1].test_acc), duration(view.seconds)] if view.best else ['–'] * 5
        costs = [count(sum(row.parameters for row in found.layers)),
                 count(sum(row.multiply_adds for row in found.layers))] if (
                     found.layers) else ['–'] * 2
        rows.append([view.label, view.config['model'], view.config['dataset']] + best + costs +
                    [view.state])
    heads = ('run', 'model', 'data set', 'best test acc', 'in epoch', 'last loss',
             'last test acc', 'time', 'parameters', 'multiply-adds', 'state')
    return section('ranking', 'The runs, best first', table(
        heads, rows, 'Sorted by the best test accuracy', left=(0, 1, 2, 10)))


def _marks(view):
    marks = {len(view.rows) - 1: 'last'} if view.rows else {}
    if view.best:
        marks[view.best.epoch - 1] = 'best'
    return marks


def _rate(rate):
    return count(round(rate)) if math.isfinite(rate) else 'not known'
