"""Convert elementwise operators: arithmetic, comparisons and casts."""
import numpy as np

from .registry import attribute, converts

# Operators that differ only in name: {name in MXNet: name in ONNX}.
SAME = {
    'abs': 'Abs', 'add_n': 'Sum', 'arccos': 'Acos', 'arcsin': 'Asin', 'arctan': 'Atan',
    'ceil': 'Ceil', 'cos': 'Cos', 'erf': 'Erf', 'exp': 'Exp', 'floor': 'Floor', 'log': 'Log',
    'negative': 'Neg', 'reciprocal': 'Reciprocal', 'relu': 'Relu', 'sigmoid': 'Sigmoid',
    'sign': 'Sign', 'sin': 'Sin', 'softsign': 'Softsign', 'sqrt': 'Sqrt', 'tan': 'Tan',
    'tanh': 'Tanh'}
# {ONNX operator: base names in MXNet}; `FORMS` turns 'add' into 'elemwise_add', etc.
ARITHMETIC = {
    'Add': 'add plus', 'Sub': 'sub minus', 'Mul': 'mul', 'Div': 'div', 'Pow': 'power',
    'Max': 'maximum', 'Min': 'minimum', 'Mod': 'mod'}
# Comparisons, in the same format as `ARITHMETIC`. In MXNet, they return 1 or 0 with the dtype of
# their inputs.
COMPARISONS = {
    'Equal': 'equal not_equal', 'Greater': 'greater', 'GreaterOrEqual': 'greater_equal',
    'Less': 'lesser', 'LessOrEqual': 'lesser_equal', 'And': 'logical_and', 'Or': 'logical_or',
    'Xor': 'logical_xor'}
FORMS = 'elemwise_%s', 'broadcast_%s', '_%s', '_%s_scalar', '_r%s_scalar'
BINARY = {form % word: op for op, words in dict(ARITHMETIC, **COMPARISONS).items()
          for word in words.split() for form in FORMS}


@converts(*SAME)
def same(onnx, node, *inputs):
    """Apply the ONNX operator that `SAME` lists for this MXNet operator."""
    return onnx.add(SAME[node.op], *inputs)


@converts(*BINARY)
def binary(onnx, node, a, b=None):
    """Apply a binary operator to two tensors, or to a tensor and a scalar."""
    op, dtype = BINARY[node.op], onnx.dtype(node.inputs[0])
    b = onnx.constant(float(attribute(node, 'scalar', 1)), dtype) if b is None else b
    if node.op.startswith('_r'):  # for example, _rminus_scalar is scalar - tensor
        a, b = b, a
    if op == 'Mod':  # the result has the sign of b in MXNet, but the sign of a in ONNX
        rest = onnx.add('Mod', a, b, fmod=1)
        opposite = onnx.add('Less', onnx.add('Mul', rest, b), onnx.constant(0, dtype))
        return onnx.add('Where', opposite, onnx.add('Add', rest, b), rest)
    if op in ARITHMETIC:
        return onnx.add(op, a, b)
    if op in ('And', 'Or', 'Xor'):
        a, b = onnx.cast(a, 'bool'), onnx.cast(b, 'bool')
    truth = onnx.add(op, a, b)
    return onnx.cast(onnx.add('Not', truth) if 'not_equal' in node.op else truth, dtype)


@converts('logical_not')
def logical_not(onnx, node, X):
    """Return 1 where X is 0, and 0 elsewhere."""
    return onnx.cast(onnx.add('Not', onnx.cast(X, 'bool')), onnx.dtype(node.inputs[0]))


@converts('square')
def square(onnx, node, X):
    """Compute X^2."""
    return onnx.add('Mul', X, X)


@converts('rsqrt')
def rsqrt(onnx, node, X):
    """Compute 1 / sqrt(X)."""
    return onnx.add('Reciprocal', onnx.add('Sqrt', X))


@converts('where')
def where(onnx, node, condition, X, Y):
    """Select X where the condition is not 0, else Y; a condition of shape (N,) selects rows."""
    rank = onnx.rank(node.inputs[1])
    if onnx.rank(node.inputs[0]) < rank:
        condition = onnx.add('Reshape', condition, [-1] + [1] * (rank - 1))
    return onnx.add('Where', onnx.cast(condition, 'bool'), X, Y)


@converts('clip')
def clip(onnx, node, X):
    """Compute max(a_min, min(X, a_max))."""
    return onnx.add('Clip', X, *[onnx.constant(float(attribute(node, name)),
                                               onnx.dtype(node.inputs[0]))
                                 for name in ('a_min', 'a_max')])


@converts('Cast')
def cast(onnx, node, X):
    """Cast to another type. The ONNX graph uses float32 for all floating-point types."""
    found, wanted = (onnx.dtype(entry) for entry in (node.inputs[0], node.entry()))
    return X if found == wanted else onnx.cast(X, wanted)


@converts('amp_multicast')
def amp_multicast(onnx, node, *inputs):
    """Return the inputs unchanged, because all of them are float32 in the ONNX graph."""
    return list(inputs)


def along_axis(onnx, entry, vector, axis, rank):
    """Reshape a vector so that it broadcasts along `axis` of a tensor of the given rank."""
    shape = [-1] + [1] * (rank - 1 - axis)
    values = onnx.value(entry)
    if len(shape) == 1:
        return vector
    # Reshape constants now instead of in the ONNX graph, because many engines support PRelu only
    # with constant slopes.
    return onnx.add('Reshape', vector, shape) if values is None else onnx.constant(
        np.reshape(values, shape))
