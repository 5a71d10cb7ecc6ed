"""Read and write the files of `Net.export`, in which parameters have the exported net's names."""
import os
import re
import sys

import mxnet as mx
import numpy as np
from mxnet import nd

from .. import mxnet_private as private
from ..files import MXNetPath
from .graph import Graph

_ROLE = re.compile(r'(.*?)_?(?:running_|moving_)?([^_]*)$')  # (layer, role in the layer)


def load_exported(net, filename, ctx=None, allow_missing=False, ignore_extra=False,
                  cast_dtype=False, dtype_source='current'):
    """Load a file written by `export` into `net`, and return True.

    If Gluon itself can load the file, return False and leave the net unchanged.

    Parameters are matched using the graph in the symbol file next to `filename`. If that file is
    missing, they are matched by order. A line on stderr reports which method was used.
    `ignore_extra` allows additional layers at the end of the file; `allow_missing` allows them at
    the end of the net.

    If the file does not match the net, raises a ValueError that states the first difference, and
    leaves the net unchanged.
    """
    arrays = nd.load(MXNetPath(filename))
    if not _needs_matching(net, arrays, allow_missing, ignore_extra):
        return False
    arrays = {_plain(name): array for name, array in arrays.items()}
    params, exported = dict(net.collect_params().items()), _symbol_next_to(filename)
    try:
        symbol = net(mx.sym.var('data'))
    except Exception:  # some layers cannot be traced without the shape of their input
        symbol = None
    if symbol is not None and exported is not None and set(arrays) <= set(exported.list_inputs()):
        how, attempts = 'the graph', [(_by_graph(symbol, params), _by_graph(exported, arrays))]
    else:  # MXNet 1.9 writes parameters in graph order, MXNet 1.7 in layer order: try both
        how, orders = 'their order', [list(params)]
        if symbol is not None:
            orders.insert(0, [name for name in symbol.list_inputs() if name in params])
        attempts = [(_by_order(names), _by_order(arrays)) for names in orders]
    fitting, problem = [], None
    for ours, theirs in attempts:
        names, difference = _pair(ours, theirs, params, arrays, allow_missing, ignore_extra)
        problem = problem or difference
        if not difference and names and names not in fitting:
            fitting.append(names)
    if len(fitting) != 1:
        raise ValueError("'%s' %s%s" % (filename, (
            'fits %s in more than one order' % net.name if fitting else
            'does not fit %s: %s' % (net.name, problem)), '' if how == 'the graph' else
            '. If you have the symbol file that export wrote, put it next to this file'))
    for ours, theirs in fitting[0].items():
        dtypes = [np.dtype(array.dtype) for array in (arrays[theirs], params[ours])]
        if dtypes[0] != dtypes[1] and not cast_dtype:
            raise ValueError("'%s' contains %s as %s, but the net's %s is %s: pass "
                             'cast_dtype=True' % (filename, theirs, dtypes[0], ours, dtypes[1]))
    for ours, theirs in fitting[0].items():
        array, shape = arrays[theirs], params[ours].shape
        if shape and len(shape) != array.ndim:  # (C,) into (1, C, 1, 1), or the reverse
            array = array.reshape([side or -1 for side in shape])
        private.load_into(params[ours], array, ctx, cast_dtype, dtype_source)
    print("'%s': %d parameters matched by %s; for example, %s is %s in the file" % (
        (filename, len(fitting[0]), how) + next(iter(fitting[0].items()))), file=sys.stderr)
    return True


def save_exported(symbol, params, symbol_file, params_file, remove_amp_cast):
    """Write the graph `symbol` and its `params`; those of batch norms are reshaped to (C,)."""
    graph, arrays = Graph(symbol), {}
    flat = {source.name for node in graph.nodes if node.op == 'BatchNorm'
            for source, _, _ in node.inputs[1:]}
    for name in flat:
        graph.input(name).attrs.pop('__shape__', None)
    symbol = graph.symbol()
    states = symbol.list_auxiliary_states()
    for param in params:
        array = private.averaged(param)
        arrays[('aux:' if param.name in states else 'arg:') + param.name] = (
            array.reshape(-1) if param.name in flat else array)
    symbol.save(MXNetPath(symbol_file), remove_amp_cast=remove_amp_cast)
    nd.save(MXNetPath(params_file), arrays)


def _plain(name):
    return re.sub('^(arg|aux):', '', name)


def _needs_matching(net, arrays, allow_missing, ignore_extra):
    """Return True if `export` wrote `arrays` and Gluon cannot match their names to the net."""
    if not isinstance(arrays, dict) or not arrays:
        return False
    dotted = any('.' in name for name in arrays)  # as save_parameters writes them
    if dotted and all(name == _plain(name) for name in arrays):
        return False
    ours, theirs = set(net.collect_params()), {net.prefix + _plain(name) for name in arrays}
    return dotted or not (ours & theirs and (ours <= theirs or allow_missing)
                          and (theirs <= ours or ignore_extra))


def _symbol_next_to(filename):
    path = re.sub(r'-\d{4,}\.params$', '-symbol.json', os.fspath(filename))
    try:
        return mx.sym.load(MXNetPath(path)) if path.endswith('.json') else None
    except mx.MXNetError:  # missing or damaged
        return None


def _by_graph(symbol, names):
    """Return the layers that have parameters, in topological order.

    Each layer is ((operator, positions of the layers that feed it), {input index: parameter name});
    positions are counted from 1.
    """
    unused, layers, before = set(names), [], {}
    for node in Graph(symbol).nodes:
        params = {i: source.name for i, (source, _, _) in enumerate(node.inputs)
                  if source.op == 'null' and source.name in unused}
        unused -= set(params.values())
        before[node] = frozenset().union(*[before[source] for source, _, _ in node.inputs])
        if params:
            layers.append(((node.op + ' with ', before[node]), params))
            before[node] = frozenset([len(layers)])
    return layers


def _by_order(names):
    """Group the parameter names `names` by layer, in order: [(('',), {role: name}), ...].

    A role is the last part of a name, such as 'gamma'. ('',) is a placeholder for the layer's
    operator, which the names do not reveal.
    """
    layers = {}
    for name in names:
        layer, role = _ROLE.match(name).groups()
        layers.setdefault(layer, {})[role] = name
    return [(('',), layer) for layer in layers.values()]


def _pair(ours, theirs, params, arrays, allow_missing, ignore_extra):
    """Pair the layers of the net, `ours`, with those of the file, `theirs`.

    Return ({parameter name in the net: name in the file}, difference), where `difference`
    describes the first difference, or is None.
    """
    names = {}
    for i, ((our_kind, our), (their_kind, their)) in enumerate(zip(ours, theirs)):
        if our_kind != their_kind or our.keys() != their.keys() or not all(
                _fits(params[our[role]].shape, arrays[their[role]].shape) for role in our):
            found = [kind[0] + ', '.join('%s %s' % (name, tuple(source[name].shape or ()))
                                         for name in layer.values())
                     for kind, layer, source in ((our_kind, our, params),
                                                 (their_kind, their, arrays))]
            return names, 'layer %d is %s in the net, but %s in the file' % (i + 1, *found)
        names.update((our[role], their[role]) for role in our)
    if theirs[len(ours):] and not ignore_extra or ours[len(theirs):] and not allow_missing:
        return names, ('the net has %d layers with parameters, but the file has %d'
                       % (len(ours), len(theirs)))
    return names, None


def _fits(shape, found):
    """Return True if an array of shape `found` fits a parameter of `shape`; a 0 in `shape` stands
    for an unknown size, so it matches any size."""
    shape = found if shape is None else shape
    if len(shape) != len(found):
        shape, found = [[side for side in sides if side != 1] for sides in (shape, found)]
    return len(shape) == len(found) and all(a in (0, b) for a, b in zip(shape, found))
