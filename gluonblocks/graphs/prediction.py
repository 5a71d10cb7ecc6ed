"""A net's graph for prediction alone: plain operators, with which other programs can do something.

The graph that a hybridized net runs does both, training and predicting, and asks itself which (see
`mode`). What it takes for that, other tools do not know, and who only predicts has no use for.
"""
import contextlib
import json
import threading

import mxnet as mx
from mxnet import autograd

_tracing = threading.local()

# What hands on its first input as it is when nothing is trained. Casts of mx.contrib.amp are among
# them, for the parameters may come as float32.
_IDLE = ('Dropout', 'BlockGrad', '_copy', 'amp_cast')
# The inputs of MXNet's BatchNorm after the first: (C,) each.
_NORM = ('gamma', 'beta', 'moving_mean', 'moving_var')


def for_prediction():
    """Whether the graph that is being traced is for prediction alone, on this thread."""
    return getattr(_tracing, 'active', False)


@contextlib.contextmanager
def _tracing_for_prediction():
    _tracing.active = True
    try:
        with autograd.pause(train_mode=False):
            yield
    finally:
        _tracing.active = False


def prediction_graph(net):
    """(symbol, params) of the Gluon block `net`, for prediction alone, its input named 'data'.

    Every batch normalization, ours too, is MXNet's `BatchNorm` with parameters of shape (C,), whose
    gamma is what counts: ones for `nn.BatchNorm(scale=False)`. Nodes that do nothing in prediction,
    as Dropout, are left out; every node has a name of its own. `params` are NDArrays by name, for
    all inputs but 'data'. The net and its graphs stay as they are.

    Raises RuntimeError for parameters without numbers, TypeError where `net` gives no single output
    for a single input; and whatever its layers raise that take no symbols.
    """
    mx.nd.waitall()  # averages are set while MXNet computes behind Python's back
    with _tracing_for_prediction():
        symbol = net(mx.sym.var('data'))
    if not isinstance(symbol, mx.sym.Symbol) or len(symbol.list_outputs()) != 1:
        raise TypeError('%s gives %s, but one output is what is taken: wrap the net in a block '
                        'that returns the one that counts' % (net.name, _kind(symbol)))
    found = {param.name: param for param in net.collect_params().values()}
    names = [name for name in symbol.list_inputs() if name != 'data']
    unset = [name for name in names if name not in found or found[name]._data is None]
    if unset:
        raise RuntimeError('%s has no numbers yet: call initialize() on %s and run an input '
                           'through it' % (unset[0], net.name))
    # The average over the devices, as Gluon's own export writes it. Tried on MXNet 1.7 to 1.9.
    return _plain(symbol, {name: found[name]._reduce() for name in names})


def _kind(output):
    if isinstance(output, mx.sym.Symbol):
        return '%d outputs' % len(output.list_outputs())
    return 'a %s' % type(output).__name__


def _plain(symbol, params):
    """`symbol` with plain nodes only, and `params` in the shapes that it then takes."""
    graph = json.loads(symbol.tojson())
    # moved: an old node's number -> its new one; handed_on: that of an idle node -> its input.
    nodes, moved, handed_on, names = [], {}, {}, {}

    def take(entry):
        i, k, version = entry
        return handed_on[i] if i in handed_on else [moved[i], k, version]

    for i, node in enumerate(graph['nodes']):
        inputs, attrs = [take(entry) for entry in node['inputs']], dict(node.get('attrs', {}))
        if node['op'] in _IDLE and attrs.get('mode') != 'always':
            handed_on[i] = inputs[0]
            continue
        if node['op'] == 'null':
            for name in ('__shape__', '__dtype__'):  # those of `params` count
                attrs.pop(name, None)
        if node['op'] == 'BatchNorm':
            for role, (j, _, _) in zip(_NORM, inputs[1:]):
                name = nodes[j]['name']
                params[name] = params[name].reshape((-1,))
                if role == 'gamma' and attrs.get('fix_gamma', 'True') in ('True', '1'):
                    params[name] = mx.nd.ones_like(params[name])
            attrs['fix_gamma'] = 'False'
        # A layer that a net uses twice gives its nodes the same names twice.
        count = names[node['name']] = names.get(node['name'], 0) + 1
        name = node['name'] if count == 1 else '%s_%d' % (node['name'], count)
        moved[i] = len(nodes)
        nodes.append(dict(node, name=name, inputs=inputs, attrs=attrs))
    return mx.sym.load_json(json.dumps({
        'nodes': nodes, 'attrs': graph['attrs'],
        'arg_nodes': [i for i, node in enumerate(nodes) if node['op'] == 'null'],
        'heads': [take(entry) for entry in graph['heads']]})), params
