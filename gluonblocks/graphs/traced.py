"""The traced graph of a net, and how a rewritten copy of it is compiled and run."""
import functools
import threading
from typing import Any, Dict, NamedTuple

import mxnet as mx
import numpy as np

from .. import mxnet_private as private
from . import operators
from .divided_norms import Slice
from .graph import Graph, Node
from .passes import PREDICTION, TRAINING

# This lock is held while a net is traced, and while a graph is submitted to MXNet's engine, which
# runs graphs in parallel. If two threads submit graphs at the same time, MXNet 1.9.1 may lose an
# operation, and then both threads hang.
lock = threading.RLock()


class Traced(NamedTuple):
    """The result of tracing a net."""
    symbol: Any  #: the traced graph, or None if it has several outputs
    params: Any  #: the net's parameters, in the order of the graph's inputs
    graphs: Dict[Any, Any]  #: compiled functions, oldest first; see `Net._compiled` for the keys
    moves_axes: bool  #: True if shapes in the graph may contain the batch size outside axis 0


def moves_axes(graph):
    """Return True if an operator in the graph can move the batch to another axis."""
    return any(node.op in ('transpose', 'SwapAxis', 'Reshape')
               or node.op == 'expand_dims' and node.attrs['axis'] == '0' for node in graph.nodes)


def rewritten(traced, x, training, recording, data_gradient=False):
    """Return the `Graph` for x after all graph passes; `data_gradient` requests x's gradient."""
    # In training mode, our operators always update the running averages, so use them only if
    # autograd is recording. In prediction mode, they have no gradient, so use them only if autograd
    # is not recording.
    ours = (training == recording and x.context.device_type.startswith('cpu')
            and x.dtype == np.float32 and operators.available(build=training))
    requests = {param.name: param.grad_req for param in traced.params if private.is_dense(param)}
    graph = Graph(traced.symbol, training, ours, requests, data=x.shape)
    if data_gradient:
        # Insert a _copy node, because our operators cannot add to an existing gradient of x.
        data = graph.input('data')
        graph.replace(data, Node('_copy', 'data_copy', [data.entry()]).entry())
    for change in TRAINING if training else PREDICTION:
        graph = change(graph)
    return graph


def compile_graph(graph, params, flags, recording):
    """Return a thread-safe function x -> output that runs the graph."""
    symbol = graph.symbol()
    by_name = {param.name: param for param in params}
    sources: Dict[str, Any] = {name: functools.partial(private.array_on, param)
                               for name, param in by_name.items()}
    sources.update((name, Slice(by_name[param], begin, end).data)
                   for name, (param, begin, end) in graph.slices.items())
    inputs = [sources.get(name) for name in symbol.list_inputs()]  # None: the data
    if flags.get('static_alloc') and not recording:
        # `static_shape` cuts the time to predict one image by a third. Do not use it when autograd
        # records, because MXNet's engine would not see that the graph writes running statistics.
        flags['static_shape'] = True
    operation = mx.nd.CachedOp(symbol, [
        ('data_indices', [i for i, source in enumerate(inputs) if source is None]),
        ('param_indices', [i for i, source in enumerate(inputs) if source is not None]),
        *flags.items()])

    def run(x):
        ctx = x.context
        args = [x if array_on is None else array_on(ctx) for array_on in inputs]
        with lock:
            return operation(*args)
    return run
