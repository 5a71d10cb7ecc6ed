"""Trace a net to a float32 inference graph, from which every format is exported."""
import mxnet as mx
import numpy as np
from mxnet import autograd

from ..graphs.graph import Graph, Node
from ..mxnet_private import averaged, can_learn, is_initialized

# Operators that return their first input unchanged at inference, including some losses.
_IDENTITIES = ('BlockGrad', 'IdentityAttachKLSparseReg', 'LinearRegressionOutput',
               'MAERegressionOutput', 'MakeLoss', 'SVMOutput', '_CrossDeviceCopy',
               '_contrib_gradientmultiplier', '_copy', '_copyto', '_identity_with_attr_like_rhs',
               'make_loss')
_NORM = ('gamma', 'beta', 'moving_mean', 'moving_var')  # BatchNorm's inputs after the first


def prediction_symbol(net, inputs=('data',)):
    """Return (symbol, params), the inference graph of a Gluon net and its parameters by name.

    `inputs` lists the names of the graph's inputs. All batch norms in the graph have parameters of
    shape (C,) and use gamma, which is 1 for `nn.BatchNorm(scale=False)`. Nodes that have no effect
    at inference, such as Dropout, are removed, and node names are unique. The graph computes in
    float32 even if the net uses float16. `params` contains NumPy arrays. The net is not changed.

    Raises RuntimeError if the net is not initialized, and ValueError if it cannot be traced to a
    graph or if its outputs would be random.
    """
    mx.nd.waitall()  # MXNet updates running statistics asynchronously
    try:
        symbol = _trace(net, inputs)
    except RuntimeError:  # includes MXNet's own errors; raise them unchanged
        raise
    except Exception as error:  # a block that does not accept symbols may raise anything
        raise ValueError('%s: expected a net of hybrid blocks that takes %d input%s and returns '
                         'arrays, but tracing it to a graph failed: %s' % (
                             net.name, len(inputs), 's' * (len(inputs) > 1), error)) from error
    found = {param.name: param for param in net.collect_params().values()}
    names = [name for name in symbol.list_inputs() if name not in inputs]
    for name in names:
        if name not in found or not is_initialized(found[name]):
            raise RuntimeError('%s is not initialized: call %s.initialize() and run one batch '
                               'through it' % (name, net.name))
    params = {name: averaged(found[name]).asnumpy() for name in names}
    params = {name: array.astype('float32', copy=False) if array.dtype.kind == 'f' else array
              for name, array in params.items()}
    symbol = plain_symbol(symbol, params, _untrained(net))
    for node in Graph(symbol).nodes:
        if node.op == 'Dropout':
            raise ValueError("%s would return random outputs: %s is a Dropout with mode='always', "
                             "which is also active at inference" % (net.name, node.name))
    return symbol, params


def prediction_layers(net):
    """Return the same symbol as `prediction_symbol`, even if `net` is not initialized."""
    return plain_symbol(_trace(net, ('data',)), {}, _untrained(net))


def _trace(net, inputs):
    with autograd.pause(train_mode=False):
        outputs = net(*map(mx.sym.var, inputs))
    outputs = flat(outputs)
    if not all(isinstance(output, mx.sym.Symbol) for output in outputs):
        raise TypeError('%s returns %s' % (net.name, ', '.join(
            type(output).__name__ for output in outputs)))
    return outputs[0] if len(outputs) == 1 else mx.sym.Group(outputs)


def flat(outputs):
    """Flatten nested lists and tuples of symbols or arrays into one list, dropping None."""
    if not isinstance(outputs, (list, tuple)):
        return [] if outputs is None else [outputs]
    return [each for output in outputs for each in flat(output)]


def _untrained(net):
    """Return the names of the parameters of `net` that are never trained."""
    return {param.name for param in net.collect_params().values() if not can_learn(param)}


def compute_in(dtype, graph):
    """Make all floating-point nodes of a `Graph` use `dtype`; return True if one used float16."""
    found = False
    for node in graph.nodes:
        node.attrs.pop('__dtype__', None)
        if node.attrs.get('dtype') in ('float16', 'float32', 'float64'):
            found = found or node.attrs['dtype'] == 'float16'
            node.attrs['dtype'] = dtype
    return found


def replace_losses(graph):
    """Replace each loss in a `Graph` with its prediction, which does not need a label.

    `SoftmaxOutput` is replaced with a softmax, `LogisticRegressionOutput` with a sigmoid, and any
    other loss with its input. The attribute `__flat__` tells `flatten_softmax` that a softmax
    normalizes over all axes except the batch axis.
    """
    for node in graph.nodes:
        if node.op in _IDENTITIES:
            graph.replace(node, node.inputs[0])
        elif node.op in ('SoftmaxOutput', 'Softmax'):
            axis = 1 if node.flag('multi_output') else -1
            graph.replace(node, Node('softmax', node.name, node.inputs[:1], {
                'axis': axis, '__flat__': axis < 0 and not node.flag('preserve_shape')}).entry())
        elif node.op == 'LogisticRegressionOutput':
            graph.replace(node, Node('sigmoid', node.name, node.inputs[:1]).entry())


def plain_symbol(symbol, params, untrained=()):
    """Return the symbol in float32, without losses, amp casts or Dropout, with unique node names.

    `params` is modified in place: the parameters of batch norms are reshaped to (C,), and fixed
    gammas are set to 1. `untrained` contains the names of the parameters that are never trained.
    """
    graph, names = Graph(symbol), {}
    replace_losses(graph)
    compute_in('float32', graph)
    for node in graph.nodes:
        # Remove amp casts, which have no effect because the parameters are already float32.
        if node.op == 'amp_cast' or node.op == 'Dropout' and node.attrs.get('mode') != 'always':
            graph.replace(node, node.inputs[0])
    for node in graph.nodes:
        node.attrs.pop('__shape__', None)  # shapes come from `params`; the graph's may differ
        if node.op == 'BatchNorm':
            _plain_norm(node, params, untrained)
        # A layer that is used twice creates two nodes with the same name, so number the duplicates.
        count = names[node.name] = names.get(node.name, 0) + 1
        if count > 1:
            node.name = '%s_%d' % (node.name, count)
    return graph.symbol()


def _plain_norm(node, params, untrained):
    fixed = node.flag('fix_gamma', True)
    for role, (source, _, _) in zip(_NORM, node.inputs[1:]):
        if source.name in params:
            params[source.name] = params[source.name].reshape((-1,))
            if role == 'gamma' and fixed:
                params[source.name] = np.ones_like(params[source.name])
    node.attrs['fix_gamma'] = 'False'
    # Mark parameters that are never trained, so that the PyTorch format excludes them from
    # training. MXNet ignores attributes with names such as '__fixed_gamma__'.
    if fixed:
        node.attrs['__fixed_gamma__'] = 'True'
    if node.inputs[2][0].name in untrained:  # nn.BatchNorm(center=False)
        node.attrs['__fixed_beta__'] = 'True'
