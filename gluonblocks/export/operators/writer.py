"""An ONNX graph while it is written: its nodes, its constants, and the sizes of its tensors."""
from typing import Any, Dict, List

import numpy as np

from ...graphs.graph import Graph
from .constants import constants
from .registry import CONVERTERS, attribute, converts

__all__ = ['CONVERTERS', 'OnnxGraph', 'attribute', 'converts']


class OnnxGraph:
    """The nodes and constants of an ONNX graph, written operator by operator.

    `symbol` is the MXNet graph, `params` its parameters as NumPy arrays by name, and `variants` a
    list of shapes of the inputs by name, the first being the one that is exported. A size that is
    the same in all variants is fixed; another depends on the input and is computed in the graph.
    """

    def __init__(self, symbol, params, variants):
        self.params = params
        known = {name: array.shape for name, array in params.items()}
        graphs = [Graph(symbol, **dict(known, **shapes)) for shapes in variants]
        self.graph = graphs[0]
        self._variants = {node: list(others) for node, *others in zip(
            self.graph.nodes, *[graph.nodes for graph in graphs[1:]])}
        self._graphs = graphs
        # {node: the number of its outputs}, up to the last that is used, each after its inputs.
        self.outputs = {node: 1 for node in self.graph.nodes}
        for entries in [self.graph.heads] + [node.inputs for node in self.outputs]:
            for source, k, _ in entries:
                self.outputs[source] = max(self.outputs[source], k + 1)
        self.inputs = list(variants[0])
        self.nodes: List[Any] = []
        self.initializers: Dict[str, Any] = {}
        self._names: Dict[Any, str] = {}  # of entries
        self._types: Dict[Any, str] = {}  # of entries, too
        self._current = ''
        self._count = 0

    def shape(self, entry):
        """The shape of an entry; None stands for a size that depends on the input."""
        first, *others = self._shapes(entry)
        return tuple(size if all(size == other[i] for other in others) else None
                     for i, size in enumerate(first))

    def _shapes(self, entry):
        node, k = entry[:2]
        return [self.graph.shape(entry)] + [
            graph.shape((other, k, 0))
            for graph, other in zip(self._graphs[1:], self._variants[node])]

    def exported_shape(self, entry):
        """The shape of an entry for the first variant: without None."""
        return self.graph.shape(entry)

    def value(self, entry):
        """The NumPy array of an entry that does not depend on the inputs' values, or None."""
        return self.initializers.get(self._names.get(entry[:2]))

    def dtype(self, entry):
        """The type of an entry in ONNX, such as 'int64': MXNet's, or 'float32' for any float."""
        if not self._types:
            entries = [(node, k, 0) for node, outputs in self.outputs.items()
                       for k in range(outputs)]
            symbol = self.with_heads(entries)
            _, types, _ = symbol.infer_type(**{
                name: self.params[name].dtype if name in self.params else np.float32
                for name in symbol.list_inputs() if name in self.params or name in self.inputs})
            self._types = {each[:2]: _type(dtype) for each, dtype in zip(entries, types)}
        return self._types[entry[:2]]

    def with_heads(self, entries):
        """The symbol that computes these entries."""
        heads, self.graph.heads = self.graph.heads, entries
        symbol, self.graph.heads = self.graph.symbol(), heads
        return symbol

    def add(self, op, *inputs, outputs=1, **attrs):
        """Add a node of ONNX's operator `op`; return the name of its output, or of `outputs`."""
        from onnx import helper
        names = ['%s/%s_%d' % (self._current, op, self._count + i) for i in range(outputs)]
        self._count += outputs
        self.nodes.append(helper.make_node(op, list(inputs), names, name=names[0], **attrs))
        return names[0] if outputs == 1 else names

    def constant(self, values, dtype='float32'):
        """The name of a constant tensor."""
        name = '%s/constant_%d' % (self._current, self._count)
        self._count += 1
        self.initializers[name] = np.asarray(values, _type(dtype))
        return name

    def cast(self, X, dtype):
        """`X` as another type, such as 'int64'; towards 0, as in MXNet."""
        from onnx import helper
        return self.add('Cast', X, to=helper.np_dtype_to_tensor_dtype(np.dtype(_type(dtype))))

    def ints(self, *values):
        """The name of a constant int64 vector."""
        return self.constant(values, 'int64')

    def size(self, entry, axis):
        """The name of an int64 vector of one number: the size of an entry along `axis`."""
        size = self.shape(entry)[axis]
        if size is not None:
            return self.ints(size)
        if entry[:2] not in self._names:  # an output of an operator without inputs, such as zeros
            entry, axis = self._input_of_the_same_size(entry, axis)
        return self.add('Gather', self.add('Shape', self._names[entry[:2]]), self.ints(axis))

    def _input_of_the_same_size(self, entry, axis):
        sizes = [shape[axis] for shape in self._shapes(entry)]
        for name in self.inputs:
            shapes = self._shapes(self.graph.input(name).entry())
            for i in range(len(shapes[0])):
                if [shape[i] for shape in shapes] == sizes:
                    return self.graph.input(name).entry(), i
        raise ValueError('%s: its size along axis %d depends on the inputs, and no input has the '
                         'same size; export the net for a fixed input size' % (entry[0].name, axis))

    def sizes(self, entry):
        """The sizes of an entry: numbers, and where one depends on the input, what `size` gives."""
        return [self.size(entry, axis) if size is None else size
                for axis, size in enumerate(self.shape(entry))]

    def combined(self, op, a, b):
        """'Add', 'Sub', 'Mul' or 'Div' of two sizes such as `sizes` gives."""
        if isinstance(a, int) and isinstance(b, int):
            return {'Add': a + b, 'Sub': a - b, 'Mul': a * b, 'Div': a // max(b, 1)}[op]
        return self.add(op, self.vector(a), self.vector(b))

    def vector(self, *sizes):
        """The name of an int64 vector of sizes: of numbers and of names of vectors."""
        if all(isinstance(size, (int, np.integer)) for size in sizes):
            return self.ints(*sizes)
        names = [size if isinstance(size, str) else self.ints(size) for size in sizes]
        return names[0] if len(names) == 1 else self.add('Concat', *names, axis=0)

    def shape_vector(self, entry):
        """The name of an int64 vector: the shape of an entry."""
        sizes = self.shape(entry)
        if None not in sizes:
            return self.ints(*sizes)
        return self.add('Shape', self._names[entry[:2]])

    def reshape(self, X, entry):
        """`X` in the shape of `entry`; if that is not computed yet, one size may be unknown."""
        sizes = self.shape(entry)
        return self.reshaped(X, self.sizes(entry) if sizes.count(None) > 1 else
                             [-1 if size is None else size for size in sizes])

    def reshaped(self, X, sizes):
        """`X`, none of whose sizes is 0, in a shape of numbers and of names of vectors."""
        if -1 not in sizes and sum(isinstance(size, str) for size in sizes) == 1:
            sizes = [size if isinstance(size, int) else -1 for size in sizes]
        return self.add('Reshape', X, self.vector(*sizes))

    def convert(self):
        """Convert all nodes; return the names of the heads.

        Raises ValueError, with all of them and their layers, for operators that ONNX lacks.
        """
        fixed = constants(self)
        lacking: Dict[str, List[str]] = {}
        for node in self.graph.nodes:
            if node.op != 'null' and node.op not in CONVERTERS and node not in fixed:
                lacking.setdefault(node.op, []).append(node.name)
        if lacking:
            raise ValueError(
                'these operators have no counterpart in ONNX: %s. Choose outputs that come before '
                'them' % '; '.join('%s (%s)' % (op, ', '.join(names))
                                   for op, names in sorted(lacking.items())))
        for node in self.graph.nodes:
            if node.op == 'null':
                self._names[node, 0] = node.name
                if node.name in self.params:
                    array = np.asarray(self.params[node.name])
                    self.initializers[node.name] = array.astype(_type(array.dtype), copy=False)
        for node in self.graph.nodes:
            self._current, self._count = node.name, 0
            if node.op == 'null':
                continue
            if node in fixed:
                for k, value in enumerate(fixed[node]):
                    self._names[node, k] = self.constant(value, value.dtype)
            else:
                first = len(self.nodes)
                made = CONVERTERS[node.op](self, node, *[self._names[entry[:2]]
                                                         for entry in node.inputs])
                made = [made] if isinstance(made, str) else list(made)
                for k, name in enumerate(made):
                    wanted = node.name if len(made) == 1 else '%s_%d' % (node.name, k)
                    self._names[node, k] = self._renamed(name, wanted, first)
        heads: List[str] = []
        made = {name for node in self.nodes for name in node.output}
        for node, k, _ in self.graph.heads:
            name, self._current = self._names[node, k], '%s/output' % node.name
            # ONNX wants a node for each output: for inputs, constants, and what is twice a head.
            heads.append(name if name in made and name not in heads else
                         self.add('Identity', name))
        self._drop_unused(heads)
        return heads

    def _drop_unused(self, heads):
        used, kept = set(heads), []
        for node in reversed(self.nodes):
            if used.intersection(node.output):
                used.update(node.input)
                kept.append(node)
        self.nodes = kept[::-1]

    def _renamed(self, name, wanted, first):
        """Give a tensor that a node from the number `first` on makes the name `wanted`."""
        if not any(name in each.output for each in self.nodes[first:]):
            return name  # of an earlier node, which is handed on
        for each in self.nodes[first:]:
            for names in (each.input, each.output):
                names[:] = [wanted if one == name else one for one in names]
        return wanted

    def used_initializers(self):
        """The constants that some node takes, by name."""
        used = {name for node in self.nodes for name in node.input}
        return {name: array for name, array in self.initializers.items() if name in used}


def _type(dtype):
    name = np.dtype(dtype).name
    return 'float32' if name.startswith('float') else name
