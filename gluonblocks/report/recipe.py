"""The options of a run, its departures from the defaults, and where it ran."""
from ..runs.options import BOOKKEEPING, OPTIONS
from .view import usual_options, worker_changes

_WORDS = {'lr': 'learning rate', 'ctx': 'device', 'dataset': 'data set', 'lr_schedule':
          'learning rate schedule', 'lr_decay': 'decay factor', 'lr_decay_epochs': 'decay epochs',
          'dtype': 'number type'}


def recipe_rows(config):
    """Return (rows of option, value and default; the numbers of the rows in which they differ)."""
    usual = usual_options(config['model'])
    rows, changed = [], []
    for name, words in recipe_of(config).items():
        if name in ('model', 'seed', 'ctx') or usual[name] is None and name != 'resize':
            book = '–'
        else:
            book = _value(name, usual[name])
            if book != words:
                changed.append(len(rows))
        rows.append((_name(name), words, book))
    return rows, changed


def differences(views):
    """Return (title, rows of what differs, words for what does not) of recipe and environment."""
    parts = []
    for title, describe in (('Recipe', recipe_of), ('Environment', environment_of)):
        described = [describe(view.config) for view in views]
        rows, same = [], []
        for name in dict.fromkeys(name for one in described for name in one):
            values = [one.get(name) for one in described]
            if len(set(values)) > 1:
                rows.append([_name(name)] + ['–' if value is None else value for value in values])
            else:
                same.append('%s %s' % (_name(name), values[0]))
        parts.append((title, rows, ', '.join(same)))
    return parts


def recipe_of(config):
    """Return the options that decide the results of a run, in words."""
    words = {'model': config['model']}
    for name in OPTIONS:
        if name not in BOOKKEEPING:
            words[name] = _value(name, config[name])
    words['workers'] = ', then '.join(
        '%d from step %d' % (workers, step + 1) if step else '%d' % workers
        for step, workers in worker_changes(config))
    return words


def environment_of(config):
    """Return the versions, processor and settings that a run was trained with, in words."""
    words = dict(sorted(config['versions'].items()))
    words.update(processor=config['cpu'] or 'not known', threads=config['threads'] or 'not set',
                 operators='on' if config['operators'] else 'off',
                 data=config['data_sha256'][:16] + '…')
    return words


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
