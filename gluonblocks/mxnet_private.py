"""Every private name of MXNet that the package uses, tried on 1.7.0, 1.8.0, 1.9.0 and 1.9.1.

Methods that our classes override, or call on themselves, stand in the classes.
"""
import mxnet as mx
from mxnet import base


def set_traced(block, symbol):
    """Keep the traced graph where Gluon and mx.contrib.amp look for it; its input is 'data'."""
    block._cached_graph = (mx.sym.var('data'),), symbol
    outputs = len(symbol.list_outputs())
    block._in_format, block._out_format = [0], outputs if outputs > 1 else 0  # as Gluon counts them


def is_hybridized(block):
    """Return True after `block.hybridize()`."""
    return getattr(block, '_active', False)


def set_hybridized(block, active):
    """Make a block run its graph or its layers, and keep the graph, which `hybridize` drops."""
    block._active = active


def flags_of(block):
    """The options of `hybridize` as `CachedOp` takes them: [(name, value), ...]."""
    return list(block._flags)


def runs_by_gluon(block):
    """Return True if a back end of `optimize_for`, or an operator hook, needs Gluon's own call."""
    return bool(block._backend or block._callback)


def children(block):
    """The layers of `block` by name: the dict itself."""
    return block._children


def settings_of(norm):
    """The settings of an `nn.BatchNorm` by name: 'eps', 'momentum', ..."""
    return norm._kwargs


def sparse_label_of(loss):
    """True or False for Gluon's softmax cross-entropy of labels or probabilities, else None."""
    return getattr(loss, '_sparse_label', None)


def named_parameters(block):
    """The parameters by the names that `save_parameters` gives them: '0.weight', ..."""
    return block._collect_params_with_prefix()


def is_initialized(param):
    """Return True if `param` holds arrays; False, too, while its shape is still to be inferred."""
    return param._data is not None


def is_deferred(param):
    """Return True if `initialize` was called and the shape is still to be inferred."""
    return bool(param._deferred_init)


def finish_initialization(param):
    """Make the arrays of a parameter whose shape has become known."""
    param._finish_deferred_init()


def load_into(param, array, ctx, cast_dtype, dtype_source):
    """Give a parameter, initialized or not, its value, as `load_parameters` does."""
    param._load_init(array, ctx, cast_dtype=cast_dtype, dtype_source=dtype_source)


def forget_channels(param):
    """Let the first input tell the input channels of a convolution's weight."""
    param._shape = (param.shape[0], 0) + param.shape[2:]


def is_dense(param):
    """Return True unless the weight or its gradient is stored sparsely."""
    return param._stype == param._grad_stype == 'default'


def can_learn(param):
    """Return False for a parameter that no gradient ever reaches, such as a running mean."""
    return param._differentiable


def averaged(param):
    """The parameter as one array on the CPU, the mean over its devices."""
    return param._reduce()


def shared(params, name):
    """The parameter `name` of a ParameterDict, or of one that it shares, or None."""
    return params._get_impl(name)


def load_library(path):
    """Load a library of operators, without listing MXNet's operators again for Python.

    `mx.library.load` does list them, which takes half a second.
    """
    base.check_call(base._LIB.MXLoadLib(path, 0))


def is_numpy_symbol(value):
    """Return True for a symbol of mx.np."""
    return isinstance(value, mx.sym.np._Symbol)


def openmp_threads():
    """The threads of the OpenMP library that MXNet is linked with; AttributeError without one."""
    return base._LIB.omp_get_max_threads()


def trainer_devices(trainer):
    """The devices that a Trainer updates weights on."""
    return trainer._contexts


def updater_of(trainer, param):
    """(the index of a parameter in a Trainer, the updaters of its devices)."""
    return trainer._param2idx[param.name], trainer._updaters


def update_count(optimizer, device_id, index):
    """How often the parameter of this index was updated on a device, or None."""
    return optimizer._all_index_update_counts.get(device_id, {}).get(index)


def set_update_count(optimizer, device_id, index, count):
    """Set what `update_count` returns."""
    optimizer._set_current_context(device_id)
    optimizer._index_update_count[index] = count
