"""A PyTorch state dict into a Gluon net of the same architecture."""
import os

import mxnet as mx
import numpy as np
from mxnet import nd
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from ..files import read_file
from ..mxnet_private import finish_initialization, is_deferred, is_initialized
from ..runs.tensors import MAX_BYTES
from ..runs.weights import first_non_finite
from .graph import prediction_layers
from .torch_graph import read_structure
from .torch_match import check_channels, match_layers


def load_torch(net, file):
    """Give the Gluon block `net` the weights of a PyTorch net of the same architecture.

    `file` is a state dict: .safetensors, or .pt and .pth, which PyTorch reads, with
    weights_only=True, so that nothing in it runs. The net may be initialized or not.

    The layers are found by name where the names are those of an export's model.py, and otherwise
    by order: convolutions, linear layers and batch norms, each kind as the net's graph has them,
    and as the file has them, or by its names where the file has no order. All shapes have to fit.
    Where two ways fit, names like conv1 and bn1, or downsample.0 and .1, tell which layers belong
    together. num_batches_tracked is left out, for nothing here counts batches.

    Raises ValueError, with the tensor, for a file of another architecture, for numbers that are
    not finite, and where the order cannot be told; OSError for a file that cannot be read. The net
    is then as it was. ImportError for .pt where PyTorch is missing.
    """
    arrays, ordered = read_state_dict(file)
    structure = read_structure(prediction_layers(net))
    params = {param.name: param for param in net.collect_params().values()}
    names = match_layers(structure, arrays, {name: _wanted(params[name], structure)
                                             for name in _layer_params(structure)},
                         list(params), ordered)
    broken = first_non_finite(arrays)
    if broken:
        raise ValueError('%s: %s holds numbers that are not finite, and no net predicts with those'
                         % (file, broken))
    for node in structure.nodes:
        if 'weight' in node.fixed and (arrays[names[node.params[0]]] != 1).any():
            raise ValueError('%s: %s is not one, but the net fixes gamma at one there '
                             '(scale=False): build the net with scale=True'
                             % (file, names[node.params[0]]))
    check_channels(structure, arrays, names)
    for name, theirs in names.items():
        _set(params[name], arrays[theirs])


def read_state_dict(file):
    """(arrays, ordered): the tensors of a state dict as float32 by name, and whether they come in
    the order in which PyTorch's net has them."""
    file = os.fspath(file)
    kind = os.path.splitext(file)[1]
    if kind == '.safetensors':
        try:
            tensors = safetensors.load(read_file(file, MAX_BYTES))
        except (SafetensorError, TypeError, KeyError, ValueError) as error:
            raise ValueError('%s: not a file of tensors that NumPy has: %s'
                             % (file, error)) from error
    elif kind in ('.pt', '.pth'):
        tensors = _read_pt(file)
    else:
        raise ValueError('%s ends in %r, but state dicts are .safetensors, .pt or .pth'
                         % (file, kind))
    tensors = {name: array for name, array in tensors.items()
               if name.rsplit('.', 1)[-1] != 'num_batches_tracked'}
    if tensors and all(name.startswith('module.') for name in tensors):  # of a DataParallel
        tensors = {name[len('module.'):]: array for name, array in tensors.items()}
    for name, array in tensors.items():
        if array.dtype.kind != 'f' or not array.size:
            raise ValueError('%s: %s is %s of shape %s, but weights are floating-point numbers'
                             % (file, name, array.dtype, array.shape))
    return ({name: array.astype('float32', copy=False) for name, array in tensors.items()},
            kind != '.safetensors')


def _read_pt(file):
    try:
        import torch
    except ImportError as error:
        raise ImportError("PyTorch is not installed, which reads %s. Install it with\n"
                          "  pip install 'gluonblocks[torch]'\nor write the state dict with "
                          "safetensors.torch.save_file" % file) from error
    if tuple(int(n) for n in torch.__version__.split('.')[:2]) < (2, 6):
        raise ValueError('PyTorch %s may run code that is in %s, even if asked for weights only '
                         '(CVE-2025-32434): take 2.6 or later, or write the state dict with '
                         'safetensors.torch.save_file' % (torch.__version__, file))
    try:
        held = torch.load(file, map_location='cpu', weights_only=True)
    except OSError:
        raise
    except Exception as error:  # of many kinds
        reason = str(error).strip().split('\n')[0]
        raise ValueError('%s: not a state dict of tensors alone, which is what is read: %s'
                         % (file, reason)) from error
    if isinstance(held, dict) and isinstance(held.get('state_dict'), dict):
        held = held['state_dict']
    if not isinstance(held, dict) or not all(
            isinstance(tensor, torch.Tensor) for tensor in held.values()):
        raise ValueError('%s: not a state dict, names with tensors: save net.state_dict()' % file)
    return {str(name): (tensor.float() if tensor.is_floating_point() else tensor).numpy()
            for name, tensor in held.items()}


def _layer_params(structure):
    return [param for node in structure.nodes for param in node.roles.values()]


def _wanted(param, structure):
    """The shape that PyTorch's tensor has to have, 0 for what is not known, or None."""
    if param.shape is None:
        return None
    norms = {name for node in structure.nodes if node.kind == 'bn' for name in node.params}
    if param.name in norms:  # ours are (1, C, 1, 1)
        return (int(np.prod(param.shape)),)
    return tuple(param.shape)


def _set(param, array):
    shape = tuple(param.shape or array.shape)
    unknown = len(shape) != array.ndim
    param.shape = shape if unknown else array.shape
    if not is_initialized(param) and not is_deferred(param):
        param.initialize(default_init=mx.init.Zero())
    param.set_data(nd.array(array.reshape(param.shape), dtype=param.dtype))
    if is_deferred(param):
        finish_initialization(param)
