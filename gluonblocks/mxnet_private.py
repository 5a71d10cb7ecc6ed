"""Functions that use MXNet's private names; tested with MXNet 1.7.0, 1.8.0, 1.9.0 and 1.9.1.

Other modules use MXNet's private methods only to override them or to call them on `self`.
"""
import ctypes

import mxnet as mx
import numpy as np
from mxnet import base


def set_traced(block, symbol):
    """Store a graph with input 'data' in a block, in the form Gluon and mx.contrib.amp expect."""
    block._cached_graph = (mx.sym.var('data'),), symbol
    outputs = len(symbol.list_outputs())
    block._in_format, block._out_format = [0], outputs if outputs > 1 else 0  # Gluon's convention


def is_hybridized(block):
    """Return True if `block.hybridize()` is in effect."""
    return getattr(block, '_active', False)


def set_hybridized(block, active):
    """Make a block run its cached graph if `active` is True, otherwise its layers one by one.

    Unlike `hybridize`, this keeps the cached graph.
    """
    block._active = active


def flags_of(block):
    """Return the options of `hybridize` in `CachedOp`'s format: [(name, value), ...]."""
    return list(block._flags)


def needs_gluon(block):
    """Return True if only Gluon's own code can run `block`, because it has an `optimize_for` back
    end or an operator hook."""
    return bool(block._backend or block._callback)


def children(block):
    """Return the block's own dict of layers, {name: layer}, not a copy."""
    return block._children


def settings_of(norm):
    """Return the settings of an `nn.BatchNorm`: {'eps': 1e-05, 'momentum': 0.9, ...}."""
    return norm._kwargs


def input_channels(conv):
    """Return the number of input channels of a convolution, or 0 if it is not known yet."""
    return conv.weight.shape[1] * conv._kwargs['num_group']


def loader_of(data_iter):
    """Return the Gluon DataLoader that an `mx.contrib.io.DataLoaderIter` reads."""
    return data_iter._loader


def sparse_label_of(loss):
    """Return the `sparse_label` of a softmax cross-entropy loss, or None for other losses."""
    return getattr(loss, '_sparse_label', None)


def named_parameters(block):
    """Return {name: parameter}, with the names that `save_parameters` uses, such as '0.weight'."""
    return block._collect_params_with_prefix()


def is_initialized(param):
    """Return True if the arrays of `param` exist; they are created once its shape is known."""
    return param._data is not None


def array_on(param, ctx):
    """Return a parameter's array on `ctx`, or its only array if it has just one.

    For a single array, this is ten times as fast as `param.data`.
    """
    arrays = param._data
    return arrays[0] if arrays and len(arrays) == 1 else param.data(ctx)


def is_deferred(param):
    """Return True if `param` will be initialized as soon as its shape is known."""
    return bool(param._deferred_init)


def finish_initialization(param):
    """Complete the deferred initialization of a parameter, whose shape must now be known."""
    param._finish_deferred_init()


def load_into(param, array, ctx, cast_dtype, dtype_source):
    """Set the value of a parameter, initialized or not, as `load_parameters` does."""
    param._load_init(array, ctx, cast_dtype=cast_dtype, dtype_source=dtype_source)


def forget_channels(param):
    """Let a convolution infer its input channels from the first batch; `param` is its weight."""
    param._shape = (param.shape[0], 0) + param.shape[2:]


def is_dense(param):
    """Return True unless a parameter or its gradient is stored in a sparse format."""
    return param._stype == param._grad_stype == 'default'


def can_learn(param):
    """Return False for a parameter that never gets a gradient, such as a running mean."""
    return param._differentiable


def averaged(param):
    """Return the mean of a parameter across its devices, as an array on the CPU."""
    return param._reduce()


def shared(params, name):
    """Return the parameter `name` from the ParameterDict `params` or its `shared` dict, or None if
    neither contains it."""
    return params._get_impl(name)


def memory_of(array):
    """Return a NumPy array that shares the memory of `array`, a new NDArray on the CPU.

    Use the result only while `array` exists, and before MXNet uses it.
    """
    size = array.size * np.dtype(array.dtype).itemsize
    memory = (ctypes.c_char * size).from_address(_address(array))
    return np.frombuffer(memory, array.dtype).reshape(array.shape)


def _address(array):
    """Return the address of an array's values; first convert them to MXNet's own layout."""
    address = ctypes.c_void_p()
    base.check_call(base._LIB.MXNDArrayGetData(array.handle, ctypes.byref(address)))
    return address.value


def restore_layouts(params):
    """Convert the weights of 2D convolutions on the CPU from oneDNN's layouts to MXNet's own.

    In predictions, MXNet leaves them in oneDNN's layouts.
    """
    mx.nd.waitall()  # a running prediction could convert a weight while its address is read
    for param in params:
        for array in param._data or ():
            if array.ndim == 4 and array.context.device_type == 'cpu':
                _address(array)


def load_library(path):
    """Load an operator library without creating Python functions for its operators.

    `mx.library.load` would spend half a second recreating the functions of all MXNet operators.
    """
    base.check_call(base._LIB.MXLoadLib(path, 0))


def is_numpy_symbol(value):
    """Return True if `value` is a symbol of mx.np."""
    return isinstance(value, mx.sym.np._Symbol)


def openmp_threads():
    """Return MXNet's OpenMP thread count. Raises AttributeError if MXNet lacks OpenMP."""
    return base._LIB.omp_get_max_threads()


def trainer_devices(trainer):
    """Return the devices on which a Trainer updates weights."""
    return trainer._contexts


def updater_of(trainer, param):
    """Return (index, updaters): the index of `param` in `trainer`, and one updater per device."""
    return trainer._param2idx[param.name], trainer._updaters


def update_count(optimizer, device_id, index):
    """Return the number of times a parameter was updated on a device, or None if unknown."""
    return optimizer._all_index_update_counts.get(device_id, {}).get(index)


def set_update_count(optimizer, device_id, index, count):
    """Set the number of updates of a parameter on a device, which `update_count` returns."""
    optimizer._set_current_context(device_id)
    optimizer._index_update_count[index] = count
