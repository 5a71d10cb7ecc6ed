"""What a run was asked for, what it departs from the book in, and where it ran."""
from ..runs.options import BOOKKEEPING, OPTIONS
from .html import note, section, table, tag
from .view import usual_options, worker_changes

_WORDS = {'lr': 'learning rate', 'ctx': 'device', 'dataset': 'data set', 'lr_schedule':
          'learning rate schedule', 'lr_decay': 'decay factor', 'lr_decay_epochs': 'decay epochs',
          'dtype': 'number type'}


def recipe_section(view):
    """The recipe of one run, beside the book's, and its environment."""
    usual = usual_options(view.config['model'])
    recipe = _recipe(view.config)
    rows, marked = [], {}
    for name, words in recipe.items():
        if name in ('model', 'seed', 'ctx') or usual[name] is None and name != 'resize':
            book = '–'
        else:
            book = _value(name, usual[name])
            if book != words:
                marked[len(rows)] = 'changed'
        rows.append((_name(name), words, book))
    return section('recipe', 'Recipe and environment', tag('div', [
        table(('option', 'this run', 'by default'), rows, 'Recipe', left=(0, 1, 2), marked=marked),
        table(('what', 'value'), list(_environment(view.config).items()), 'Environment',
              left=(0, 1))], class_='pair'))


def differences_section(views):
    """Of several runs, the options and the environment that are not the same in all."""
    content = []
    for title, tell in (('Recipe', _recipe), ('Environment', _environment)):
        told = [tell(view.config) for view in views]
        names = list(dict.fromkeys(name for one in told for name in one))
        rows = [[_name(name)] + [one.get(name, '–') for one in told] for name in names
                if len({one.get(name) for one in told}) > 1]
        same = [_name(name) for name in names if len({one.get(name) for one in told}) == 1]
        if rows:
            content.append(table(['what'] + [view.label for view in views], rows,
                                 '%s: what differs' % title, left=range(len(views) + 1)))
        content.append(note('%s, the same in all: %s.' % (title, ', '.join(
            '%s %s' % (_name(name), told[0][name]) for name in names
            if _name(name) in same and name != 'identity')) if same else
            '%s: nothing is the same in all.' % title))
    return section('recipe', 'What differs', *content)


def _recipe(config):
    """The options that decide a run's numbers, in words."""
    said = {'model': config['model']}
    for name in OPTIONS:
        if name not in BOOKKEEPING:
            said[name] = _value(name, config[name])
    said['workers'] = ', then '.join(
        '%d from step %d' % (workers, step + 1) if step else '%d' % workers
        for step, workers in worker_changes(config))
    return said


def _environment(config):
    said = {package: version for package, version in sorted(config['versions'].items())}
    said.update(processor=config['cpu'] or 'not known', threads=config['threads'] or 'not set',
                operators='on' if config['operators'] else 'off',
                data=config['data_sha256'][:16] + '…')
    return said


def _name(name):
    return _WORDS.get(name, name.replace('_', ' '))


def _value(name, value):
    if name == 'resize':
        return '%d × %d pixels' % (value, value) if value else 'no'
    if value is None:
        return 'none'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, list):
        return ', '.join(map(str, value))
    return '%g' % value if isinstance(value, float) else str(value)
