"""A run's folder, read: its config, its newest good checkpoint, and its net."""
import json
import os

from ..devices import devices_of
from ..files import DamagedFile
from ..models.registry import get_model
from ..training.progress import tell
from .checkpoint import checkpoint_arrays, load_checkpoint, set_net_arrays
from .tensors import read_tensors

LAST, PREVIOUS, BEST, FINAL = [name + '.safetensors' for name in (
    'last', 'previous', 'best', 'final')]


def load_run(folder, ctx=None, weights='best'):
    """(net, config) of the run in `folder`: the net hybridized, with its weights, and a dict.

    `weights` is 'best', those of the highest test accuracy, 'last', of the last checkpoint, or
    'final', of a run that has ended; `ctx` is a device, a list, or a name for `get_ctx` (None:
    `try_gpu()`). The dict is config.json: model, dataset, data_root, batch_size, resize,
    num_classes and more. The net of a run in float16 comes in float32, which every device computes.

    Raises ValueError for a folder that is no run or has no such weights yet, DamagedFile for
    weights that are not what was saved; of 'last' the checkpoint before is used, with a warning on
    stderr.
    """
    config = read_config(folder)
    if weights == 'last':
        _, (tensors, _) = newest_checkpoint(folder, config['identity'])
        arrays = checkpoint_arrays(tensors)
    elif weights in ('best', 'final'):
        path = os.path.join(folder, weights + '.safetensors')
        if not os.path.exists(path):
            raise ValueError('%s has no %s weights yet: %s' % (
                folder, weights, "the best are there after an epoch, the final at the run's end; "
                "weights='last' are those of its last checkpoint"))
        if weights == 'best':
            arrays = checkpoint_arrays(load_checkpoint(path, config['identity'])[0])
        else:
            arrays = read_tensors(path)[0]
    else:
        raise ValueError("weights is %r, but must be 'best', 'last' or 'final'" % (weights,))
    net = get_model(config['model'], num_classes=config['num_classes'])
    net.initialize(ctx=devices_of(ctx))
    set_net_arrays(net, arrays)
    net.hybridize(static_alloc=True)
    return net, config


def read_config(folder):
    """The dict in a run's config.json. Raises ValueError where `folder` is no run."""
    path = os.path.join(folder, 'config.json')
    try:
        with open(path) as f:
            config = json.load(f)
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError('%s is not a run: it has no config.json. scripts/train.py --out %s starts '
                         'one' % (folder, folder))
    except ValueError as error:
        raise ValueError('%s is not what was written: %s' % (path, error))
    if not isinstance(config, dict) or 'identity' not in config:
        raise ValueError('%s is not the config.json of a run' % path)
    return config


def newest_checkpoint(folder, identity):
    """The newest good checkpoint: its name and `load_checkpoint` of it; a bad one is told."""
    errors = []
    for name in (LAST, PREVIOUS):
        try:
            tensors, info = load_checkpoint(os.path.join(folder, name), identity)
        except (DamagedFile, FileNotFoundError) as error:
            errors.append(error)
            continue
        # A last one that is not there is no damage: a process was killed as it put the new one in.
        if errors and isinstance(errors[0], DamagedFile):
            tell('%s\nThe checkpoint before it is used, of step %d' % (errors[0], info['step']))
        return name, (tensors, info)
    raise ValueError('%s has no checkpoint that can be used:\n  %s'
                     % (folder, '\n  '.join(str(error) for error in errors)))
