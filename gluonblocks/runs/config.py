"""Read and write config.json, which contains the options of a run and describes its environment."""
import hashlib
import json
import os

from ..files import read_file
from .options import OPTIONS

NAME = 'config.json'
MAX_BYTES = 1 << 20

# Entries of config.json that may change when a run is resumed.
FREE = {name for name, option in OPTIONS.items() if option.may_change} | {
    'chosen', 'worker_changes'}


def identity_of(config):
    """Return the SHA-256 of all config entries that affect the results; it identifies a run."""
    return _digest({name: value for name, value in config.items()
                    if name not in FREE and name not in ('identity', 'checksum')})


def encode_config(config):
    """Encode `config` as the content of config.json, adding a checksum of its entries."""
    checksum = _digest(config)
    return (json.dumps(dict(config, checksum=checksum), indent=2, sort_keys=True) + '\n').encode()


def read_config(folder):
    """Return the config.json of the run in `folder`, as a dict.

    Raises ValueError if `folder` is not a run folder, or if the file was changed.
    """
    path = os.path.join(folder, NAME)
    try:
        config = json.loads(read_file(path, MAX_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError('%s is not a run folder: it %s' % (
            folder, 'contains no ' + NAME if os.path.isdir(folder) else
            'is a file' if os.path.exists(folder) else 'does not exist'))
    except (ValueError, RecursionError) as error:
        reason = getattr(error, 'lineno', None)
        raise ValueError('%s is damaged%s. Restore the file from a copy, or start a new run'
                         % (path, ' in line %d' % reason if reason else ': %s' % error))
    if not isinstance(config, dict) or config.pop('checksum', '') != _digest(config):
        raise ValueError('%s was changed after gluonblocks wrote it. Restore the file from a copy, '
                         'or start a new run. To change an option, set it when you resume the run'
                         % path)
    missing = sorted(set(OPTIONS) - set(config))
    if missing:
        raise ValueError('%s was written by another version of gluonblocks: it does not contain %s'
                         % (path, ', '.join(missing)))
    return config


def _digest(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
