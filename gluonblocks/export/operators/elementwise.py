"""Operators that compute element by element: arithmetic, comparisons, casts."""
import math

import numpy as np

from .registry import attribute, converts

# Operators that ONNX has too: {MXNet's name: ONNX's name}.
SAME = {
    'abs': 'Abs', 'arccos': 'Acos', 'arccosh': 'Acosh', 'arcsin': 'Asin', 'arcsinh': 'Asinh',
    'arctan': 'Atan', 'arctanh': 'Atanh', 'ceil': 'Ceil', 'cos': 'Cos', 'cosh': 'Cosh',
    'erf': 'Erf', 'exp': 'Exp', 'floor': 'Floor', 'log': 'Log', 'negative': 'Neg',
    'reciprocal': 'Reciprocal', 'relu': 'Relu', 'sigmoid': 'Sigmoid', 'sign': 'Sign', 'sin': 'Sin',
    'sinh': 'Sinh', 'softsign': 'Softsign', 'sqrt': 'Sqrt', 'tan': 'Tan', 'tanh': 'Tanh',
    'add_n': 'Sum'}
# Operators that return their first input in prediction; losses differ only in training.
IDENTITIES = (
    'BlockGrad', 'IdentityAttachKLSparseReg', 'LinearRegressionOutput', 'MAERegressionOutput',
    'MakeLoss', 'SVMOutput', '_CrossDeviceCopy', '_contrib_gradientmultiplier', '_copy', '_copyto',
    '_identity_with_attr_like_rhs', 'make_loss')
# {ONNX's operator or a function of this file: MXNet's operators of two tensors, of a tensor and a
# scalar, and of a scalar and a tensor}.
ARITHMETIC = {
    'Add': ('elemwise_add broadcast_add _grad_add', '_plus_scalar _scatter_plus_scalar', ''),
    'Sub': ('elemwise_sub broadcast_sub', '_minus_scalar _scatter_minus_scalar', '_rminus_scalar'),
    'Mul': ('elemwise_mul broadcast_mul', '_mul_scalar', ''),
    'Div': ('elemwise_div broadcast_div _scatter_elemwise_div', '_div_scalar', '_rdiv_scalar'),
    'Pow': ('_power broadcast_power', '_power_scalar', '_rpower_scalar'),
    'Max': ('_maximum broadcast_maximum', '_maximum_scalar', ''),
    'Min': ('_minimum broadcast_minimum', '_minimum_scalar', ''),
    'mod': ('_mod broadcast_mod', '_mod_scalar', '_rmod_scalar'),
    'hypot': ('_hypot broadcast_hypot', '_hypot_scalar', '')}
# The same for conditions. MXNet returns them as 1 and 0, in the type of the inputs.
LOGIC = {
    'Equal': ('_equal broadcast_equal', '_equal_scalar'),
    'unequal': ('_not_equal broadcast_not_equal', '_not_equal_scalar'),
    'Greater': ('_greater broadcast_greater', '_greater_scalar'),
    'GreaterOrEqual': ('_greater_equal broadcast_greater_equal', '_greater_equal_scalar'),
    'Less': ('_lesser broadcast_lesser', '_lesser_scalar'),
    'LessOrEqual': ('_lesser_equal broadcast_lesser_equal', '_lesser_equal_scalar'),
    'And': ('_logical_and broadcast_logical_and', '_logical_and_scalar'),
    'Or': ('_logical_or broadcast_logical_or', '_logical_or_scalar'),
    'Xor': ('_logical_xor broadcast_logical_xor', '_logical_xor_scalar')}


def mod(onnx, node, a, b):
    """The remainder of a / b, with the sign of b; 0 where b is 0."""
    zero = onnx.constant(0, onnx.dtype(node.inputs[0]))
    rest = onnx.add('Mod', a, b, fmod=1)  # with the sign of a
    opposite = onnx.add('Less', onnx.add('Mul', rest, b), zero)
    rest = onnx.add('Where', opposite, onnx.add('Add', rest, b), rest)
    return onnx.add('Where', onnx.add('Equal', b, zero), zero, rest)


def hypot(onnx, node, a, b):
    """sqrt(a^2 + b^2)"""
    return onnx.add('Sqrt', onnx.add('Add', onnx.add('Mul', a, a), onnx.add('Mul', b, b)))


def unequal(onnx, node, a, b):
    """a != b"""
    return onnx.add('Not', onnx.add('Equal', a, b))


def times(onnx, X, factor):
    """X * factor"""
    return onnx.add('Mul', X, onnx.constant(factor))


def trunc(onnx, X):
    """Round towards 0."""
    return onnx.add('Mul', onnx.add('Sign', X), onnx.add('Floor', onnx.add('Abs', X)))


def nearest(onnx, X, half_up):
    """Round to the nearest integer, and halves up or down."""
    whole = onnx.add('Floor', X)  # X - whole is exact; X + 0.5 need not be
    up = onnx.add('GreaterOrEqual' if half_up else 'Greater', onnx.add('Sub', X, whole),
                  onnx.constant(0.5))
    return onnx.add('Add', whole, onnx.cast(up, 'float32'))


def signed_power(onnx, X, exponent):
    """sign(X) * |X|^exponent"""
    power = onnx.add('Pow', onnx.add('Abs', X), onnx.constant(exponent))
    return onnx.add('Mul', onnx.add('Sign', X), power)


COMPOSED = {
    'LogisticRegressionOutput': lambda onnx, X: onnx.add('Sigmoid', X),
    'cbrt': lambda onnx, X: signed_power(onnx, X, 1 / 3),
    'degrees': lambda onnx, X: times(onnx, X, 180 / math.pi),
    'expm1': lambda onnx, X: onnx.add('Sub', onnx.add('Exp', X), onnx.constant(1)),
    'fix': trunc,
    'log10': lambda onnx, X: times(onnx, onnx.add('Log', X), 1 / math.log(10)),
    'log1p': lambda onnx, X: onnx.add('Log', onnx.add('Add', X, onnx.constant(1))),
    'log2': lambda onnx, X: times(onnx, onnx.add('Log', X), 1 / math.log(2)),
    'radians': lambda onnx, X: times(onnx, X, math.pi / 180),
    'rcbrt': lambda onnx, X: onnx.add('Reciprocal', signed_power(onnx, X, 1 / 3)),
    'rint': lambda onnx, X: nearest(onnx, X, half_up=False),  # MXNet: 1.5 -> 1, 2.5 -> 2
    # MXNet rounds halves away from 0.
    'round': lambda onnx, X: onnx.add('Mul', onnx.add('Sign', X),
                                      nearest(onnx, onnx.add('Abs', X), half_up=True)),
    'rsqrt': lambda onnx, X: onnx.add('Reciprocal', onnx.add('Sqrt', X)),
    'square': lambda onnx, X: onnx.add('Mul', X, X),
    'trunc': trunc}


def _function(name):
    """Return f(onnx, node, a, b): a function of this file, or one that adds the operator `name`."""
    return globals().get(name) or (lambda onnx, node, *inputs: onnx.add(name, *inputs))


def _scalar(onnx, node):
    """Return the name of the constant `scalar`, an attribute, in the type of the input."""
    value = np.float64(attribute(node, 'scalar', 1))  # accepts 'inf' as well
    return onnx.constant(value, onnx.dtype(node.inputs[0]))


def _register_tables():
    for name, op in SAME.items():
        converts(name)(lambda onnx, node, *inputs, op=op: onnx.add(op, *inputs))
    converts(*IDENTITIES)(lambda onnx, node, X, *label: X)
    for name, compute in COMPOSED.items():
        converts(name)(lambda onnx, node, X, *label, compute=compute: compute(onnx, X))
    for name, (tensors, scalars, reversed_) in ARITHMETIC.items():
        f = _function(name)
        converts(*tensors.split())(f)
        converts(*scalars.split())(lambda onnx, node, X, f=f: f(onnx, node, X, _scalar(onnx, node)))
        converts(*reversed_.split())(
            lambda onnx, node, X, f=f: f(onnx, node, _scalar(onnx, node), X))
    for name, (tensors, scalars) in LOGIC.items():
        converts(*(tensors + ' ' + scalars).split())(
            lambda onnx, node, *inputs, name=name: _logic(onnx, node, name, *inputs))


def _logic(onnx, node, name, a, b=None):
    b = _scalar(onnx, node) if b is None else b
    if name in ('And', 'Or', 'Xor'):
        a, b = onnx.cast(a, 'bool'), onnx.cast(b, 'bool')
    return onnx.cast(_function(name)(onnx, node, a, b), onnx.dtype(node.inputs[0]))


_register_tables()


@converts('logical_not')
def logical_not(onnx, node, X):
    """1 where X is 0, else 0."""
    truth = onnx.add('Not', onnx.cast(X, 'bool'))
    return onnx.cast(truth, onnx.dtype(node.inputs[0]))


@converts('where')
def where(onnx, node, condition, X, Y):
    """X where the condition is not 0, else Y; a condition (N,) selects whole rows."""
    rank = len(onnx.shape(node.inputs[1]))
    if len(onnx.shape(node.inputs[0])) < rank:
        condition = onnx.add('Reshape', condition, onnx.ints(-1, *[1] * (rank - 1)))
    return onnx.add('Where', onnx.cast(condition, 'bool'), X, Y)


@converts('clip')
def clip(onnx, node, X):
    """max(a_min, min(X, a_max))"""
    dtype = onnx.dtype(node.inputs[0])
    return onnx.add('Clip', X, onnx.constant(float(attribute(node, 'a_min')), dtype),
                    onnx.constant(float(attribute(node, 'a_max')), dtype))


@converts('smooth_l1')
def smooth_l1(onnx, node, X):
    """(s X)^2 / 2 where |X| < 1 / s^2, else |X| - 1 / (2 s^2), with the attribute `scalar` for s"""
    squared = float(attribute(node, 'scalar', 1)) ** 2
    size = onnx.add('Abs', X)
    return onnx.add('Where', onnx.add('Less', size, onnx.constant(1 / squared)),
                    times(onnx, onnx.add('Mul', X, X), squared / 2),
                    onnx.add('Sub', size, onnx.constant(0.5 / squared)))


@converts('Cast', 'amp_cast')
def cast(onnx, node, X):
    """Cast to another type. All floating-point types are float32 in ONNX."""
    found, wanted = (onnx.dtype(entry) for entry in (node.inputs[0], node.entry()))
    return X if found == wanted else onnx.cast(X, wanted)


@converts('amp_multicast')
def amp_multicast(onnx, node, *inputs):
    """Return the inputs, which all are float32 in ONNX."""
    return list(inputs)


@converts('_contrib_div_sqrt_dim')
def div_sqrt_dim(onnx, node, X):
    """X / sqrt(size of the last axis)"""
    return times(onnx, X, onnx.shape(node.inputs[0])[-1] ** -0.5)


@converts('Dropout')
def dropout(onnx, node, X):
    """Return X: nothing is dropped in prediction."""
    if attribute(node, 'mode', 'training') == 'always' and attribute(node, 'p', 0.5) > 0:
        raise ValueError("%s: mode='always' drops at random in prediction too; expected "
                         "mode='training'" % node.name)
    return X


def along_axis(onnx, entry, vector, axis, rank):
    """Reshape a vector so that it broadcasts along `axis` of a tensor of the given rank."""
    shape = (-1,) + (1,) * (rank - 1 - axis)
    if len(shape) == 1:
        return vector
    values = onnx.value(entry)
    if values is None:
        return onnx.add('Reshape', vector, onnx.ints(*shape))
    return onnx.constant(np.reshape(values, shape))
