"""A run's folder, read: its newest good checkpoint, and its net."""
import os

from ..devices import devices_of
from ..files import DamagedFile
from ..models.registry import get_model
from ..training.progress import tell
from .checkpoint import checkpoint_arrays, load_checkpoint
from .config import read_config
from .sources import recall
from .tensors import read_tensors
from .weights import first_non_finite, set_net_arrays

LAST, PREVIOUS, BEST, FINAL = [name + '.safetensors' for name in (
    'last', 'previous', 'best', 'final')]
WEIGHTS = ('best', 'last', 'final')


def load_run(folder, ctx=None, weights='best'):
    """(net, config) of the run in `folder`: the net hybridized, with its weights, and a dict.

    `weights` is 'best', those of the highest test accuracy, 'last', of the last checkpoint, or
    'final', of a run that has ended; `ctx` is a device, a list, or a name for `get_ctx` (None:
    `try_gpu()`). The dict is config.json: model, dataset, data_root, batch_size, resize,
    num_classes and more. The net of a run in float16 comes in float32, which every device computes.

    Raises ValueError for a folder that is no run or has no such weights yet, and for weights of
    another run; DamagedFile for weights that are not what was saved; of 'last' the checkpoint
    before is used, with a warning on stderr.
    """
    if weights not in WEIGHTS:
        raise ValueError('weights is %r, but must be one of %s' % (weights, ', '.join(WEIGHTS)))
    config = read_config(folder)
    recall(folder, config, ['model'])
    arrays = _read_weights(folder, config['identity'], weights)
    net = get_model(config['model'], num_classes=config['num_classes'])
    net.initialize(ctx=devices_of(ctx))
    try:
        set_net_arrays(net, arrays)
    except ValueError as error:
        raise ValueError('%s: %s' % (folder, error))
    net.hybridize(static_alloc=True)
    return net, config


def newest_checkpoint(folder, identity):
    """The newest good checkpoint: its name and `load_checkpoint` of it; a bad one is told."""
    errors, path = [], os.path.join(folder, LAST)
    for name in (LAST, PREVIOUS):
        try:
            tensors, info = load_checkpoint(os.path.join(folder, name), identity)
            if name == LAST and info['step'] < _step_of(os.path.join(folder, PREVIOUS), identity):
                raise DamagedFile('%s: not the last checkpoint: it is of step %d, and that before '
                                  'it of a later one' % (path, info['step']))
        except (DamagedFile, FileNotFoundError) as error:
            errors.append(error)
            continue
        # A last one that is not there is no damage: a process was killed as it put the new one in.
        if errors and isinstance(errors[0], DamagedFile):
            tell('%s\nThe checkpoint before it is used, of step %d' % (errors[0], info['step']))
        return name, (tensors, info)
    raise ValueError('%s has no checkpoint that can be used:\n  %s'
                     % (folder, '\n  '.join(str(error) for error in errors)))


def _step_of(path, identity):
    """The step of the checkpoint at `path`, or 0 where there is none that can be used."""
    try:
        return load_checkpoint(path, identity)[1]['step']
    except (OSError, ValueError):
        return 0


def read_best(folder, identity):
    """The tensors of the best checkpoint; DamagedFile for another checkpoint in its place."""
    path = os.path.join(folder, BEST)
    tensors, info = load_checkpoint(path, identity)
    epoch, best = info['epoch'] - 1, info['best_epoch']
    if epoch == best and not info['batch']:
        for name in (LAST, PREVIOUS):
            try:
                newer = load_checkpoint(os.path.join(folder, name), identity)[1]
            except (OSError, ValueError):
                continue  # it is not asked for
            # The best is written before the last: it may be of the epoch after.
            if epoch < newer['epoch']:
                best = newer['best_epoch']
            break
    if epoch != best or info['batch']:
        raise DamagedFile('%s: not the best checkpoint: it is of step %d, and the best epoch was %s'
                          % (path, info['step'], best))
    return tensors


def _read_weights(folder, identity, weights):
    """The arrays of the 'best', 'last' or 'final' weights, verified."""
    path = os.path.join(folder, weights + '.safetensors')
    if weights == 'last':
        return checkpoint_arrays(newest_checkpoint(folder, identity)[1][0])
    try:
        if weights == 'best':
            return checkpoint_arrays(read_best(folder, identity))
        arrays, info = read_tensors(path)
    except FileNotFoundError:
        raise ValueError("%s has no %s weights yet: the best are there after an epoch, the final "
                         "at the run's end; weights='last' are those of its last checkpoint"
                         % (folder, weights))
    except DamagedFile as error:
        raise DamagedFile('%s. Take other weights of the run: %s' % (error, ' or '.join(
            repr(other) for other in WEIGHTS if other != weights)))
    if info.get('identity') != identity:
        raise ValueError('%s is of another run than the config.json beside it' % path)
    bad = first_non_finite(arrays)
    if bad:
        raise DamagedFile('%s: not the weights of a run: %s is not finite' % (path, bad))
    return arrays
