"""The recipe section of a report: a run's options and environment, and commands to reproduce it."""
import shlex

from ..graphs.operators import VARIABLE
from ..runs.options import BOOKKEEPING, OPTIONS, default_options

_WORDS = {'lr': 'learning rate', 'ctx': 'device', 'dataset': 'data set', 'lr_schedule':
          'learning rate schedule', 'lr_decay': 'decay factor', 'lr_decay_epochs': 'decay epochs',
          'dtype': 'data type'}


def recipe_rows(config):
    """Return (rows, changed): a list of (option, value, default) rows, and {index: 'changed'} for
    the rows whose value differs from the default."""
    defaults = _defaults(config['model'])
    rows, changed = [], {}
    for name, words in recipe_of(config).items():
        default = '–'
        if name not in ('model', 'seed', 'ctx') and (
                defaults[name] is not None or name == 'resize'):
            default = _value(name, defaults[name])
            if default != words:
                changed[len(rows)] = 'changed'
        rows.append((_name(name), words, default))
    return rows, changed


def differences(runs):
    """Compare the recipes and the environments of `runs`; return a list of two sections.

    Each section is (title, rows, text). Each row contains the name of an option or setting that
    differs, followed by its value in each run. `text` lists the values that all runs share.
    """
    parts = []
    for title, describe in (('Recipe', recipe_of), ('Environment', environment_of)):
        described = [describe(run.config) for run in runs]
        rows, same = [], []
        for name in dict.fromkeys(name for words in described for name in words):
            values = [words.get(name, '–') for words in described]
            if len(set(values)) > 1:
                rows.append([_name(name)] + values)
            else:
                same.append('%s %s' % (_name(name), values[0]))
        parts.append((title, rows, ', '.join(same)))
    return parts


def recipe_of(config):
    """Return the options that determine a run's results, as {name: text}."""
    words = {'model': config['model']}
    words.update((name, _value(name, config[name])) for name in OPTIONS if name not in BOOKKEEPING)
    words['workers'] = ', then '.join(
        '%d from step %d' % (workers, step + 1) if step else '%d' % workers
        for step, workers in _worker_changes(config))
    return words


def environment_of(config):
    """Return the package versions, processor and settings of a run, as {name: text}."""
    words = dict(sorted(config['versions'].items()))
    words.update(processor=config['cpu'] or 'unknown', threads=config['threads'] or 'not set',
                 operators='on' if config['operators'] else 'off',
                 data=config['data_sha256'][:16] + '…')
    return words


def commands_of(config):
    """Return the commands that reproduce a run, each as a list of unbreakable parts.

    For each change in the number of workers, a comment says after which step to stop the run, and
    another command resumes it.
    """
    (_, workers), *changes = _worker_changes(config)
    start = [['OMP_NUM_THREADS=%s' % config['threads']]] if config['threads'] else []
    start += [] if config['operators'] else [[VARIABLE + '=0']]
    start.append(['gluonblocks', 'train'])
    command = start + [['--model', config['model']]]
    defaults = _defaults(config['model'])
    for name in OPTIONS:
        value = workers if name == 'workers' else config[name]
        chosen = name == 'seed' or defaults[name] is not None or name in config['chosen']
        # Omit `stop_non_finite`: a run that is saved in a folder stops at a non-finite loss anyway.
        if name == 'stop_non_finite' or not chosen or value is None or value is False or (
                value == defaults[name]):
            continue
        words = [] if value is True else [
            ','.join(map(str, value)) if isinstance(value, list) else str(value)]
        command.append(['--' + name.replace('_', '-'), *words])
    commands = [_quoted(command + [['--out', 'runs/again']])]
    for step, workers in changes:
        commands += [['# stop the run after step %d, then:' % step], _quoted(start + [
            ['--resume', 'runs/again'], ['--workers', str(workers)], ['--change-workers']])]
    return commands


def _worker_changes(config):
    """Return [(step, workers), ...]: from step `step` + 1, the run used `workers` workers."""
    changes = []
    for step, workers in dict(config['worker_changes']).items():  # a step's last change counts
        if not changes or changes[-1][1] != workers:
            changes.append((step, workers))
    return changes


def _quoted(parts):
    return [' '.join(map(shlex.quote, part)) for part in parts]


def _defaults(model):
    """Return the default options of `model`, or model-independent ones if it cannot be loaded."""
    try:
        return default_options(model)
    except (ImportError, ValueError):
        return {name: option.default for name, option in OPTIONS.items()}


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
