"""Render the two kinds of pages: the report on one run, and the comparison of several runs."""
import math
import os

import numpy as np

from ..drawing.confusion import class_rows
from ..drawing.pages import render_page
from ..drawing.style import tick
from ..training.metrics import accuracy_of
from .charts import comparing_charts, curve_charts, pace_charts, published_runs
from .norms import norms_of
from .recipe import commands_of, differences, environment_of, recipe_rows


def fixed(value, digits=4):
    """Format a number with `digits` decimals (4 by default, as in the book), or None as a dash."""
    return '–' if value is None else '%.*f' % (digits, value)


def thousands(value):
    return f'{value:,}'


def size(shape):
    return ' × '.join(map(str, shape))


def duration(seconds):
    """Format a number of seconds as text such as '41.3 s', '12 min 5 s' or '3 h 2 min'."""
    if not math.isfinite(seconds):
        return 'unknown'
    if seconds < 99.95:
        return '%.1f s' % seconds
    minutes, rest = divmod(int(round(seconds)), 60)
    if minutes < 60:
        return '%d min %d s' % (minutes, rest)
    return '%d h %d min' % divmod(minutes, 60)


def run_page(run):
    """Return the HTML page that reports on one `Run`."""
    config, best, predictions = run.config, run.best, run.predictions
    title = '%s on %s' % (config['model'], config['dataset'])
    parameters, operations = _costs(run)
    facts = [('best test accuracy', fixed(best and best.test_acc, 3),
              'in epoch %d of %d' % (best.epoch, config['epochs']) if best else run.state),
             ('last training loss', fixed(best and run.epochs[-1].loss),
              'in epoch %d' % len(run.epochs) if best else run.state),
             ('time', duration(run.seconds), run.state),
             ('parameters', parameters, operations + ' multiply-adds per image' if run.layers
              else 'unknown')]
    sections = {'curves': 'Loss and accuracy', 'classes': 'Confused classes',
                'mistakes': 'Worst mistakes', 'norms': 'Batch normalization',
                'pace': 'Speed and learning rate', 'layers': 'Layers',
                'recipe': 'Recipe and environment'}
    if not best:
        del sections['pace']
    recipe, changed = recipe_rows(config)
    return _render(
        'run.html.j2', title=title, kind='Run ' + run.label, facts=facts,
        purpose='To reproduce this run', commands=commands_of(config), sections=sections,
        run=run, curves=curve_charts(run) if best else [], pace=pace_charts(run) if best else [],
        published=published_runs(config), epochs=_epoch_rows(run),
        accuracy=predictions and accuracy_of(predictions.matrix),
        classes=predictions and class_rows(predictions.matrix, config['class_names'], unknown='–'),
        shades=predictions and _shades(predictions.matrix),
        matrix=predictions and [[name, *map(thousands, row)] for name, row in zip(
            config['class_names'], predictions.matrix)],
        norms=norms_of(run), layers=_layer_rows(run), recipe=recipe, changed=changed,
        environment=list(environment_of(config).items()))


def runs_page(runs):
    """Return the HTML page that compares several `Run` objects."""
    done = [run for run in runs if run.best]
    facts = []
    if done:
        top = max(done, key=lambda run: run.best.test_acc)
        low = min(done, key=lambda run: (math.isnan(run.epochs[-1].loss), run.epochs[-1].loss))
        facts += [('best test accuracy', fixed(top.best.test_acc, 3),
                   '%s, in epoch %d' % (top.label, top.best.epoch)),
                  ('lowest final loss', fixed(low.epochs[-1].loss), low.label)]
    facts.append(('time', duration(sum(run.seconds for run in done)), 'total of all runs'))
    comparing, lines = comparing_charts(runs)
    return _render(
        'runs.html.j2', title='%d runs compared' % len(runs), kind='Comparison', facts=facts,
        purpose='To reproduce these runs',
        commands=[command for run in runs for command in commands_of(run.config)],
        sections={'ranking': 'Ranking', 'curves': 'Curves', 'classes': 'Recall of each class',
                  'recipe': 'Differences'},
        runs=runs, ranking=_ranking_rows(runs), comparing=comparing, lines=lines,
        recalls=_recall_tables(runs), differences=differences(runs))


def _costs(run):
    """Return the parameter and multiply-add counts of a net as text, or dashes if unknown."""
    if run.layers is None:
        return '–', '–'
    return (thousands(sum(row.parameters for row in run.layers[0])),
            thousands(sum(row.multiply_adds for row in run.layers[0])))


def _epoch_rows(run):
    return [(row.epoch, fixed(row.loss), fixed(row.train_acc), fixed(row.test_acc),
             tick(row.learning_rate), duration(row.seconds),
             thousands(round(row.rate)) if math.isfinite(row.rate) else 'unknown')
            for row in run.epochs]


def _layer_rows(run):
    return [(row.name, size(row.output_shape[1:]), thousands(row.parameters),
             thousands(row.multiply_adds)) for row in (run.layers or [[]])[0]] + [
                 ('all', '', *_costs(run))]


def _shades(matrix):
    """Return the CSS classes of the confusion matrix's cells, as one list per row.

    The class sets a cell's shade from its fraction of the row total, in one colour on the diagonal
    and another elsewhere. Off the diagonal, 30 % already gives the darkest shade, because most
    mistakes would otherwise be invisible.
    """
    fractions = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    shades = [['miss%d' % round(9 * min(1, (fraction / 0.3) ** 0.6)) for fraction in row]
              for row in fractions]
    for i, row in enumerate(shades):
        row[i] = 'hit%d' % round(9 * fractions[i, i])
    return shades


def _ranking_rows(runs):
    rows = []
    for run in sorted(runs, key=lambda run: run.best.test_acc if run.best else -1, reverse=True):
        best = [fixed(run.best.test_acc), run.best.epoch, fixed(run.epochs[-1].loss),
                fixed(run.epochs[-1].test_acc), duration(run.seconds)] if run.best else ['–'] * 5
        rows.append([run.label, run.config['model'], run.config['dataset'], *best,
                     *_costs(run), run.state])
    return rows


def _recall_tables(runs):
    """Return (data set, columns, rows) for each combination of data set and classes, as a list.

    `columns` lists the runs on this data set that have predictions. Each row contains a class name
    and the recall of that class in each run; the last row contains the accuracies.
    """
    tables, groups = [], {}
    for run in runs:
        if run.predictions:
            key = run.config['dataset'], tuple(run.config['class_names'])
            groups.setdefault(key, []).append(run)
    for (dataset, names), columns in groups.items():
        if [name for name, _ in groups].count(dataset) > 1:  # its classes differ between runs
            dataset += ' with %d classes' % len(names)
        recalls = [[row[3] for row in class_rows(run.predictions.matrix, names, unknown='–')]
                   for run in columns]
        rows = [[name, *row] for name, row in zip(names, zip(*recalls))]
        rows.append(['all'] + [fixed(accuracy_of(run.predictions.matrix), 3) for run in columns])
        tables.append((dataset, columns, rows))
    return tables


def _render(template, **content):
    return render_page(os.path.join(os.path.dirname(__file__), 'page'), template, filters={
        'fixed': fixed, 'thousands': thousands, 'size': size}, **content)
