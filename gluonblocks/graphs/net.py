"""The net that the registry's models are made of."""
from typing import Any

import mxnet as mx
from mxnet import autograd
from mxnet.gluon import nn

from .simplify import simplify
from .statistics import starts_missing
from .switch import way


class Net(nn.HybridSequential):
    """A HybridSequential that, hybridized, runs a graph made for the size of its images.

    Gluon traces one graph for all sizes, without knowing any. Here each size of input and each
    mode gets that graph simplified (see `graph.simplify`), at its first call. What is exported is
    the graph for all sizes. With GLUONBLOCKS_WAY=formula the graph runs as it was traced.
    """

    _cached_op: Any  # Gluon's own
    _cached_op_args: Any

    def _alias(self):  # Gluon names layers and parameters by it, as in the book
        return 'hybridsequential'

    def _clear_cached_op(self):
        super()._clear_cached_op()
        self._graphs = {}
        self._way = way()

    def _call_cached_op(self, *args):
        if self._way != way():
            self._clear_cached_op()
        if len(args) != 1 or self._backend or way() == 'formula':
            return super()._call_cached_op(*args)
        if not self._cached_graph:
            self._build_cache(*args)
        key = autograd.is_training(), args[0].shape[1:]
        if key not in self._graphs:
            self._graphs[key] = self._make_for(autograd.is_training(), args[0].shape)
        self._cached_op, self._cached_op_args = self._graphs[key]
        return super()._call_cached_op(*args)

    def _make_for(self, training, shape):
        """What Gluon keeps of a graph, made for images of `shape`: the operation, its arguments."""
        (data,), symbol = self._cached_graph
        symbol = simplify(symbol, training, **{data.name: shape})
        params = {param.name: param for is_data, param in self._cached_op_args if not is_data}
        args = [(True, 0) if name == data.name else (False, params[name])
                for name in symbol.list_inputs()]
        flags = [('data_indices', [i for i, (is_data, _) in enumerate(args) if is_data]),
                 ('param_indices', [i for i, (is_data, _) in enumerate(args) if not is_data])]
        return mx.nd.CachedOp(symbol, flags + self._flags), args

    def load_parameters(self, filename, ctx=None, allow_missing=False, *args, **kwargs):
        """As `Block.load_parameters`; a file of the book's net, without averages, loads too."""
        allow_missing = starts_missing(self, filename, ctx) or allow_missing
        super().load_parameters(filename, ctx, allow_missing, *args, **kwargs)
