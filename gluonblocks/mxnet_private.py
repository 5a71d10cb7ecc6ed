"""Access to private names of MXNet, tested on versions 1.7.0, 1.8.0, 1.9.0 and 1.9.1.

Other files use only the private methods that our classes override or call on themselves.
"""
import mxnet as mx
from mxnet import base


def set_traced(block, symbol):
    """Store the traced graph where Gluon and mx.contrib.amp look for it; its input is 'data'."""
    block._cached_graph = (mx.sym.var('data'),), symbol
    outputs = len(symbol.list_outputs())
    block._in_format, block._out_format = [0], outputs if outputs > 1 else 0  # Gluon's convention


def is_hybridized(block):
    """Return True if `block.hybridize()` is in effect."""
    return getattr(block, '_active', False)


def set_hybridized(block, active):
    """Make a block run its graph, or else its layers. Unlike `hybridize`, this keeps the graph."""
    block._active = active


def flags_of(block):
    """Return the options of `hybridize` in `CachedOp`'s format: [(name, value), ...]."""
    return list(block._flags)


def needs_gluon(block):
    """Return True if Gluon must run `block`, because of an `optimize_for` back end or a hook."""
    return bool(block._backend or block._callback)


def children(block):
    """Return the dict {name: layer} of `block` itself, not a copy."""
    return block._children


def settings_of(norm):
    """Return the settings of an `nn.BatchNorm` by name: 'eps', 'momentum', ..."""
    return norm._kwargs


def sparse_label_of(loss):
    """Return True if a softmax cross-entropy expects integer labels; None for other losses."""
    return getattr(loss, '_sparse_label', None)


def named_parameters(block):
    """Return the parameters by their names in `save_parameters`: '0.weight', ..."""
    return block._collect_params_with_prefix()


def is_initialized(param):
    """Return True if `param` has arrays. They are created when its shape is known."""
    return param._data is not None


def array_on(param, ctx):
    """Return a parameter's array on `ctx`, or its only array: ten times as fast as `data`."""
    arrays = param._data
    return arrays[0] if arrays and len(arrays) == 1 else param.data(ctx)


def is_deferred(param):
    """Return True if `initialize` was called but the shape is not known yet."""
    return bool(param._deferred_init)


def finish_initialization(param):
    """Create the arrays of a parameter whose shape has become known."""
    param._finish_deferred_init()


def load_into(param, array, ctx, cast_dtype, dtype_source):
    """Set the value of a parameter, initialized or not, as `load_parameters` does."""
    param._load_init(array, ctx, cast_dtype=cast_dtype, dtype_source=dtype_source)


def forget_channels(param):
    """Let a convolution's weight infer its input channels from the first input."""
    param._shape = (param.shape[0], 0) + param.shape[2:]


def is_dense(param):
    """Return True unless the weight or its gradient is sparse."""
    return param._stype == param._grad_stype == 'default'


def can_learn(param):
    """Return False for a parameter that never gets a gradient, such as a running mean."""
    return param._differentiable


def averaged(param):
    """Return the mean of a parameter over its devices, as an array on the CPU."""
    return param._reduce()


def shared(params, name):
    """Return the parameter `name` of a ParameterDict or of the dict it shares, or None."""
    return params._get_impl(name)


def load_library(path):
    """Load a library of operators without creating Python functions for them.

    `mx.library.load` would create the functions of all MXNet operators again, which takes half a
    second.
    """
    base.check_call(base._LIB.MXLoadLib(path, 0))


def is_numpy_symbol(value):
    """Return True if `value` is a symbol of mx.np."""
    return isinstance(value, mx.sym.np._Symbol)


def openmp_threads():
    """Return the number of threads of MXNet's OpenMP library; AttributeError if it has none."""
    return base._LIB.omp_get_max_threads()


def trainer_devices(trainer):
    """Return the devices on which a Trainer updates weights."""
    return trainer._contexts


def updater_of(trainer, param):
    """Return (index of a parameter in a Trainer, the updaters of the Trainer's devices)."""
    return trainer._param2idx[param.name], trainer._updaters


def update_count(optimizer, device_id, index):
    """Return how often the parameter with this index was updated on a device, or None."""
    return optimizer._all_index_update_counts.get(device_id, {}).get(index)


def set_update_count(optimizer, device_id, index, count):
    """Set the count that `update_count` returns."""
    optimizer._set_current_context(device_id)
    optimizer._index_update_count[index] = count
