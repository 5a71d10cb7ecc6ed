"""config.json of a run: its options, what they came to, and the machine it ran on."""
import hashlib
import json
import os

from ..files import read_file
from .options import OPTIONS

NAME = 'config.json'
MAX_BYTES = 1 << 20

# What may differ in a resumed run, because no value depends on it.
FREE = {name for name, option in OPTIONS.items() if option.may_change} | {
    'asked', 'worker_changes'}


def identity_of(config):
    """Return the SHA-256 over what decides the values of a run: it ties a file to its run."""
    return _digest({name: value for name, value in config.items()
                    if name not in FREE and name not in ('identity', 'checksum')})


def encode_config(config):
    """Return the bytes of config.json, with a checksum over the rest."""
    checksum = _digest(config)
    return (json.dumps(dict(config, checksum=checksum), indent=2, sort_keys=True) + '\n').encode()


def read_config(folder):
    """Return config.json of a run, a dict: the options, and what they came to.

    Raises ValueError if `folder` is not a run, or the file is not what was written.
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
    if not isinstance(config, dict) or config.pop('checksum', '') != _digest(config):
        raise ValueError('%s is not what was written: something in it was changed. Put back a copy '
                         'of the file, or train again. Options that a run may change are given '
                         'when it is resumed' % path)
    missing = sorted(set(OPTIONS) - set(config))
    if missing:
        raise ValueError('%s is of another version of gluonblocks: it lacks %s'
                         % (path, ', '.join(missing)))
    return config


def _digest(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
