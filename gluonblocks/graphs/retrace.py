"""Nets forget the graphs that were made for settings which have changed since.

Gluon traces a net once and keeps the graph, with the numbers and the choices of its layers inside,
as epsilon and `switch.way()`. A layer does not know the nets that hold it, so a change would be
silently ignored: here the nets are found, and what they kept is put away.

Gluon's own names are used, tried on MXNet 1.7 to 1.9: a net's `_cached_graph`, `_cached_op`,
`_cached_op_args`, `_clear_cached_op`, `_build_cache` and `_in_format`.
"""
import gc

from mxnet import gluon
from mxnet.gluon import nn


def retrace(param):
    """Have every net with a graph that takes `param` trace it anew at its next run."""
    # Python's own list of objects is the only one that has all nets. Going through it takes tens of
    # milliseconds, but settings seldom change.
    for net in gc.get_objects():
        if not issubclass(type(net), nn.HybridBlock) or issubclass(type(net), gluon.SymbolBlock):
            continue
        graph, args = vars(net).get('_cached_graph'), vars(net).get('_cached_op_args')
        if graph and param.name in graph[1].list_inputs():
            net._clear_cached_op()
            if args:
                net._cached_op, net._cached_op_args = _run_anew(net, args), args


def _run_anew(net, old_args):
    """What stands in for the graph of `net` until its next run, which may be under way already.

    It is given the arrays that the old graph took, in `old_args`' order: (True, i) is the net's
    i-th input and (False, p) a parameter.
    """
    def run(*arrays):
        given = {i: array for (is_data, i), array in zip(old_args, arrays) if is_data}
        data = [given[i] for i in sorted(given)]
        net._clear_cached_op()
        if net._in_format != [0] * len(data):  # lists within lists, which only the caller knows
            raise RuntimeError('settings have changed since the graph of %s was made. It has been '
                               'forgotten: call the net again' % net.name)
        net._build_cache(*data)
        return net._cached_op(*[data[value] if is_data else value.data()
                                for is_data, value in net._cached_op_args])
    return run
