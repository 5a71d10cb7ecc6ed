"""The two pages, of one run and of several: their contents, filled into the templates."""
import base64
import hashlib
import math
import os

import jinja2
from markupsafe import Markup

from .. import __version__
from ..drawing import style
from ..training.metrics import accuracy_of
from . import words
from .classes import class_rows, matrix_rows, png_address, recall_tables
from .curves import comparing_charts, curve_charts, pace_charts
from .norms import norms_of
from .published import published_runs
from .recipe import differences, environment_of, recipe_rows
from .view import repeating_commands

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(os.path.join(os.path.dirname(__file__), 'page')),
    autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
_TEMPLATES.filters.update(
    share=words.share, loss=words.loss, thousands=words.count, size=words.size,
    png=png_address, number=words.number)


def run_page(view, found):
    """Return the page of one run, a `RunView` with its `Findings`, as HTML."""
    config, best, answers = view.config, view.best, found.answers
    title = '%s on %s' % (config['model'], config['dataset'])
    parameters, operations = costs_of(found)
    facts = [('best test accuracy', words.share(best.test_acc, 3) if best else '–',
              'in epoch %d of %d' % (best.epoch, config['epochs']) if best else view.state),
             ('last training loss', words.loss(view.rows[-1].loss) if best else '–',
              'in epoch %d' % len(view.rows) if best else view.state),
             ('time', words.duration(view.seconds), view.state),
             ('parameters', parameters, '%s multiply-adds an image' % operations if found.layers
              else 'not known')]
    sections = {'curves': 'Loss and accuracy', 'classes': 'What it confuses',
                'mistakes': 'The worst mistakes', 'norms': 'What batch normalization does',
                'pace': 'Speed and learning rate', 'layers': 'Layers',
                'recipe': 'Recipe and environment'}
    if not view.rows:
        del sections['pace']
    recipe, changed = recipe_rows(config)
    return _render(
        'run.html.j2', title=title, kind='Run ' + view.label, facts=facts, ask='To repeat it',
        commands=repeating_commands(config), sections=sections, view=view, found=found,
        summary='%s: %s, %s' % (title, 'best test accuracy %.3f in epoch %d' % (
            best.test_acc, best.epoch) if best else 'no epoch is done yet', view.state),
        curves=curve_charts(view) if best else [], pace=pace_charts(view) if best else [],
        published=published_runs(config['model'], config['dataset']), epochs=_epoch_rows(view),
        accuracy=answers and accuracy_of(answers.matrix), classes=answers and class_rows(answers),
        matrix=answers and matrix_rows(answers), norms=norms_of(view, found),
        layers=_layer_rows(found), recipe=recipe, changed=changed,
        environment=list(environment_of(config).items()))


def runs_page(views, findings):
    """Return the page that compares several runs, as HTML."""
    done = [view for view in views if view.best]
    facts = []
    if done:
        top = max(done, key=lambda view: view.best.test_acc)
        low = min(done, key=lambda view: view.rows[-1].loss)
        facts += [('best test accuracy', words.share(top.best.test_acc, 3),
                   '%s, in epoch %d' % (top.label, top.best.epoch)),
                  ('lowest last loss', words.loss(low.rows[-1].loss), low.label)]
    facts.append(('time', words.duration(sum(view.seconds for view in done)), 'of all together'))
    comparing, lines = comparing_charts(views)
    return _render(
        'runs.html.j2', title='%d runs compared' % len(views), kind='Comparison', facts=facts,
        ask='To repeat them', summary=', '.join(view.label for view in views),
        commands=[command for view in views for command in repeating_commands(view.config)],
        sections={'ranking': 'The runs, best first', 'curves': 'Curves',
                  'classes': 'Recall of each class', 'recipe': 'What differs'},
        runs=list(zip(views, findings)), labels=[view.label for view in views],
        ranking=_ranking_rows(views, findings), comparing=comparing, lines=lines,
        recalls=recall_tables(views, findings), differences=differences(views))


def costs_of(found):
    """Return the parameters and multiply-adds of a net in words, dashes if they are not known."""
    if found.layers is None:
        return '–', '–'
    return (words.count(sum(row.parameters for row in found.layers)),
            words.count(sum(row.multiply_adds for row in found.layers)))


def _epoch_rows(view):
    return [(row.epoch, words.loss(row.loss), words.share(row.train_acc),
             words.share(row.test_acc), style.tick(row.learning_rate),
             words.duration(times.seconds), words.count(round(times.rate)) if math.isfinite(
                 times.rate) else 'not known') for row, times in zip(view.rows, view.times)]


def _layer_rows(found):
    return [(row.name, words.size(row.output_shape[1:]), words.count(row.parameters),
             words.count(row.multiply_adds)) for row in found.layers or []] + [
                 ('all', '') + costs_of(found)]


def _ranking_rows(views, findings):
    def accuracy(pair):
        best = pair[0].best
        return best.test_acc if best and math.isfinite(best.test_acc) else -1
    rows = []
    for view, found in sorted(zip(views, findings), key=accuracy, reverse=True):
        best = [words.share(view.best.test_acc), view.best.epoch, words.loss(view.rows[-1].loss),
                words.share(view.rows[-1].test_acc), words.duration(view.seconds)] if (
                    view.best) else ['–'] * 5
        rows.append([view.label, view.config['model'], view.config['dataset'], *best,
                     *costs_of(found), view.state])
    return rows


def _render(name, **content):
    sheet = _TEMPLATES.get_template('style.css.j2').render(palette=dict(zip(
        ('blue', 'vermillion', 'green', 'purple', 'orange', 'sky', 'yellow', 'ink', 'faint',
         'grid'), style.PALETTE + (style.INK, style.FAINT, style.GRID))))
    sheet = ' '.join((style.page_style() + sheet).split())
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = ("default-src 'none'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; "
              "form-action 'none'" % digest)
    return _TEMPLATES.get_template(name).render(
        style=Markup(sheet), policy=policy, version=__version__, **content)
