"""A run's folder, read: its newest good checkpoint, and its net."""
import os

from ..devices import devices_of
from ..files import DamagedFile
from ..models.registry import get_model
from ..training.progress import tell
from .checkpoint import checkpoint_arrays, load_checkpoint
from .config import read_config
from .provenance import recall
from .weights import read_tensors, set_net_arrays

LAST, PREVIOUS, BEST, FINAL = [name + '.safetensors' for name in (
    'last', 'previous', 'best', 'final')]
WEIGHTS = ('best', 'last', 'final')


def load_run(folder, ctx=None, weights='best'):
    """Return (net, config) of the run in `folder`: the net hybridized, with its weights.

    `weights` is 'best', those of the highest test accuracy, 'last', of the last checkpoint, or
    'final', of a run that has ended. `ctx` is a device, a list, or a name for `devices_of` (None:
    `try_gpu()`). `config` is config.json, a dict: model, dataset, data_root, batch_size, resize,
    num_classes and more. The net of a run in float16 comes in float32, which every device computes.

    Raises ValueError for a folder that is not a run or has no such weights yet, and for weights of
    another run; DamagedFile for weights that are not what was saved. If the last checkpoint is
    damaged, the one before is used, with a warning on stderr.
    """
    if weights not in WEIGHTS:
        raise ValueError('weights is %r, but must be one of %s' % (weights, ', '.join(WEIGHTS)))
    ctx, config = devices_of(ctx), read_config(folder)
    recall(folder, config, ['model'])
    arrays = _read_weights(folder, config['identity'], weights)
    try:
        return build_net(config['model'], arrays, config['num_classes'], ctx), config
    except ValueError as error:
        raise ValueError('%s: %s' % (folder, error))


def build_net(model, arrays, num_classes, ctx, dtype='float32'):
    """Return the hybridized net of a model with the weights `arrays`, those of `net_arrays`."""
    net = get_model(model, num_classes=num_classes)
    if dtype != 'float32':
        net.cast(dtype)
    net.initialize(ctx=devices_of(ctx))
    set_net_arrays(net, arrays)
    net.hybridize(static_alloc=True)
    return net


def has_checkpoint(folder):
    """Return True if there is a checkpoint in `folder`, good or damaged."""
    return any(os.path.exists(os.path.join(folder, name)) for name in (LAST, PREVIOUS))


def newest_checkpoint(folder, identity):
    """Return the newest good checkpoint: its path, and `load_checkpoint` of it.

    A damaged one is reported on stderr. Raises ValueError if there is no good one.
    """
    errors = []
    for path in [os.path.join(folder, name) for name in (LAST, PREVIOUS)]:
        try:
            tensors, info = load_checkpoint(path, identity)
        except (DamagedFile, FileNotFoundError) as error:
            errors.append(error)
            continue
        # A missing file is not damage: the process may have been killed between two renames.
        if errors and isinstance(errors[0], DamagedFile):
            tell('%s\nThe checkpoint before it is used, of step %d' % (errors[0], info['step']))
        return path, (tensors, info)
    raise ValueError('%s has no checkpoint that can be used:\n  %s'
                     % (folder, '\n  '.join(str(error) for error in errors)))


def _read_weights(folder, identity, weights):
    """Return the arrays of the 'best', 'last' or 'final' weights."""
    if weights == 'last':
        return checkpoint_arrays(newest_checkpoint(folder, identity)[1][0])
    path = os.path.join(folder, weights + '.safetensors')
    try:
        tensors, info = read_tensors(path)
    except FileNotFoundError:
        raise ValueError("%s has no %s weights yet: the best are there after an epoch, the final "
                         "at the run's end; weights='last' are those of its last checkpoint"
                         % (folder, weights))
    if info.get('identity') != identity:
        raise ValueError('%s is of another run than the config.json beside it' % path)
    return checkpoint_arrays(tensors) if 'step' in info else tensors
