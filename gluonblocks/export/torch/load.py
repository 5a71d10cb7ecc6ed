"""Load a PyTorch state dict into a Gluon net of the same architecture."""
import os
import re

import mxnet as mx
import numpy as np
from mxnet import nd
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from ...files import read_file
from ...mxnet_private import finish_initialization, is_deferred, is_initialized
from ...runs.weights import MAX_BYTES, first_non_finite
from ..graph import prediction_layers
from .structure import read_structure

# Running statistics identify batch norms; the weight's rank determines the kind of other layers.
_LAYERS = {4: 'convolution', 2: 'linear layer', 1: 'PReLU or norm', 'bn': 'batch norm'}
_RANKS = {'conv': 4, 'deconv': 4, 'fc': 2, 'embedding': 2, 'prelu': 1, 'norm': 1, 'bn': 'bn'}


def load_torch(net, file):
    """Load the weights of a PyTorch net into the Gluon block `net` of the same architecture.

    `file` is the path of a state dict: .safetensors, .pt or .pth. PyTorch reads the last two with
    weights_only=True, so that no code in the file runs. The net need not be initialized.

    Layers are matched by name if the tensors are named as in an exported model.py. Otherwise, the
    layers of each kind (convolution, linear layer, batch norm, other) are matched by order: the
    net's layers in graph order or in the order of their registration in Gluon, and the file's
    layers in file order or sorted by name. All combinations are tried, and all known shapes must
    match. num_batches_tracked is ignored, because Gluon does not count batches.

    Raises ValueError, which names the tensor, if the architectures differ, if a weight is NaN or
    infinite, or if the layers can be matched in several orders; OSError for an unreadable file;
    ImportError if PyTorch is needed but missing. After an error, the net is unchanged.
    """
    arrays = read_state_dict(file)
    structure = read_structure(prediction_layers(net))
    params = {param.name: param for param in net.collect_params().values()}
    names = {param: name for name, param in structure.tensors().items()}
    if set(names.values()) == set(arrays):
        _check_shapes(structure, arrays, names, params)
    else:
        names = _match(structure, arrays, params)
    broken = first_non_finite(arrays)
    if broken:
        raise ValueError('%s: expected finite weights, but %s contains NaN or infinity'
                         % (file, broken))
    for node in structure.nodes:
        if 'weight' in node.fixed and (arrays[names[node.params[0]]] != 1).any():
            raise ValueError('%s: expected all values of %s to be 1, because this layer of the net '
                             'has scale=False: build the net with scale=True'
                             % (file, names[node.params[0]]))
    for name, theirs in names.items():
        _set(params[name], arrays[theirs])


def read_state_dict(file):
    """Return {name: float32 array}, in file order (.pt, .pth) or sorted by name (.safetensors)."""
    file = os.fspath(file)
    kind = os.path.splitext(file)[1]
    if kind == '.safetensors':
        try:
            tensors = safetensors.load(read_file(file, MAX_BYTES))
        except (SafetensorError, TypeError, KeyError, ValueError) as error:
            raise ValueError('%s: expected a .safetensors file with dtypes that NumPy supports; '
                             'reading it failed: %s' % (file, error)) from error
        # A .safetensors file does not preserve the order of the net's tensors, so sort by name.
        tensors = dict(sorted(tensors.items(), key=lambda item: _natural(item[0])))
    elif kind in ('.pt', '.pth'):
        tensors = _read_pt(file)
    else:
        raise ValueError('%s: expected a file name ending in .safetensors, .pt or .pth, got %r'
                         % (file, kind))
    tensors = {name: array for name, array in tensors.items()
               if name.rsplit('.', 1)[-1] != 'num_batches_tracked'}
    if tensors and all(name.startswith('module.') for name in tensors):  # from DataParallel
        tensors = {name[len('module.'):]: array for name, array in tensors.items()}
    for name, array in tensors.items():
        if array.dtype.kind != 'f' or not array.size:
            raise ValueError('%s: expected non-empty tensors of floating-point values, but %s is '
                             '%s of shape %s' % (file, name, array.dtype, array.shape))
    return {name: array.astype('float32', copy=False) for name, array in tensors.items()}


def _read_pt(file):
    try:
        import torch
    except ImportError as error:
        raise ImportError("reading %s needs PyTorch, which is not installed. Install it with\n"
                          "  pip install 'gluonblocks[torch]'\nor save the state dict with "
                          "safetensors.torch.save_file" % file) from error
    if tuple(int(n) for n in torch.__version__.split('.')[:2]) < (2, 6):
        raise ValueError('PyTorch %s may run code in %s even with weights_only=True '
                         '(CVE-2025-32434): install 2.6 or later, or save the state dict with '
                         'safetensors.torch.save_file' % (torch.__version__, file))
    try:
        loaded = torch.load(file, map_location='cpu', weights_only=True)
    except OSError:
        raise
    except Exception as error:  # torch.load raises exceptions of many classes
        reason = str(error).strip().split('\n')[0]
        raise ValueError('%s: expected a state dict that contains only tensors; '
                         'PyTorch reported: %s' % (file, reason)) from error
    if isinstance(loaded, dict) and isinstance(loaded.get('state_dict'), dict):
        loaded = loaded['state_dict']
    if not isinstance(loaded, dict) or not all(
            isinstance(tensor, torch.Tensor) for tensor in loaded.values()):
        raise ValueError('%s: expected a dict {name: tensor} from net.state_dict()' % file)
    return {str(name): (tensor.float() if tensor.is_floating_point() else tensor).numpy()
            for name, tensor in loaded.items()}


def _match(structure, arrays, params):
    """Match parameters to tensors by order and shape; return {parameter: tensor name}."""
    modules = {}
    for name, array in arrays.items():
        module, _, role = name.rpartition('.')
        modules.setdefault(module, {})[role] = array.shape
    for module, roles in modules.items():
        if _kind(roles) not in _LAYERS:
            raise ValueError('expected only these kinds of layers: %s; found %s with %s'
                             % (', '.join(_LAYERS.values()), module or 'a layer', ', '.join(
                                 '%s of shape %s' % role for role in sorted(roles.items()))))
    layers = list({node.params[0]: node for node in structure.nodes if node.kind}.values())
    rank = {name: i for i, name in enumerate(params)}
    fitting, first = [], None
    for file_order in (list(modules), sorted(modules, key=_natural)):
        for net_order in (layers, sorted(layers, key=lambda node: rank[node.params[0]])):
            try:
                names = _pair_up(net_order, file_order, modules)
                _check_shapes(structure, arrays, names, params)
            except ValueError as error:
                first = first or error
                continue
            if names not in fitting:
                fitting.append(names)
    if not fitting:
        raise first
    if len(fitting) > 1:
        param = next(name for name in fitting[0] if fitting[0][name] != fitting[1][name])
        raise ValueError('the layers can be matched in several orders: %s could be %s or %s. '
                         'Export this net to PyTorch with export_net, and rename the tensors to '
                         'match those of the exported model.py'
                         % (param, fitting[0][param], fitting[1][param]))
    return fitting[0]


def _natural(name):
    """Return a key for natural sorting, which puts layer2 before layer10."""
    return [(int(part), '') if part.isdigit() else (-1, part)
            for part in re.findall(r'\d+|\D+', name)]


def _pair_up(net_order, file_order, modules):
    """Pair layers of the net with modules in the file; return {parameter name: tensor name}.

    The first convolution in `net_order` is paired with the first convolution in `file_order`, and
    so on. Every other kind of layer is paired in the same way.
    """
    ours = [_RANKS.get(node.kind) for node in net_order]
    theirs = [_kind(modules[name]) for name in file_order]
    names = {}
    for kind, words in _LAYERS.items():
        if ours.count(kind) != theirs.count(kind):
            raise ValueError('the file is from another net: expected %d layers of the kind %s, '
                             'found %d' % (ours.count(kind), words, theirs.count(kind)))
        for node, module in zip([node for node, other in zip(net_order, ours) if other == kind],
                                [name for name, other in zip(file_order, theirs) if other == kind]):
            only = sorted(set(node.roles) ^ set(modules[module]))
            if only:
                raise ValueError(
                    '%s.%s exists only in the %s; layer %s of the net has %s' % (
                        module, only[0], 'net' if only[0] in node.roles else 'file', node.name,
                        ' and '.join(sorted(node.roles))))
            names.update((param, '%s.%s' % (module, role)) for role, param in node.roles.items())
    return names


def _kind(shapes):
    """Return the kind of a PyTorch module: a key of `_LAYERS`, or another value if unsupported.

    `shapes` maps the roles of its tensors, such as 'weight', to their shapes.
    """
    rest = set(shapes) - {'weight', 'bias'}
    if rest or 'weight' not in shapes:
        return 'bn' if rest == {'running_mean', 'running_var'} else None
    return len(shapes['weight'])


def _check_shapes(structure, arrays, names, params):
    """Raise ValueError unless each parameter has the same shape as its tensor in the file.

    In a parameter's shape, 0 stands for an unknown size, so it matches any size.
    """
    norms = {name for node in structure.nodes if node.kind == 'bn' for name in node.params}
    for param, name in names.items():
        shape, found = params[param].shape, arrays[name].shape
        if shape is not None and param in norms:  # gluonblocks' own batch norms use (1, C, 1, 1)
            shape = (int(np.prod(shape)),)
        if shape is not None and (len(shape) != len(found) or any(
                a not in (0, b) for a, b in zip(shape, found))):
            raise ValueError('the file is from another net: expected a tensor of shape %s for %s '
                             'of this net, found %s of shape %s'
                             % (tuple(shape), param, name, found))


def _set(param, array):
    shape = tuple(param.shape or array.shape)
    param.shape = shape if len(shape) != array.ndim else array.shape
    if not is_initialized(param) and not is_deferred(param):
        param.initialize(default_init=mx.init.Zero())
    param.set_data(nd.array(array.reshape(param.shape), dtype=param.dtype))
    if is_deferred(param):
        finish_initialization(param)
