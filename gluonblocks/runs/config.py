"""config.json of a run: what was asked, what that came to, and where; verified whole when read."""
import hashlib
import json
import os
import re

from ..files import read_file
from .options import OPTIONS, OptionError
from .sources import is_sources

NAME = 'config.json'
MAX_BYTES = 1 << 20

# What another process may have otherwise and the numbers are still the same.
FREE = {name for name, option in OPTIONS.items() if option.may_change} | {
    'asked', 'worker_changes'}

_SHA256 = re.compile('[0-9a-f]{64}')


def _text(value):
    return isinstance(value, str) and value


def _whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


# What is in the file beside the options, and whether a value of it can be.
_OTHERS = {
    'model': _text,
    'num_classes': _whole,
    'class_names': lambda value: isinstance(value, list) and value and all(map(_text, value)),
    'channels': lambda value: _whole(value) and value in (1, 3),
    'picture_size': lambda value: isinstance(value, list) and len(value) == 2 and (
        all(map(_whole, value))),
    'sources': is_sources,
    'asked': lambda value: isinstance(value, list) and set(value) <= set(OPTIONS),
    # After which step how many workers went on: first [0, N].
    'worker_changes': lambda value: isinstance(value, list) and value and all(
        isinstance(change, list) and len(change) == 2 and _whole(change[0] + 1)
        and _whole(change[1]) for change in value) and value[0][0] == 0 and (
            value == sorted(value, key=lambda change: change[0])),
    'versions': lambda value: isinstance(value, dict) and all(map(_text, value.values())),
    'cpu': lambda value: isinstance(value, str),
    'operators': lambda value: isinstance(value, bool),
    'threads': lambda value: value is None or _text(value),
    'data_sha256': lambda value: _text(value) and _SHA256.fullmatch(value),
    'identity': lambda value: _text(value) and _SHA256.fullmatch(value),
}


def identity_of(config):
    """The SHA-256 over all of a config that decides the numbers: what ties a file to its run."""
    return _digest({name: value for name, value in config.items()
                    if name not in FREE and name not in ('identity', 'checksum')})


def encode_config(config):
    """The bytes of config.json, with a checksum over the rest."""
    checksum = _digest(config)
    return (json.dumps(dict(config, checksum=checksum), indent=2, sort_keys=True) + '\n').encode()


def read_config(folder):
    """The dict in a run's config.json: the options, with `ctx` as text, and what they came to.

    Raises ValueError where `folder` is no run, or the file is not, to the last value, what was
    written.
    """
    path = os.path.join(folder, NAME)
    try:
        config = json.loads(read_file(path, MAX_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError('%s is not a run: it has no %s. Name a folder that a run was kept in'
                         % (folder, NAME))
    except (ValueError, RecursionError) as error:
        raise ValueError('%s is damaged: %s. Put back a copy of the file, or train again'
                         % (path, error))
    if not isinstance(config, dict) or 'checksum' not in config:
        raise ValueError('%s is not the %s of a run: put back a copy of the file, or train again'
                         % (path, NAME))
    checksum = config.pop('checksum')
    if checksum != _digest(config):
        raise ValueError('%s is not what was written: something in it was changed. What a run may '
                         'have otherwise is given when it is resumed: %s' % (
                             path, ', '.join(sorted(FREE & set(OPTIONS)))))
    # A checksum is no proof: it may have been made for other content.
    wanted = set(OPTIONS) | set(_OTHERS)
    if set(config) != wanted:
        raise ValueError('%s is not the %s of a run: %s is in one of the two only'
                         % (path, NAME, ', '.join(sorted(set(config) ^ wanted))))
    for name, good in _OTHERS.items():
        try:
            fits = good(config[name])
        except TypeError:  # an item that cannot be in a set
            fits = False
        if not fits:
            raise ValueError('%s: %s cannot be %r' % (path, name, config[name]))
    try:
        for name, option in OPTIONS.items():
            # One that somebody registered may not be known here yet: its source tells where it is.
            if not (name == 'dataset' and config['sources']['dataset'] and _text(config[name])):
                option.check(config[name])
    except OptionError as error:
        raise ValueError('%s: %s' % (path, error))
    if config['workers'] != config['worker_changes'][-1][1]:
        raise ValueError('%s: workers is %d, but worker_changes end otherwise'
                         % (path, config['workers']))
    if config['num_classes'] != len(config['class_names']):
        raise ValueError('%s: num_classes is %d, but %d have names'
                         % (path, config['num_classes'], len(config['class_names'])))
    if not isinstance(config['ctx'], str) or not re.fullmatch(r'(cpu|gpu):\d+(,\d+)*',
                                                              config['ctx']):
        raise ValueError('%s: ctx cannot be %r' % (path, config['ctx']))
    if config['identity'] != identity_of(config):
        raise ValueError('%s: its identity is not that of its options' % path)
    return config


def workers_at(config, step):
    """How many workers may have saved a checkpoint after this step: those before and after a
    change there."""
    starts = [change[0] for change in config['worker_changes']] + [step]
    return {change[1] for change, end in zip(config['worker_changes'], starts[1:])
            if change[0] <= step <= end}


def for_config(options):
    """Options as config.json has them."""
    return dict(options, ctx=device_names(options['ctx'])) if 'ctx' in options else options


def recipe_digest(options):
    """The SHA-256 over all options that decide the numbers."""
    return _digest({name: value for name, value in for_config(options).items()
                    if name not in FREE})


def device_names(devices):
    """[mx.cpu(0), mx.cpu(1)] -> 'cpu:0,1', as `get_ctx` reads it."""
    return '%s:%s' % (devices[0].device_type, ','.join(str(ctx.device_id) for ctx in devices))


def _digest(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
