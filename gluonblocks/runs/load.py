"""Load the net of a run, and find its newest valid checkpoint."""
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
    """Return (net, config) of the run in `folder`: the trained, hybridized net, and its config.

    `weights` is 'best' (highest test accuracy), 'last' (newest checkpoint) or 'final' (end of the
    run). `ctx` is a device, a list of devices, or a name for `devices_of` (None: `try_gpu()`).
    `config` is the content of config.json: model, dataset, data_root, batch_size, resize,
    num_classes and more. A net trained in float16 is returned in float32, which every device
    supports.

    Raises ValueError if `folder` is not a run, does not contain these weights yet, or contains
    weights of another run; DamagedFile if the weights are damaged. If the last checkpoint is
    damaged, the previous one is used, with a warning on stderr.
    """
    if weights not in WEIGHTS:
        raise ValueError('weights must be one of %s, got %r' % (', '.join(WEIGHTS), weights))
    ctx, config = devices_of(ctx), read_config(folder)
    recall(folder, config, ['model'])
    arrays = _read_weights(folder, config['identity'], weights)
    try:
        return build_net(config['model'], arrays, config['num_classes'], ctx), config
    except ValueError as error:
        raise ValueError('%s: %s' % (folder, error))


def build_net(model, arrays, num_classes, ctx, dtype='float32'):
    """Return the hybridized net of a model with the weights `arrays`, from `net_arrays`."""
    net = get_model(model, num_classes=num_classes)
    if dtype != 'float32':
        net.cast(dtype)
    net.initialize(ctx=devices_of(ctx))
    set_net_arrays(net, arrays)
    net.hybridize(static_alloc=True)
    return net


def has_checkpoint(folder):
    """Return True if `folder` contains a checkpoint, valid or damaged."""
    return any(os.path.exists(os.path.join(folder, name)) for name in (LAST, PREVIOUS))


def newest_checkpoint(folder, identity):
    """Return (path, `load_checkpoint` result) of the newest valid checkpoint.

    A damaged checkpoint is reported on stderr. Raises ValueError if none is valid.
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
            tell('%s\nusing the previous checkpoint, saved after step %d'
                 % (errors[0], info['step']))
        return path, (tensors, info)
    raise ValueError('%s contains no valid checkpoint:\n  %s'
                     % (folder, '\n  '.join(str(error) for error in errors)))


def _read_weights(folder, identity, weights):
    """Return the arrays of the 'best', 'last' or 'final' weights."""
    if weights == 'last':
        return checkpoint_arrays(newest_checkpoint(folder, identity)[1][0])
    path = os.path.join(folder, weights + '.safetensors')
    try:
        tensors, info = read_tensors(path)
    except FileNotFoundError:
        raise ValueError("%s has no %s weights yet: best are saved after the first epoch, final at "
                         "the end of the run; use weights='last' for the newest checkpoint"
                         % (folder, weights))
    if info.get('identity') != identity:
        raise ValueError('%s belongs to another run than the config.json in its folder' % path)
    return checkpoint_arrays(tensors) if 'step' in info else tensors
