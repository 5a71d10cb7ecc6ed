"""Build an ONNX graph: its nodes, its constants and the sizes of its tensors."""
from typing import Any, Dict, List

import numpy as np

from ...graphs.graph import Graph
from .constants import constants
from .registry import CONVERTERS


class OnnxGraph:
    """The nodes and constants of an ONNX graph, converted node by node from an MXNet graph.

    `symbol` is the MXNet graph, and `params` maps parameter names to NumPy arrays. `variants`
    lists the input shapes to support, as dicts {input name: shape}. A size that is the same in all
    variants is a constant. Any other size varies, so the ONNX graph computes it.

    An entry is a value in the MXNet graph: (node, index of its output, version).
    """

    def __init__(self, symbol, params, variants):
        self.params, self.inputs = params, list(variants[0])
        known = {name: array.shape for name, array in params.items()}
        graphs = [Graph(symbol, **dict(known, **shapes)) for shapes in variants]
        self.graph = graphs[0]
        # {node: 1 + the index of its last output that is used}, in topological order.
        self.outputs = {node: 1 for node in self.graph.nodes}
        for entries in [self.graph.heads] + [node.inputs for node in self.outputs]:
            for source, k, _ in entries:
                self.outputs[source] = max(self.outputs[source], k + 1)
        self._shapes = {  # {entry without version: its shape in each variant}
            (same[0], k): [graph.shape((node, k)) for graph, node in zip(graphs, same)]
            for same in zip(*[graph.nodes for graph in graphs])
            for k in range(self.outputs[same[0]])}
        self.nodes: List[Any] = []
        self.initializers: Dict[str, Any] = {}
        self._names: Dict[Any, str] = {}  # {entry without version: name of the ONNX tensor}
        self._types: Dict[Any, str] = {}  # {entry without version: type}
        self._current = ''  # name of the node being converted, a prefix for new names

    def shape(self, entry):
        """Return the shape of `entry`, a value in the MXNet graph; variable dimensions are None."""
        return tuple(sizes[0] if len(set(sizes)) == 1 else None
                     for sizes in zip(*self._shapes[entry[:2]]))

    def rank(self, entry):
        """Return the number of axes of `entry`, a value in the MXNet graph."""
        return len(self._shapes[entry[:2]][0])

    def value(self, entry):
        """Return the constant value of `entry` as an array, or None if it depends on the input."""
        return self.initializers.get(self._names.get(entry[:2]))

    def dtype(self, entry):
        """Return the ONNX type of `entry` (a value in the MXNet graph), such as 'int64'.

        Any floating-point type becomes 'float32'.
        """
        if not self._types:
            entries = [(node, k, 0) for node, k in self._shapes]
            symbol = self.with_heads(entries)
            _, types, _ = symbol.infer_type(**{
                name: self.params[name].dtype if name in self.params else np.float32
                for name in symbol.list_inputs() if name in self.params or name in self.inputs})
            self._types = {each[:2]: _type(dtype) for each, dtype in zip(entries, types)}
        return self._types[entry[:2]]

    def with_heads(self, entries):
        """Return a symbol of the MXNet graph with the values `entries` as its outputs."""
        heads, self.graph.heads = self.graph.heads, entries
        symbol, self.graph.heads = self.graph.symbol(), heads
        return symbol

    def add(self, op, *inputs, outputs=1, **attrs):
        """Add an ONNX node with the operator `op`; return its output name (a list if outputs > 1).

        Each input is the name of a tensor, a list of sizes as in `vector`, or a constant. Constants
        are arrays or Python numbers; numbers become float32.
        """
        from onnx import helper
        names_in = [each if isinstance(each, str) else self.vector(*each)
                    if isinstance(each, list) else self.constant(each) for each in inputs]
        name = '%s/%s_%d' % (self._current, op, len(self.nodes))
        names = [name] + ['%s_%d' % (name, i) for i in range(1, outputs)]
        self.nodes.append(helper.make_node(op, names_in, names, name=name, **attrs))
        return name if outputs == 1 else names

    def constant(self, values, dtype=None):
        """Add a constant and return its name.

        If `dtype` is None, integer and bool arrays keep their type; other values become float32.
        """
        name = '%s/constant_%d' % (self._current, len(self.initializers))
        self.initializers[name] = np.asarray(
            values, _type(dtype or getattr(values, 'dtype', 'float32')))
        return name

    def cast(self, X, dtype):
        """Cast `X` to another type, such as 'int64', rounding towards 0 as MXNet does."""
        from onnx import helper
        return self.add('Cast', X, to=helper.np_dtype_to_tensor_dtype(np.dtype(_type(dtype))))

    def vector(self, *sizes):
        """Join `sizes` into an int64 vector in the ONNX graph, and return its name.

        Each size is a number or the name of an int64 vector in the graph.
        """
        if not any(isinstance(size, str) for size in sizes):
            return self.constant(sizes, 'int64')
        names = [size if isinstance(size, str) else self.vector(size) for size in sizes]
        return names[0] if len(names) == 1 else self.add('Concat', *names, axis=0)

    def indices(self, size):
        """Add the int64 vector [0, 1, ..., size - 1] to the ONNX graph, and return its name."""
        return self.add('Range', np.int64(0), self.add('Squeeze', [size]), np.int64(1))

    def sizes(self, entry):
        """Return a list with the size of each axis of `entry`, a value in the MXNet graph.

        A size that depends on the input is returned as the name of an int64 vector with one
        element, which the ONNX graph computes. Any other size is a number.

        Raises ValueError if a size varies but does not match the size of any input axis. This can
        happen only for operators without inputs, such as zeros.
        """
        return [self._size(entry, axis) if size is None else size
                for axis, size in enumerate(self.shape(entry))]

    def _size(self, entry, axis):
        sources = [(self._names[entry[:2]], axis)] if entry[:2] in self._names else [
            (name, i) for name in self.inputs
            for i, sizes in enumerate(zip(*self._shapes[self.graph.input(name).entry()[:2]]))
            if list(sizes) == [shape[axis] for shape in self._shapes[entry[:2]]]]
        if not sources:
            raise ValueError('%s: the size of axis %d varies with the inputs, but no input has an '
                             'axis of that size. Export the net for a fixed input size'
                             % (entry[0].name, axis))
        name, axis = sources[0]
        return self.add('Gather', self.add('Shape', name), [axis])

    def combined(self, op, a, b):
        """Apply `op` ('Add', 'Sub', 'Mul' or 'Div') to two sizes (numbers or ONNX tensor names)."""
        if isinstance(a, int) and isinstance(b, int):
            return {'Add': a + b, 'Sub': a - b, 'Mul': a * b, 'Div': a // max(b, 1)}[op]
        return self.add(op, [a], [b])

    def reshape(self, X, sizes):
        """Reshape the tensor `X`, which must not be empty, to `sizes`.

        Each size is an integer or the name of an int64 vector in the ONNX graph.
        """
        if -1 not in sizes and sum(isinstance(size, str) for size in sizes) == 1:
            sizes = [-1 if isinstance(size, str) else size for size in sizes]
        return self.add('Reshape', X, list(sizes))

    def convert(self, names=()):
        """Convert all nodes; return the names of the ONNX outputs.

        `names` lists the output names; if it is empty, outputs are named after the MXNet nodes.

        Raises ValueError if ONNX lacks some operators; the message lists them and their layers.
        """
        fixed = constants(self)
        unsupported: Dict[str, List[str]] = {}
        for node in self.outputs:
            if node.op != 'null' and node.op not in CONVERTERS and node not in fixed:
                unsupported.setdefault(node.op, []).append(node.name)
        if unsupported:
            raise ValueError(
                'these operators have no counterpart in ONNX: %s. Export outputs of earlier layers'
                % '; '.join('%s (%s)' % (op, ', '.join(names))
                            for op, names in sorted(unsupported.items())))
        for node in self.outputs:
            self._current = node.name
            if node.op == 'null':
                made = [node.name]
                if node.name in self.params:
                    array = np.asarray(self.params[node.name])
                    self.initializers[node.name] = array.astype(_type(array.dtype), copy=False)
            elif node in fixed:
                made = [self.constant(value) for value in fixed[node]]
            else:
                found = CONVERTERS[node.op](self, node, *[self._names[entry[:2]]
                                                          for entry in node.inputs])
                made = [found] if isinstance(found, str) else found
            used = made[:self.outputs[node]]
            self._names.update(((node, k), name) for k, name in enumerate(used))
        return self._finish(names)

    def _finish(self, names):
        """Drop unused nodes, and rename each tensor after the MXNet node that produces it.

        If `names` is not empty, it contains the output names. Returns the final output names.
        """
        made = {name for node in self.nodes for name in node.output}
        heads: List[str] = []
        for node, k, _ in self.graph.heads:
            name, self._current = self._names[node, k], '%s/output' % node.name
            # Each output of an ONNX graph must be produced by a different node, so add an Identity
            # node if the output is also an input, a constant or an earlier output.
            heads.append(name if name in made and name not in heads else
                         self.add('Identity', name))
        renamed = {name: node.name if self.outputs[node] == 1 else '%s_%d' % (node.name, k)
                   for (node, k), name in reversed(list(self._names.items())) if name in made}
        renamed.update(zip(heads, names))
        used, kept = set(heads), []
        for node in reversed(self.nodes):
            if used.intersection(node.output):
                used.update(node.input)
                kept.append(node)
                for each in (node.input, node.output):
                    each[:] = [renamed.get(name, name) for name in each]
        self.nodes = kept[::-1]
        self.initializers = {name: array for name, array in self.initializers.items()
                             if name in used}
        return [renamed.get(name, name) for name in heads]


def _type(dtype):
    name = np.dtype(dtype).name
    return 'float32' if name.startswith('float') else name
