"""The trained weights that a run starts from, and the layers that it freezes."""
import hashlib
import os

import mxnet as mx
from mxnet import gluon, nd

from ..checks import OptionError
from ..files import read_file, readable
from ..models.registry import get_model
from ..mxnet_private import (
    can_learn,
    children,
    finish_initialization,
    named_parameters,
    settings_of,
)
from ..training.progress import tell
from .checkpoint import checkpoint_arrays
from .config import read_config
from .data import image_size
from .load import BEST, has_checkpoint
from .weights import MAX_BYTES, decode_tensors, encode_tensors, first_non_finite

MAX_LINES = 6  # in an error, of differences


def check_start(options):
    """Raise OptionError unless the weights that a `RunOptions` names fit its model.

    No data are needed, so sizes that depend on the images are left to `start_net`.
    """
    if options.start_from is not None:
        net = get_model(options.model)
        _new_layers(net, _read(options.start_from)[0], options)
        if options.freeze != 'none':
            freeze_features(net, options.model)


def start_net(net, options, loader, facts, workers, folder=None, before=None):
    """Set `net`, initialized, to the weights to start from; return the SHA-256 of their file.

    `loader` and `facts` are those of `load_run_data`. Rank 0 reads the file for all `workers`,
    unless the run with the config `before` is resumed in `folder` from a checkpoint. Raises
    OptionError, before anything is set, for weights that do not fit.
    """
    digest, content = before and before['start_sha256'], b''
    if not workers.rank and not (before and has_checkpoint(folder)):
        arrays, found = _read(options.start_from)
        if digest not in (None, found):
            raise OptionError('start_from', 'is %s, whose weights have changed since the run began',
                              readable(options.start_from))
        digest, content = found, bytes(encode_tensors(arrays, {'sha256': found}))
    if workers.world_size > 1:
        content = workers.broadcast(content)
    if not content:
        return digest
    arrays, info = decode_tensors(content, 'the weights received')
    params, hint = named_parameters(net), ''
    if hasattr(loader, 'images'):  # then all shapes can be known, and compared
        size, (ctx, *_) = image_size(loader), next(iter(params.values())).list_ctx()
        net(nd.zeros((1, facts['channels'], *size), ctx, options.dtype))
        nd.waitall()
        hint = '\n  The images here have %d channel%s and %d x %d pixels' % (
            facts['channels'], 's' * (facts['channels'] > 1), *size)
    new = _new_layers(net, arrays, options, hint)
    for name in sorted(set(params) - set(new)):
        params[name].set_data(nd.array(arrays[name], dtype=params[name].dtype))
        finish_initialization(params[name])
    if not workers.rank:
        tell('starting from %s; %s' % (readable(options.start_from), (
            'new, because there are %d classes here: %s' % (facts['num_classes'], ', '.join(new))
            if new else 'it has weights for all layers, the last one too')))
    return info['sha256']


def freeze_features(net, model):
    """Freeze all layers of `net` but the last, before it is traced.

    The last are those whose shape depends on the number of classes; the others get no gradient.
    Their norms normalize by the running statistics, which stay as they are. Raises OptionError if
    there is no last layer, or running statistics would move.
    """
    last, norms = _class_axes(model), _freeze_norms(net)
    if not last:
        raise OptionError('freeze', "is 'features', but no layer of the model %s depends on the "
                          'number of classes, so there is none to train', model)
    for name, param in named_parameters(net).items():
        if name in last:
            continue
        if not (can_learn(param) or param in norms or isinstance(param, gluon.Constant)):
            raise OptionError('freeze', "is 'features', but the model %s has running statistics, "
                              '%s, in a layer that is not an nn.BatchNorm', model, name)
        if param.grad_req != 'null':
            param.grad_req, param.frozen = 'null', True


def _freeze_norms(block):
    """Have all norms in `block` use their running statistics; return their parameters, a set."""
    found = set()
    if isinstance(block, gluon.nn.BatchNorm):
        settings_of(block)['use_global_stats'] = True
        found.update(block.params.values())
    return found.union(*map(_freeze_norms, children(block).values()))


def _class_axes(model):
    """Return {name: axes} of the parameters whose shape depends on the number of classes."""
    few, more = (named_parameters(get_model(model, num_classes=n)) for n in (10, 11))
    axes = {name: {i for i, sizes in enumerate(zip(param.shape or (), more[name].shape or ()))
                   if len(set(sizes)) > 1} for name, param in few.items() if name in more}
    return {name: found for name, found in axes.items() if found}


def _new_layers(net, arrays, options, hint=''):
    """Return the names of the parameters of `net` to which `arrays` do not apply.

    They are those that depend on the number of classes, if it is another one. Raises OptionError,
    which ends with `hint`, for any other difference.
    """
    params, axes = named_parameters(net), _class_axes(options.model)
    lines, new = [], []
    for name in sorted({*params, *arrays}):
        if name not in arrays or name not in params:
            lines.append('%s is %s only' % (name, 'there' if name in arrays else 'here'))
            continue
        array, here = arrays[name], params[name].shape or arrays[name].shape
        wrong = {i for i, (a, b) in enumerate(zip(here, array.shape))
                 if a not in (0, b)}  # 0: not known before an input
        if len(here) != array.ndim or wrong - axes.get(name, set()):
            lines.append('%s has shape %s there and %s here' % (name, array.shape, here))
        elif array.dtype.kind != 'f' or not array.size or first_non_finite({name: array}):
            lines.append('%s has values there that are not finite numbers' % name)
        elif wrong:
            new.append(name)
    if lines:
        more = len(lines) - MAX_LINES
        lines[MAX_LINES:] = ['and %d more' % more] * (more > 0)
        raise OptionError('start_from', 'is %s, whose weights are not those of the model %s:\n  %s',
                          readable(options.start_from), options.model, '\n  '.join(lines) + hint)
    return sorted(axes) if new else []


def _read(path):
    """Return (arrays by name, SHA-256 of the file) of the weights at `path`; OptionError if none.

    It is the folder of a run, for its best weights, or a .safetensors or .params file.
    """
    try:
        run = read_config(path) if os.path.isdir(path) else None
        path = os.path.join(path, BEST) if run else path
        content = bytes(read_file(path, MAX_BYTES))
        if path.endswith('.safetensors'):
            arrays, info = decode_tensors(content, path, foreign=not run)
            if run and info['identity'] != run['identity']:
                raise ValueError('%s is of another run than the config.json beside it' % path)
            arrays = checkpoint_arrays(arrays) if 'step' in info else arrays
        else:
            arrays = {name: array.asnumpy() for name, array in nd.load_frombuffer(content).items()}
    except FileNotFoundError:
        raise OptionError('start_from', 'is %s, which does not exist%s', readable(path),
                          ' yet: a run has it after its first epoch' if run else '')
    except (mx.MXNetError, AttributeError):  # a list, which has no items, is arrays without names
        raise OptionError('start_from', 'is %s, but must be the folder of a run, or a .safetensors '
                          'or .params file of arrays with names', readable(path))
    except (OSError, ValueError) as error:
        raise OptionError('start_from', 'cannot be used: %s', error)
    return arrays, hashlib.sha256(content).hexdigest()
