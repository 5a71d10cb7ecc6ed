"""Constant folding: MXNet computes the nodes that do not depend on the values of the inputs."""
from typing import Any, Dict, List

import mxnet as mx
import numpy as np

from .registry import attribute

# Operators that read the shape of an input and not its values: {operator: the input's number}.
SHAPE_ONLY = {'_contrib_MultiBoxPrior': 0, 'zeros_like': 0, 'ones_like': 0, 'shape_array': 0,
              'size_array': 0, '_contrib_arange_like': 0, 'slice_like': 1, 'broadcast_like': 1,
              'reshape_like': 1}


def constants(onnx):
    """{node: its outputs} of the nodes whose values do not depend on the inputs' values.

    A node that only such nodes use has no outputs here: nobody else needs them.
    """
    fixed: Dict[Any, bool] = {}
    for node, outputs in onnx.outputs.items():
        if node.op == 'null':
            fixed[node] = node.name in onnx.params
            continue
        skipped = SHAPE_ONLY.get(node.op)
        fixed[node] = (
            all(fixed[entry[0]] or i == skipped and None not in onnx.shape(entry)
                for i, entry in enumerate(node.inputs))
            and 'random' not in node.op and 'sample' not in node.op
            # Without what follows, MXNet would not know the size of zeros((0, 3)).
            and (node.inputs or 0 not in np.atleast_1d(attribute(node, 'shape', ())))
            and all(None not in onnx.shape((node, k)) and onnx.shape((node, k))
                    for k in range(outputs)))
    used = {source for node in fixed if not fixed[node] for source, _, _ in node.inputs}
    used.update(source for source, _, _ in onnx.graph.heads)
    made: Dict[Any, List[Any]] = {node: [] for node in fixed if fixed[node] and node.op != 'null'}
    entries = [(node, k, 0) for node in made if node in used for k in range(onnx.outputs[node])]
    if not entries:
        return made
    symbol = onnx.with_heads(entries)
    names = set(symbol.list_inputs())
    values = run_symbol(symbol, {name: array for name, array in onnx.params.items()
                                 if name in names}, {
        name: np.zeros(onnx.graph.shape(onnx.graph.input(name).entry()), 'float32')
        for name in onnx.inputs if name in names})
    for (node, _, _), value in zip(entries, values):
        made[node].append(value)
    return made


def run_symbol(symbol, params, inputs):
    """Run `symbol` in MXNet on `inputs`, arrays by name; return its outputs as NumPy arrays."""
    arguments = {name: mx.nd.array(array, dtype=array.dtype)
                 for name, array in dict(params, **inputs).items()}
    names, states = set(symbol.list_arguments()), set(symbol.list_auxiliary_states())
    executor = symbol.bind(
        mx.cpu(), {name: array for name, array in arguments.items() if name in names},
        aux_states={name: array for name, array in arguments.items() if name in states},
        grad_req='null')
    return [output.asnumpy() for output in executor.forward(is_train=False)]
