"""Translate MXNet operators without parameters into PyTorch calls."""
import re
from typing import Any, Dict

from . import shaping
from .layers import call, demand, demand_layout, pair
from .structure import TUPLES


def check_known(nodes):
    """Raise ValueError if operators lack a PyTorch counterpart; the message lists all of them."""
    missing = {}
    for node in nodes:
        known = node.kind or node.op in CALLS
        if node.op == 'item':  # one output of a node that has several
            node = nodes[node.inputs[0] - 1]
            known = node.op in TUPLES
        if not known:
            missing.setdefault(node.op, {})[node.name] = True
    if missing:
        raise ValueError(
            'these operators have no counterpart in PyTorch: %s. Export outputs of earlier layers, '
            'or use another format' % '; '.join('%s (%s)' % (op, ', '.join(names))
                               for op, names in sorted(missing.items())))


def call_text(node, values):
    """Return a Python expression for `node`, in which '{0}' and '{1}' stand for its inputs.

    `node` must have no parameters. `values` maps value numbers (see `Node`) to `Value`s. Raises
    ValueError for attributes that PyTorch cannot express.
    """
    for name, value in _IGNORED.get(node.op, {}).items():
        demand(node, node.get(name, value) == value, '%s=%s' % (name, node.get(name)),
               '%s=%s' % (name, value))
    text = CALLS[node.op]
    text = text(node, values) if callable(text) else text
    text = text.replace('{all}', ', '.join('{%d}' % i for i in range(len(node.inputs))))
    if values[node.number].is_integer and 'scalar' in node.attrs:  # MXNet truncates the scalar
        text = text.replace('{scalar}', str(int(node.get('scalar'))))
    return re.sub(r'\{([a-z]\w*)(?:=([^{}]*))?\}', lambda match: (
        repr(node.get(match.group(1))) if match.group(1) in node.attrs else match.group(2)), text)


def _activation(node, values):
    kind = node.get('act_type', 'leaky')
    demand(node, kind in _ACTIVATIONS, kind, 'act_type to be one of ' + ', '.join(_ACTIVATIONS))
    return _ACTIVATIONS[kind]


def _clip(node, values):
    bounds = node.get('a_min'), node.get('a_max')
    if values[node.number].is_integer:  # MXNet truncates the bounds
        return 'torch.clamp({0}, %d, %d)' % bounds
    is_relu6 = bounds == (0, 6)
    return 'F.relu6({0})' if is_relu6 else 'torch.clamp({0}, {a_min}, {a_max})'


def _pooling(node, values):
    X, Y = values[node.inputs[0]].shape, values[node.number].shape
    kind, rank = node.get('pool_type', 'max'), len(X) - 2
    convention = node.get('pooling_convention', 'valid')
    demand(node, kind in ('max', 'avg') and convention in ('valid', 'full'),
           '%s pooling with convention %s' % (kind, convention),
           'max or avg pooling with convention valid or full')
    demand_layout(node)
    if node.get('global_pool', False):
        return 'F.adaptive_%s_pool%dd({0}, 1)' % (kind, rank)
    kernel, stride, pad = (node.get(name) or default for name, default in
                           [('kernel', None), ('stride', (1,) * rank), ('pad', (0,) * rank)])
    # If the last window covers only padding, PyTorch omits it, so the output would be smaller
    # than in MXNet.
    demand(node, all((y - 1) * s < x + p for y, s, x, p in zip(Y[2:], stride, X[2:], pad)),
           'a last window that covers only padding', 'every pooling window to overlap the input')
    arguments = ['{0}', pair(node, 'kernel')]
    if stride != kernel:
        arguments.append('stride=%s' % (pair(node, 'stride', 1),))
    counts = kind == 'max' or not any(pad) or node.get('count_include_pad', True)
    return call('F.%s_pool%dd' % (kind, rank), *arguments, padding=pair(node, 'pad', 0),
                ceil_mode=convention == 'full', count_include_pad=counts)


def _resize(node, values):
    size = tuple(values[node.number].shape[2:])
    return ("F.interpolate({0}, size=%r, mode='bilinear', align_corners={align_corners=True})"
            % (size,))


def _upsampling(node, values):
    demand(node, node.get('sample_type') == 'nearest' and len(node.inputs) == 1,
           'sample_type=%s with %d inputs' % (node.get('sample_type'), len(node.inputs)),
           'sample_type=nearest with one input')
    return 'F.interpolate({0}, scale_factor={scale})'


def _l2(node, values):
    rank = len(values[node.number].shape)
    dims = {'channel': (1,), 'spatial': tuple(range(2, rank)), 'instance': tuple(range(1, rank))}
    return '{0} / torch.sqrt(torch.sum({0} ** 2, dim=%r, keepdim=True) + {eps=1e-10})' % (
        dims[node.get('mode', 'instance')],)


def _softmax(node, values):
    demand(node, len(node.inputs) == 1, 'use_length=True', 'use_length=False')
    scale = ' / {temperature}' if node.get('temperature') else ''
    return 'F.%s({0}%s, dim={axis=-1})' % (node.op, scale)


def _softmax_activation(node, values):
    return 'F.softmax({0}, dim=%d)' % (1 if node.get('mode') == 'channel' else -1)


def _cast(node, values):
    if values[node.number].is_integer:
        return '{0}.int()' if node.get('dtype') == 'int32' else '{0}.long()'
    return '{0}.float()' if values[node.inputs[0]].is_integer else '{0}'


def _divide(node, values):
    divisor = '{scalar}' if 'scalar' in node.attrs else '{1}'
    if values[node.number].is_integer:
        return 'torch.div({0}, %s, rounding_mode="trunc")' % divisor
    return '{0} / ' + divisor


def _where(node, values):
    condition, X = [len(values[i].shape) for i in node.inputs[:2]]
    rows = '.reshape(-1%s)' % (', 1' * (X - 1)) if condition < X else ''  # the condition is (N,)
    return 'torch.where({0}%s != 0, {1}, {2})' % rows


def _reduce(node, values):
    rank, axes = len(values[node.inputs[0]].shape), node.get('axis')
    axes = range(rank) if axes in (None, ()) else axes if isinstance(axes, tuple) else (axes,)
    axes = sorted(axis % rank for axis in axes)
    if node.get('exclude', False):
        axes = [axis for axis in range(rank) if axis not in axes]
    keepdims = node.get('keepdims', False)
    return 'torch.%s({0}, dim=%s%s)%s' % (
        {'max': 'amax', 'min': 'amin'}.get(node.op, node.op), tuple(axes) if axes[1:] else axes[0],
        ', keepdim=True' if keepdims else '', '' if keepdims or len(axes) < rank else '.reshape(1)')


def _batch_dot(node, values):
    return 'torch.matmul({0}%s, {1}%s)' % tuple(
        '.transpose(-1, -2)' if node.get(name, False) else ''
        for name in ('transpose_a', 'transpose_b'))


def _filled(node, values):
    # The initial state of a recurrent net is a constant tensor. Set its batch size to 1, because
    # PyTorch broadcasts the tensor to the batch size of the input.
    sizes = tuple(1 if size == 'N' else size for size in values[node.number].shape)
    return 'torch.full(%r, {value})' % (sizes,) if node.op == '_full' else 'torch.%s(%s)' % (
        node.op[1:], ', '.join(map(str, sizes)))


def _arange(node, values):
    demand(node, node.get('repeat', 1) == 1, 'repeat=%s' % node.get('repeat'), 'repeat=1')
    first, last = node.get('start', 0.0), node.get('stop')
    if last is None:
        first, last = 0, first
    return 'torch.arange(%g, %g, {step=1}, dtype=torch.float32)' % (first, last)


# {operator: the only supported values of attributes that its expression in `CALLS` ignores}.
_IGNORED: Dict[str, Dict[str, Any]] = {
    '_contrib_arange_like': {'start': 0, 'step': 1, 'repeat': 1},
    'broadcast_like': {'lhs_axes': None, 'rhs_axes': None},
    'reshape_like': dict.fromkeys(['lhs_begin', 'lhs_end', 'rhs_begin', 'rhs_end'])}
_ACTIVATIONS = {'relu': 'F.relu({0})', 'sigmoid': 'torch.sigmoid({0})', 'tanh': 'torch.tanh({0})',
                'softrelu': 'F.softplus({0})', 'softsign': 'F.softsign({0})',
                'leaky': 'F.leaky_relu({0}, {slope=0.25})', 'elu': 'F.elu({0}, {slope=0.25})',
                'selu': 'F.selu({0})', 'gelu': 'F.gelu({0})'}
# {MXNet operator: PyTorch expression}. '{0}' and '{1}' stand for inputs, '{all}' for all inputs,
# '{scalar}' for an attribute, and '{axis=-1}' for an attribute with a default.
ARITHMETIC: Dict[str, Any] = {
    '_plus': '{0} + {1}', '_plus_scalar': '{0} + {scalar}', '_minus_scalar': '{0} - {scalar}',
    '_rminus_scalar': '{scalar} - {0}', '_mul_scalar': '{0} * {scalar}',
    '_div_scalar': _divide, '_rdiv_scalar': lambda node, values: (
        '({scalar} / {0}).to({0}.dtype)' if values[node.number].is_integer else '{scalar} / {0}'),
    '_power_scalar': '{0} ** {scalar}', '_maximum_scalar': 'torch.clamp({0}, min={scalar})',
    '_minimum_scalar': 'torch.clamp({0}, max={scalar})', 'reciprocal': '1 / {0}',
    'square': '{0} ** 2', 'negative': 'torch.neg({0})',
    'add_n': lambda node, values: ' + '.join('{%d}' % i for i in range(len(node.inputs))),
    'hard_sigmoid': 'torch.clamp({0} * {alpha=0.2} + {beta=0.5}, 0, 1)',
}
ARITHMETIC.update(('%s_%s' % (kind, name), text) for kind in ('elemwise', 'broadcast', '')
                  for name, text in [
    ('add', '{0} + {1}'), ('sub', '{0} - {1}'), ('mul', '{0} * {1}'), ('div', _divide),
    ('power', '{0} ** {1}'), ('mod', '{0} % {1}'), ('maximum', 'torch.maximum({0}, {1})'),
    ('minimum', 'torch.minimum({0}, {1})')])
for _name, _sign in [('equal', '=='), ('not_equal', '!='), ('greater', '>'),
                     ('greater_equal', '>='), ('lesser', '<'), ('lesser_equal', '<=')]:
    ARITHMETIC['broadcast_' + _name] = ARITHMETIC['_' + _name] = '({0} %s {1}).float()' % _sign
    ARITHMETIC['_%s_scalar' % _name] = '({0} %s {scalar}).float()' % _sign
ARITHMETIC.update((name, 'torch.%s({0})' % name) for name in (
    'sigmoid', 'tanh', 'exp', 'log', 'sqrt', 'rsqrt', 'abs', 'sign', 'floor', 'ceil', 'sin', 'cos',
    'erf'))
CALLS: Dict[str, Any] = {
    'relu': 'F.relu({0})', 'Activation': _activation, 'LeakyReLU': _activation, 'clip': _clip,
    'hardswish': 'F.hardswish({0})', 'hardsigmoid': 'F.hardsigmoid({0})',
    'softmax': _softmax, 'log_softmax': _softmax, 'SoftmaxActivation': _softmax_activation,
    'Pooling': _pooling, 'UpSampling': _upsampling, '_contrib_BilinearResize2D': _resize,
    '_contrib_AdaptiveAvgPooling2D': lambda node, values: (
        'F.adaptive_avg_pool2d({0}, %s)' % (pair(node, 'output_size', 1),)),
    'L2Normalization': _l2, 'LRN': 'F.local_response_norm({0}, {nsize}, alpha={alpha=0.0001}, '
                                   'beta={beta=0.75}, k={knorm=2})',
    'sum': _reduce, 'mean': _reduce, 'max': _reduce, 'min': _reduce, 'batch_dot': _batch_dot,
    'where': _where,
    'Cast': _cast,
    '_zeros': _filled, '_ones': _filled, '_full': _filled, '_arange': _arange,
    '_contrib_arange_like': lambda node, values: (
        'torch.arange({0}.numel(), dtype=torch.float32).reshape({0}.shape)'
        if node.get('axis') is None else 'torch.arange({0}.shape[{axis}], dtype=torch.float32)'),
    'zeros_like': 'torch.zeros_like({0})', 'ones_like': 'torch.ones_like({0})',
    'shape_array': 'torch.tensor({0}.shape)', 'Flatten': shaping.flatten,
    'Reshape': shaping.reshape, 'reshape_like': '{0}.reshape({1}.shape)',
    'transpose': shaping.transpose, 'SwapAxis': 'torch.transpose({0}, {dim1=0}, {dim2=0})',
    'expand_dims': 'torch.unsqueeze({0}, {axis})', 'squeeze': shaping.squeeze,
    'channel_shuffle': 'F.channel_shuffle({0}, {groups})', 'tile': 'torch.tile({0}, {reps})',
    'repeat': 'torch.repeat_interleave({0}, {repeats}, dim={axis=None})',
    'broadcast_like': '{0}.expand_as({1})', 'Pad': shaping.pad, 'reverse': shaping.reverse,
    'slice': shaping.slice, 'slice_axis': shaping.slice_axis, 'slice_like': shaping.slice_like,
    'Crop': shaping.crop, 'SliceChannel': shaping.split, 'topk': shaping.topk,
    'item': shaping.item, 'gather_nd': shaping.gather_nd,
    'stack': 'torch.stack([{all}], dim={axis=0})', 'Concat': 'torch.cat([{all}], dim={dim=1})',
}
CALLS.update(ARITHMETIC)
