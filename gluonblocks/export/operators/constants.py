"""Constant folding: use MXNet to compute the nodes that do not depend on input values."""
from typing import Any, Dict, List

import mxnet as mx
import numpy as np

from ...graphs.graph import Node
from .registry import listed

# Operators that read only the shape of an input, not its values:
# {operator: (index of the input, first axis that it reads)}.
SHAPE_ONLY = {'_contrib_MultiBoxPrior': (0, 2), 'zeros_like': (0, 0), 'ones_like': (0, 0),
              'shape_array': (0, 0), 'size_array': (0, 0), '_contrib_arange_like': (0, 0),
              'slice_like': (1, 0), 'broadcast_like': (1, 0), 'reshape_like': (1, 0)}


def constants(onnx):
    """Return {node: list of outputs} for the nodes that do not depend on input values.

    The list is empty for nodes used only by other constant nodes: ONNX does not need their outputs.
    """
    fixed: Dict[Any, bool] = {}
    for node, outputs in onnx.outputs.items():
        if node.op == 'null':
            fixed[node] = node.name in onnx.params
            continue
        skipped, axis = SHAPE_ONLY.get(node.op, (None, 0))
        fixed[node] = (
            all(fixed[entry[0]] or i == skipped and None not in onnx.shape(entry)[axis:]
                for i, entry in enumerate(node.inputs))
            and 'random' not in node.op and 'sample' not in node.op
            # zeros((0, 3)) is not constant: 0 stands for a size that MXNet infers from later nodes.
            and (node.inputs or 0 not in listed(node, 'shape'))
            and all(None not in onnx.shape((node, k)) and onnx.shape((node, k))
                    for k in range(outputs)))
    used = {source for node in fixed if not fixed[node] for source, _, _ in node.inputs}
    used.update(source for source, _, _ in onnx.graph.heads)
    made: Dict[Any, List[Any]] = {node: [] for node in fixed if fixed[node] and node.op != 'null'}
    entries = [(node, k, 0) for node in made if node in used for k in range(onnx.outputs[node])]
    if entries:
        # If only the shape of an input matters, replace the input with zeros of that shape.
        replaced = [(node, i, entry) for node in made for i, entry in enumerate(node.inputs)
                    if not fixed[entry[0]]]
        zeros = {'zeros/%d' % k: np.zeros(onnx.graph.shape(entry), onnx.dtype(entry))
                 for k, (_, _, entry) in enumerate(replaced)}
        for name, (node, i, _) in zip(zeros, replaced):
            node.inputs[i] = Node('null', name).entry()
        symbol = onnx.with_heads(entries)
        for node, i, entry in replaced:
            node.inputs[i] = entry
        for (node, _, _), value in zip(entries, run_symbol(symbol, onnx.params, zeros)):
            made[node].append(value)
    return made


def run_symbol(symbol, params, inputs):
    """Run `symbol` in MXNet on `inputs`, a dict of arrays; return its outputs as NumPy arrays."""
    values, names = dict(params, **inputs), set(symbol.list_inputs())
    arrays = {name: mx.nd.array(values[name], dtype=values[name].dtype) for name in names}
    states = set(symbol.list_auxiliary_states())
    executor = symbol.bind(
        mx.cpu(), {name: arrays[name] for name in names - states},
        aux_states={name: arrays[name] for name in states}, grad_req='null')
    return [output.asnumpy() for output in executor.forward(is_train=False)]
