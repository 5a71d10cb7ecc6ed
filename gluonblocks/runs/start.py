"""Load pretrained weights at the start of a run, and freeze layers."""
import hashlib
import os

import mxnet as mx
from mxnet import gluon, nd

from ..checks import OptionError
from ..files import DamagedFile, read_file, readable
from ..models.registry import get_model
from ..mxnet_private import (
    can_learn,
    children,
    finish_initialization,
    named_parameters,
    settings_of,
)
from ..training.progress import tell
from .checkpoint import OTHER_RUN, checkpoint_arrays
from .config import read_config
from .data import image_size
from .load import BEST, has_checkpoint
from .weights import MAX_BYTES, decode_tensors, encode_tensors, first_non_finite

MAX_LINES = 6  # maximum number of differences that an error lists


def check_start(options):
    """Raise OptionError unless the weights at `options.start_from` match `options.model`.

    This check does not need the data set; `start_net` checks shapes that depend on the images.
    """
    if options.start_from is not None:
        net = get_model(options.model)
        _new_layers(net, _read(options.start_from)[0], options)
        if options.freeze != 'none':
            freeze_features(net, options.model)


def start_net(net, options, loader, facts, workers, folder=None, before=None):
    """Load the weights at `options.start_from` into an initialized net; return the file's SHA-256.

    `loader` and `facts` come from `load_run_data`. Rank 0 reads the file and sends the weights to
    all `workers`. `before` is the config of a resumed run, or None for a new run. If a resumed run
    has a checkpoint in `folder`, the file is not read. Raises OptionError, before any weight is
    set, if the file does not match the net.
    """
    digest, content = before and before['start_sha256'], b''
    if not workers.rank and not (before and has_checkpoint(folder)):
        arrays, found = _read(options.start_from)
        if digest not in (None, found):
            raise OptionError('start_from', 'must be the weights from which the run started, but '
                              '%s has changed: restore the original', readable(options.start_from))
        digest, content = found, bytes(encode_tensors(arrays, {'sha256': found}))
    if workers.world_size > 1:
        content = workers.broadcast(content)
    if not content:
        return digest
    arrays, info = decode_tensors(content, 'the weights received from rank 0')
    params, size = named_parameters(net), image_size(loader)
    # Run one image through the net to infer all shapes.
    ctx = next(iter(params.values())).list_ctx()[0]
    net(nd.zeros((1, facts['channels'], *size), ctx, options.dtype))
    nd.waitall()
    hint = '\n  The images have %d channel%s, and %d x %d pixels' % (
        facts['channels'], 's' * (facts['channels'] > 1), *size)
    new = _new_layers(net, arrays, options, hint)
    for name in sorted(set(params) - set(new)):
        params[name].set_data(nd.array(arrays[name], dtype=params[name].dtype))
        finish_initialization(params[name])
    if not workers.rank:
        tell('starting from %s; %s' % (readable(options.start_from), (
            'random weights for %s, because the data set has %d classes' % (
                ', '.join(new), facts['num_classes']) if new else 'loaded all layers')))
    return info['sha256']


def freeze_features(net, model):
    """Freeze all layers of `net` except the last; call this before the net is traced.

    The last layer is the one whose shape depends on the number of classes. Frozen layers get no
    gradients, and their batch normalization uses fixed running statistics. Dropout stays on during
    training, because it regularizes the last layer. Raises OptionError if no layer depends on the
    number of classes, or if some running statistics cannot be frozen.
    """
    last, norms = _class_axes(model), _freeze_norms(net)
    if not last:
        raise OptionError('freeze', "cannot be 'features': the model %s has no layer that depends "
                          'on the number of classes, so no layer would be trained', model)
    for name, param in named_parameters(net).items():
        if name in last:
            continue
        if not (can_learn(param) or param in norms or isinstance(param, gluon.Constant)):
            raise OptionError('freeze', "cannot be 'features': %s of the model %s is a running "
                              'statistic outside an nn.BatchNorm layer, so it cannot be frozen',
                              name, model)
        if param.grad_req != 'null':
            param.grad_req, param.frozen = 'null', True


def _freeze_norms(block):
    """Freeze the running statistics of the BatchNorm layers in `block`; return their parameters."""
    found = set()
    if isinstance(block, gluon.nn.BatchNorm):
        settings_of(block)['use_global_stats'] = True
        found.update(block.params.values())
    return found.union(*map(_freeze_norms, children(block).values()))


def _class_axes(model):
    """Return {parameter name: set of the axes whose sizes depend on the number of classes}."""
    few, more = (named_parameters(get_model(model, num_classes=n)) for n in (10, 11))
    axes = {name: {i for i, sizes in enumerate(zip(param.shape or (), more[name].shape or ()))
                   if len(set(sizes)) > 1} for name, param in few.items() if name in more}
    return {name: found for name, found in axes.items() if found}


def _new_layers(net, arrays, options, hint=''):
    """Return the names of the parameters of `net` that cannot be loaded from `arrays`.

    If `net` and `arrays` have different numbers of classes, these are the parameters whose shapes
    depend on that number; otherwise, the list is empty. Any other mismatch raises an OptionError
    that ends with `hint`.
    """
    params, axes = named_parameters(net), _class_axes(options.model)
    lines, new = [], []
    for name in sorted({*params, *arrays}):
        if name not in arrays or name not in params:
            lines.append('%s exists only in the %s' % (name, 'file' if name in arrays else 'model'))
            continue
        array, shape = arrays[name], params[name].shape or arrays[name].shape
        wrong = {i for i, (a, b) in enumerate(zip(shape, array.shape))
                 if a not in (0, b)}  # 0: unknown before the first batch
        if len(shape) != array.ndim or wrong - axes.get(name, set()):
            lines.append('%s must have shape %s, found %s' % (name, shape, array.shape))
        elif array.dtype.kind != 'f' or not array.size or first_non_finite({name: array}):
            lines.append('%s contains values that are not finite floats' % name)
        elif wrong:
            new.append(name)
    if lines:
        more = len(lines) - MAX_LINES
        lines[MAX_LINES:] = ['and %d more' % more] * (more > 0)
        raise OptionError('start_from', 'must contain weights for the model %s, but the weights '
                          'in %s do not match:\n  %s', options.model, readable(options.start_from),
                          '\n  '.join(lines) + hint)
    return sorted(axes) if new else []


def _read(path):
    """Read the weights at `path`; return a dict of NumPy arrays, and the SHA-256 of the file.

    `path` is a .safetensors or .params file, or a run folder, whose best weights are read. Raises
    OptionError if the weights cannot be read.
    """
    try:
        run = read_config(path) if os.path.isdir(path) else None
        path = os.path.join(path, BEST) if run else path
        content = bytes(read_file(path, MAX_BYTES))
        if path.endswith('.safetensors'):
            arrays, info = decode_tensors(content, path, foreign=not run)
            if run and info['identity'] != run['identity']:
                raise ValueError(OTHER_RUN % path)
            arrays = checkpoint_arrays(arrays) if 'step' in info else arrays
        else:
            arrays = {name: array.asnumpy() for name, array in nd.load_frombuffer(content).items()}
    except FileNotFoundError:
        raise OptionError('start_from', 'must be an existing file or folder, but %s does not '
                          'exist%s', readable(path),
                          ': a run writes this file only after its first epoch' if run else '')
    except (mx.MXNetError, AttributeError):  # AttributeError: a list of arrays without names
        raise OptionError('start_from', 'must be a run folder, or a .safetensors or .params file '
                          'of named arrays, got %s', readable(path))
    except DamagedFile as error:
        raise OptionError('start_from', 'cannot be read: %s. Restore the file from a backup, or '
                          'start from other weights', error)
    except (OSError, ValueError) as error:
        raise OptionError('start_from', 'cannot be read: %s', error)
    return arrays, hashlib.sha256(content).hexdigest()
