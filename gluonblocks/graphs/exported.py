"""Files that `export` wrote, read into a net: their parameters have the names of another net."""
import os
import re
import sys

import mxnet as mx
import numpy as np
from mxnet import nd

from .. import mxnet_private as private
from ..files import MXNetPath
from .graph import Graph

_ROLE = re.compile(r'(.*?)_?(?:running_|moving_)?([^_]*)$')  # (layer, what it is of the layer)


def load_exported(net, filename, ctx=None, allow_missing=False, ignore_extra=False,
                  cast_dtype=False, dtype_source='current'):
    """Load a file of `export` into `net` and return True; False for files that Gluon loads itself.

    The parameters are matched by the graph in the symbol file next to `filename`, or else by their
    order; a line on stderr says how. With `ignore_extra` the file may have more layers at its end
    than the net, and with `allow_missing` fewer.

    Raises ValueError, with the first difference, for a file of another net, which stays as it was.
    """
    arrays = nd.load(MXNetPath(filename))
    if not _needs_matching(net, arrays, allow_missing, ignore_extra):
        return False
    arrays = {_plain(name): array for name, array in arrays.items()}
    params, there = dict(net.collect_params().items()), _symbol_next_to(filename)
    try:
        here = net(mx.sym.var('data'))
    except Exception:  # of a layer that needs the shape of its input
        here = None
    if here is not None and there is not None and set(arrays) <= set(there.list_inputs()):
        how, attempts = 'the graph', [(_by_graph(here, params), _by_graph(there, arrays))]
    else:  # MXNet 1.9 writes parameters in the order of the graph, and 1.7 in that of the layers
        how, orders = 'their order', [list(params)]
        if here is not None:
            orders.insert(0, [name for name in here.list_inputs() if name in params])
        attempts = [(_by_order(names), _by_order(arrays)) for names in orders]
    fitting, problem = [], None
    for ours, theirs in attempts:
        names, difference = _pair(ours, theirs, params, arrays, allow_missing, ignore_extra)
        problem = problem or difference
        if not difference and names and names not in fitting:
            fitting.append(names)
    if len(fitting) != 1:
        raise ValueError("'%s' %s%s" % (filename, (
            'fits %s in two ways' % net.name if fitting else
            'is of another net than %s: %s' % (net.name, problem)), '' if how == 'the graph' else
            '. Put the symbol file that export wrote next to it, if there is one'))
    for ours, theirs in fitting[0].items():
        kinds = [np.dtype(each.dtype) for each in (arrays[theirs], params[ours])]
        if kinds[0] != kinds[1] and not cast_dtype:
            raise ValueError("'%s' holds %s as %s, and %s of the net is %s: load it with "
                             'cast_dtype=True' % (filename, theirs, kinds[0], ours, kinds[1]))
    for ours, theirs in fitting[0].items():
        array, shape = arrays[theirs], params[ours].shape
        if shape and len(shape) != array.ndim:  # (C,) for (1, C, 1, 1), or the reverse
            array = array.reshape([side or -1 for side in shape])
        private.load_into(params[ours], array, ctx, cast_dtype, dtype_source)
    print("'%s': %d parameters matched by %s; %s is %s in the file" % (
        (filename, len(fitting[0]), how) + next(iter(fitting[0].items()))), file=sys.stderr)
    return True


def _plain(name):
    return re.sub('^(arg|aux):', '', name)


def _needs_matching(net, arrays, allow_missing, ignore_extra):
    """Return True for names such as `export` writes, unless Gluon finds them all in the net."""
    if not isinstance(arrays, dict) or not arrays:
        return False
    dotted = any('.' in name for name in arrays)  # as in files of save_parameters
    if dotted and all(name == _plain(name) for name in arrays):
        return False
    ours, theirs = set(net.collect_params()), {net.prefix + _plain(name) for name in arrays}
    return dotted or not (ours & theirs and (ours <= theirs or allow_missing)
                          and (theirs <= ours or ignore_extra))


def _symbol_next_to(filename):
    path = re.sub(r'-\d{4,}\.params$', '-symbol.json', os.fspath(filename))
    try:
        return mx.sym.load(MXNetPath(path)) if path.endswith('.json') else None
    except mx.MXNetError:  # it is not there, or is damaged
        return None


def _by_graph(symbol, names):
    """[((operator, the layers before it), {number of an input: parameter}), ...] in order."""
    left, layers, before = set(names), [], {}
    for node in Graph(symbol).nodes:
        taken = {i: source.name for i, (source, _, _) in enumerate(node.inputs)
                 if source.op == 'null' and source.name in left}
        left -= set(taken.values())
        before[node] = frozenset().union(*[before[source] for source, _, _ in node.inputs])
        if taken:
            layers.append(((node.op + ' with ', before[node]), taken))
            before[node] = frozenset([len(layers)])
    return layers


def _by_order(names):
    """The same of parameters whose names tell what they are of their layer: weight, gamma, ..."""
    layers = {}
    for name in names:
        layer, role = _ROLE.match(name).groups()
        layers.setdefault(layer, {})[role] = name
    return [(('',), layer) for layer in layers.values()]


def _pair(ours, theirs, params, arrays, allow_missing, ignore_extra):
    """({our name: the name in the file}, the first difference in words or None)."""
    names = {}
    for i, ((kind, here), (other, there)) in enumerate(zip(ours, theirs)):
        if kind != other or here.keys() != there.keys() or not all(
                _fits(params[here[role]].shape, arrays[there[role]].shape) for role in here):
            words = [op[0] + ', '.join('%s %s' % (name, tuple(holder[name].shape or ()))
                                    for name in layer.values())
                     for op, layer, holder in ((other, there, arrays), (kind, here, params))]
            return names, 'layer %d is %s there, and %s here' % (i + 1, words[0], words[1])
        names.update((here[role], there[role]) for role in here)
    if theirs[len(ours):] and not ignore_extra or ours[len(theirs):] and not allow_missing:
        return names, '%d layers there have parameters and %d here' % (len(theirs), len(ours))
    return names, None


def _fits(shape, found):
    """Return True if an array of shape `found` is for a parameter of `shape`, 0 being unknown."""
    shape = found if shape is None else shape
    if len(shape) != len(found):
        shape, found = [[side for side in sides if side != 1] for sides in (shape, found)]
    return len(shape) == len(found) and all(a in (0, b) for a, b in zip(shape, found))
