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
    freeze_statistics,
    named_parameters,
)
from ..training.progress import tell
from .checkpoint import checkpoint_arrays
from .config import read_config
from .data import image_size
from .load import BEST, has_checkpoint
from .weights import MAX_BYTES, decode_any, decode_tensors, encode_tensors, first_non_finite

MAX_LINES = 6  # of the differences in an error


def check_start(options):
    """Raise OptionError unless a `RunOptions` can start as it says, as far as shows without data.

    The weights are read, and compared with the model; sizes that its first input tells are not.
    """
    if options.start_from is None:
        return
    arrays, _ = _read(options.start_from)
    net = get_model(options.model)
    _compare(arrays, net, options)
    if options.freeze != 'none':
        freeze_features(net, options.model)


def start_net(net, options, loader, facts, workers, folder=None, before=None):
    """Give `net`, initialized on its devices, the weights to start from; return their SHA-256.

    `loader` and `facts` are those of `load_run_data`. `before` is config.json of a run that is
    resumed in `folder`, which needs the weights only if it has no checkpoint yet. Rank 0 reads them
    for all `workers`.

    Layers whose shape depends on the number of classes keep their new values if this number is
    another one. Raises OptionError, before anything in the net has changed, for other weights.
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
    if hasattr(loader, 'images'):  # the first input tells the net its shapes
        param, size = next(iter(params.values())), image_size(loader)
        net(nd.zeros((1, facts['channels'], *size), param.list_ctx()[0], options.dtype))
        nd.waitall()
        hint = '\n  The images here have %d channel%s and %d x %d pixels' % (
            facts['channels'], 's' * (facts['channels'] > 1), *size)
    new = _compare(arrays, net, options, hint)
    for name, param in params.items():
        if name not in new:
            param.set_data(nd.array(arrays[name], dtype=param.dtype))
            finish_initialization(param)
    if not workers.rank:
        tell('starting from %s; %s' % (readable(options.start_from), (
            'new, because there are %d classes here: %s' % (facts['num_classes'], ', '.join(new))
            if new else 'it has weights for all layers, the last one too')))
    return info['sha256']


def freeze_features(net, model):
    """Freeze all layers of `net` but the last, before it is traced.

    The last are those whose shape depends on the number of classes. Others get no gradient. Their
    norms normalize by the running statistics, which stay as they are. Raises OptionError if there
    are no such layers, or one has running statistics that cannot be frozen.
    """
    last = _class_axes(model)
    if not last:
        raise OptionError('freeze', "is 'features', but no layer of the model %s depends on the "
                          'number of classes, so there is none to train', model)
    fixed = _freeze_norms(net)
    for name, param in named_parameters(net).items():
        if name in last:
            continue
        if not (can_learn(param) or param in fixed or isinstance(param, gluon.Constant)):
            raise OptionError('freeze', "is 'features', but the model %s has running statistics, "
                              '%s, in a layer that is not an nn.BatchNorm', model, name)
        if param.grad_req != 'null':
            param.grad_req, param.frozen = 'null', True


def _freeze_norms(block):
    """Have all norms in `block` use their running statistics; return their parameters, a set."""
    fixed = set(block.params.values()) if freeze_statistics(block) else set()
    return fixed.union(*map(_freeze_norms, children(block).values()))


def _class_axes(model):
    """Return a dict: the parameters whose shape depends on the number of classes -> those axes."""
    few, more = (named_parameters(get_model(model, num_classes=n)) for n in (10, 11))
    axes = {name: [i for i, (a, b) in enumerate(zip(param.shape or (), more[name].shape or ()))
                   if a != b] for name, param in few.items() if name in more}
    return {name: found for name, found in axes.items() if found}


def _compare(arrays, net, options, hint=''):
    """Return the names of the parameters that stay new because of the number of classes.

    Raises OptionError if `arrays` differ from the parameters of `net` in anything else.
    """
    params, axes = named_parameters(net), _class_axes(options.model)
    lines, new = [], []
    for name in sorted({*params, *arrays}):
        if name not in arrays or name not in params:
            lines.append('%s is %s only' % (name, 'there' if name in arrays else 'here'))
            continue
        shape, here = arrays[name].shape, params[name].shape
        here = shape if here is None else here  # 0 in a shape: not known before an input
        wrong = [i for i, (a, b) in enumerate(zip(here, shape)) if a not in (0, b)]
        if len(here) != len(shape) or set(wrong) - set(axes.get(name, ())):
            lines.append('%s has shape %s there and %s here' % (name, shape, here))
        elif arrays[name].dtype.kind != 'f' or not arrays[name].size:
            lines.append('%s is %s of shape %s there' % (name, arrays[name].dtype, shape))
        elif wrong:
            new.append(name)
    bad = first_non_finite({} if lines else arrays)
    if bad:
        lines.append('%s is not finite there' % bad)
    if lines:
        if len(lines) > MAX_LINES:
            lines[MAX_LINES:] = ['and %d more' % (len(lines) - MAX_LINES)]
        raise OptionError('start_from', 'is %s, whose weights are not those of the model %s:\n  %s',
                          readable(options.start_from), options.model, '\n  '.join(lines) + hint)
    return sorted(axes) if new else []


def _read(path):
    """Return (arrays, SHA-256 of the file) of the weights at `path`, arrays by name.

    It is the folder of a run, for its best weights, or a .safetensors or .params file. Raises
    OptionError.
    """
    try:
        run = read_config(path) if os.path.isdir(path) else None
        if run and not os.path.exists(os.path.join(path, BEST)):
            raise ValueError('the run has no best weights yet: they are there after an epoch')
        path = os.path.join(path, BEST) if run else path
        content = bytes(read_file(path, MAX_BYTES))
        if not path.endswith('.safetensors'):
            found = nd.load_frombuffer(content)
            if not isinstance(found, dict):
                raise ValueError('its arrays have no names')
            arrays = {name: array.asnumpy() for name, array in found.items()}
        else:
            arrays, info = decode_any(content, path)
            if run and info.get('identity') != run['identity']:
                raise ValueError('%s is of another run than the config.json beside it' % path)
            arrays = checkpoint_arrays(arrays) if 'step' in info else arrays
    except FileNotFoundError:
        raise OptionError('start_from', 'is %s, which does not exist', readable(path))
    except mx.MXNetError:
        raise OptionError('start_from', 'is %s, but must be the folder of a run, a .safetensors '
                          'file or a .params file', readable(path))
    except (OSError, ValueError) as error:
        raise OptionError('start_from', 'cannot be used: %s', error)
    return arrays, hashlib.sha256(content).hexdigest()
