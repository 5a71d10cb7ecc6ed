"""Load the trained net of a run, or find its newest valid checkpoint."""
import os
from typing import List, Union

from ..checks import OptionError
from ..devices import devices_of
from ..files import DamagedFile
from ..models.registry import get_model
from ..models.summary import format_summary, layer_shapes
from ..training.progress import tell
from .checkpoint import OTHER_RUN, checkpoint_arrays, load_checkpoint
from .config import read_config
from .provenance import recall
from .weights import read_tensors, set_net_arrays

LAST, PREVIOUS, BEST, FINAL = [name + '.safetensors' for name in (
    'last', 'previous', 'best', 'final')]
WEIGHTS = ('best', 'last', 'final')


def load_run(folder, ctx=None, weights='best'):
    """Load the run in `folder`; return (net, config): the hybridized net and the config as a dict.

    `weights` is 'best' (highest test accuracy), 'last' (newest checkpoint) or 'final' (end of the
    run). `ctx` is a device, a list of devices, or a name that `devices_of` accepts; None selects
    `try_gpu()`. The entries of `config` include model, dataset, data_root, batch_size, resize and
    num_classes. A net that was trained in float16 is converted to float32, which every device
    supports.

    Raises ValueError if `folder` is not a run folder, does not contain these weights yet, or
    contains weights of another run, and DamagedFile if the weights are damaged. If the last
    checkpoint is damaged, the previous one is used, with a warning on stderr.
    """
    if weights not in WEIGHTS:
        raise OptionError('weights', 'must be one of %s, got %r', ', '.join(WEIGHTS), weights)
    ctx, config = devices_of(ctx), read_config(folder)
    recall(folder, config, ['model'])
    arrays = _read_weights(folder, config['identity'], weights)
    try:
        return build_net(config['model'], arrays, config['num_classes'], ctx), config
    except ValueError as error:
        raise ValueError('%s: %s' % (folder, error))


def build_net(model, arrays, num_classes, ctx, dtype='float32'):
    """Return a hybridized net with the weights in `arrays`, a dict returned by `net_arrays`."""
    net = get_model(model, num_classes=num_classes)
    if dtype != 'float32':
        net.cast(dtype)
    net.initialize(ctx=devices_of(ctx))
    set_net_arrays(net, arrays)
    net.hybridize(static_alloc=True)
    return net


def run_summary(folder):
    """Return the layer table of a run's net as text, for an image of the size used in training.

    Raises the same errors as `read_config` and `recall`.
    """
    config = read_config(folder)
    recall(folder, config, ['model'])
    net = get_model(config['model'], num_classes=config['num_classes'])
    net.initialize()
    size = [config['resize']] * 2 if config['resize'] else config['picture_size']
    return format_summary(layer_shapes(net, (1, config['channels'], *size)))


def has_checkpoint(folder):
    """Return True if `folder` contains a checkpoint, even a damaged one."""
    return any(os.path.exists(os.path.join(folder, name)) for name in (LAST, PREVIOUS))


def newest_checkpoint(folder, identity):
    """Return the path of the newest valid checkpoint, and the result of `load_checkpoint` for it.

    A damaged checkpoint is reported on stderr. Raises ValueError if no checkpoint is valid.
    """
    errors: List[Union[str, DamagedFile]] = []
    for path in [os.path.join(folder, name) for name in (LAST, PREVIOUS)]:
        try:
            tensors, info = load_checkpoint(path, identity)
        except (DamagedFile, FileNotFoundError) as error:
            errors.append(error if isinstance(error, DamagedFile) else '%s does not exist' % path)
            continue
        # Do not report that LAST is missing: the process may have been killed after it renamed LAST
        # to PREVIOUS, but before it renamed the new file to LAST.
        if errors and isinstance(errors[0], DamagedFile):
            tell('%s\nusing the previous checkpoint, saved after step %d'
                 % (errors[0], info['step']))
        return path, (tensors, info)
    raise ValueError('%s contains no valid checkpoint:\n  %s\nRestore one of these files from a '
                     'copy, or start a new run in another folder'
                     % (folder, '\n  '.join(map(str, errors))))


def _read_weights(folder, identity, weights):
    """Return the 'best', 'last' or 'final' weights of a run as a dict of NumPy arrays."""
    if weights == 'last':
        return checkpoint_arrays(newest_checkpoint(folder, identity)[1][0])
    path = os.path.join(folder, weights + '.safetensors')
    try:
        tensors, info = read_tensors(path)
    except FileNotFoundError:
        raise OptionError('weights', "cannot be %r: %s does not contain these weights, which are "
                          "saved %s. Use 'last', the newest checkpoint", weights, folder,
                          'after the first epoch' if weights == 'best' else 'at the end of the run')
    except DamagedFile as error:
        raise DamagedFile('%s. Restore the file from a copy, or use other weights of the run: %s'
                          % (error, ' or '.join(other for other in WEIGHTS if other != weights)))
    if info.get('identity') != identity:
        raise ValueError(OTHER_RUN % path)
    return checkpoint_arrays(tensors) if 'step' in info else tensors
