"""Every private name of MXNet that the package uses, tried on 1.7.0, 1.8.0, 1.9.0 and 1.9.1.

Methods that our classes override stand in the classes, each with a comment.
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


def flags_of(block):
    """The options of `hybridize` as `CachedOp` takes them: [(name, value), ...]."""
    return list(block._flags)


def runs_by_gluon(block):
    """Return True if a back end of `optimize_for`, or an operator hook, needs Gluon's own call."""
    return bool(block._backend or block._callback)


def children(block):
    """The layers of `block` by name: the dict itself."""
    return block._children


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
