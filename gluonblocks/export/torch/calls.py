"""MXNet's operators without parameters as PyTorch writes them: the text of a call."""
import re

import numpy as np

from . import shaping
from .layers import demand, demand_layout, pair
from .structure import TUPLES


def check_known(nodes):
    """Raise ValueError, with all of them and their layers, for operators that are not known."""
    lacking = {}
    for node in nodes:
        if node.op == 'item':  # of what has several outputs, also if only one of them is known
            node = nodes[node.inputs[0] - 1]
            known = node.op in TUPLES
        else:
            known = node.kind or node.op in CALLS
        if not known and node.name not in lacking.setdefault(node.op, []):
            lacking[node.op].append(node.name)
    if lacking:
        raise ValueError(
            'these operators have no counterpart in PyTorch: %s. Choose outputs that come before '
            'them' % '; '.join('%s (%s)' % (op, ', '.join(names))
                               for op, names in sorted(lacking.items())))


def call_text(node, values):
    """The call or expression of an operator without parameters; '{0}', '{1}' are its inputs.

    `values` have `shape` and `is_integer` of each value by its number. Raises ValueError for
    attributes that cannot be written.
    """
    made = CALLS[node.op]
    if callable(made):
        return made(node, values)
    made = made.replace('{all}', ', '.join('{%d}' % i for i in range(len(node.inputs))))
    return re.sub(r'\{([a-z]\w*)(?:=([^{}]*))?\}',
                  lambda match: repr(node.get(match.group(1))) if match.group(1) in node.attrs
                  else match.group(2), made)


def _choose(attribute, default, **texts):
    """The conversion of an operator whose `attribute` says what it computes."""
    def convert(node, values):
        kind = node.get(attribute, default)
        demand(node, kind in texts, '%s=%s' % (attribute, kind), ', '.join(texts))
        return texts[kind].replace('SLOPE', repr(node.get('slope', 0.25)))
    return convert


def _clip(node, values):
    low, high = node.get('a_min'), node.get('a_max')
    return 'F.relu6({0})' if (low, high) == (0, 6) else 'torch.clamp({0}, %r, %r)' % (low, high)


def _pooling(node, values):
    kind, X, Y = (node.get('pool_type', 'max'), values[node.inputs[0]].shape,
                  values[node.number].shape)
    demand(node, kind in ('max', 'avg'), 'pool_type=%s' % kind, 'max and avg')
    demand(node, len(X) in (3, 4, 5), 'input of shape %s' % (X,), '(N, C, H, W)')
    demand_layout(node)
    rank = len(X) - 2
    if node.get('global_pool', False):
        return 'F.adaptive_%s_pool%dd({0}, 1)' % (kind, rank)
    kernel, stride, pad = (node.get(name) or default for name, default in
                           [('kernel', None), ('stride', (1,) * rank), ('pad', (0,) * rank)])
    convention = node.get('pooling_convention', 'valid')
    demand(node, convention in ('valid', 'full'), convention, 'valid and full')
    demand(node, all(2 * p <= k for p, k in zip(pad, kernel)),
           'padding %s for windows of %s' % (pad, kernel), 'padding of half a window at most')
    # MXNet keeps a last window that lies in the padding alone, and PyTorch leaves it out.
    demand(node, all((y - 1) * s < x + p for y, s, x, p in zip(Y[2:], stride, X[2:], pad)),
           'a last window within the padding', 'windows that hold something of the image')
    text = '{0}, %s' % (pair(node, 'kernel'),)
    if stride != kernel:
        text += ', stride=%s' % (pair(node, 'stride', 1),)
    if any(pad):
        text += ', padding=%s' % (pair(node, 'pad', 0),)
    if convention == 'full':
        text += ', ceil_mode=True'
    if kind == 'avg' and any(pad) and not node.get('count_include_pad', True):
        text += ', count_include_pad=False'
    return 'F.%s_pool%dd(%s)' % (kind, rank, text)


def _upsampling(node, values):
    demand(node, node.get('sample_type') == 'nearest' and len(node.inputs) == 1,
           'sample_type=%s and %d inputs' % (node.get('sample_type'), len(node.inputs)),
           'nearest and one')
    return 'F.interpolate({0}, scale_factor=%d)' % node.get('scale')


def _l2(node, values):
    rank = len(values[node.number].shape)
    dims = {'channel': 1, 'spatial': tuple(range(2, rank)),
            'instance': tuple(range(1, rank))}[node.get('mode', 'instance')]
    return '{0} / torch.sqrt(torch.sum({0} ** 2, dim=%r, keepdim=True) + %r)' % (
        dims, node.get('eps', 1e-10))


def _softmax(node, values):
    demand(node, node.get('temperature') in (None, 1.0), 'a temperature', 'none')
    return 'F.%s({0}, dim=%d)' % (node.op, node.get('axis', -1))


def _softmax_activation(node, values):
    shape = values[node.number].shape
    demand(node, node.get('mode', 'instance') == 'channel' or len(shape) == 2,
           'input of shape %s' % (shape,), '(N, C)')
    return 'F.softmax({0}, dim=1)'


def _cast(node, values):
    if not values[node.number].is_integer:
        return '{0}.float()' if values[node.inputs[0]].is_integer else '{0}'
    return '{0}.%s()' % {'int64': 'long', 'int32': 'int'}.get(node.get('dtype'), 'long')


def _over_axis(node, values):
    rank, axis = len(values[node.inputs[0]].shape), node.get('axis')
    axes = axis if isinstance(axis, tuple) else () if axis is None else (axis,)
    axes = tuple(each % rank for each in axes) or tuple(range(rank))
    if node.get('exclude', False):
        axes = tuple(each for each in range(rank) if each not in axes)
    name = {'max': 'amax', 'min': 'amin'}.get(node.op, node.op)
    return 'torch.%s({0}, dim=%r%s)' % (name, axes if len(axes) > 1 else axes[0],
                                        ', keepdim=True' if node.get('keepdims', False) else '')


def _batch_dot(node, values):
    return 'torch.matmul(%s, %s)' % tuple(
        '{%d}%s' % (i, '.transpose(-1, -2)' if node.get(name, False) else '')
        for i, name in enumerate(('transpose_a', 'transpose_b')))


def _filled(node, values):
    # The first states of a recurrent net: one row, which PyTorch repeats for the batch.
    sizes = [1 if size == 'N' else size for size in values[node.number].shape]
    if node.op == '_full':
        return 'torch.full(%r, %r)' % (tuple(sizes), float(node.get('value')))
    return 'torch.%s(%s)' % (node.op[1:], ', '.join(map(str, sizes)))


def _arange(node, values):
    demand(node, node.get('repeat', 1) == 1, 'repeat=%s' % node.get('repeat'), 'repeat=1')
    bounds = [node.get('start', 0.0), node.get('stop'), node.get('step', 1.0)]
    if bounds[1] is None:
        bounds[:2] = [0, bounds[0]]
    return 'torch.arange(%s, dtype=torch.float32)' % ', '.join('%g' % bound for bound in bounds)


_BINARY = {'add': '{0} + {1}', 'sub': '{0} - {1}', 'mul': '{0} * {1}', 'div': '{0} / {1}',
           'maximum': 'torch.maximum({0}, {1})', 'minimum': 'torch.minimum({0}, {1})',
           'power': '{0} ** {1}', 'mod': '{0} % {1}'}
_COMPARISONS = {'equal': '==', 'not_equal': '!=', 'greater': '>', 'greater_equal': '>=',
                'lesser': '<', 'lesser_equal': '<='}
# '{0}' and '{1}' are the inputs and '{scalar}' an attribute; '{axis=-1}' is one with its default.
ARITHMETIC = {
    'hard_sigmoid': 'torch.clamp({0} * {alpha=0.2} + {beta=0.5}, 0, 1)',
    '_plus': '{0} + {1}', '_plus_scalar': '{0} + {scalar}', '_minus_scalar': '{0} - {scalar}',
    '_rminus_scalar': '{scalar} - {0}', '_mul_scalar': '{0} * {scalar}',
    '_div_scalar': '{0} / {scalar}', '_rdiv_scalar': '{scalar} / {0}',
    '_power_scalar': '{0} ** {scalar}', '_maximum_scalar': 'torch.clamp({0}, min={scalar})',
    '_minimum_scalar': 'torch.clamp({0}, max={scalar})', 'reciprocal': '1 / {0}',
    'square': '{0} ** 2', 'negative': 'torch.neg({0})',
    'add_n': lambda node, values: ' + '.join('{%d}' % i for i in range(len(node.inputs))),
}
ARITHMETIC.update({'%s_%s' % (kind, name): text for name, text in _BINARY.items()
                   for kind in ('elemwise', 'broadcast')})
ARITHMETIC.update({kind + '_div': lambda node, values: (
    'torch.div({0}, {1}, rounding_mode="trunc")' if values[node.number].is_integer
    else '{0} / {1}') for kind in ('elemwise', 'broadcast')})
ARITHMETIC.update({'broadcast_%s' % name: '({0} %s {1}).float()' % sign
                   for name, sign in _COMPARISONS.items()})
ARITHMETIC.update({'_%s_scalar' % name: '({0} %s {scalar}).float()' % sign
                   for name, sign in _COMPARISONS.items()})
ARITHMETIC.update({name: 'torch.%s({0})' % name for name in (
    'sigmoid', 'tanh', 'exp', 'log', 'sqrt', 'rsqrt', 'abs', 'sign', 'floor', 'ceil', 'sin',
    'cos', 'erf')})
CALLS = dict(ARITHMETIC, **{
    'relu': 'F.relu({0})', 'clip': _clip, 'hardswish': 'F.hardswish({0})',
    'hardsigmoid': 'F.hardsigmoid({0})',
    'Activation': _choose('act_type', None, relu='F.relu({0})', sigmoid='torch.sigmoid({0})',
                          tanh='torch.tanh({0})', softrelu='F.softplus({0})',
                          softsign='F.softsign({0})'),
    'LeakyReLU': _choose('act_type', 'leaky', leaky='F.leaky_relu({0}, SLOPE)',
                         elu='F.elu({0}, SLOPE)', selu='F.selu({0})', gelu='F.gelu({0})'),
    'softmax': _softmax, 'log_softmax': _softmax, 'SoftmaxActivation': _softmax_activation,
    'Pooling': _pooling, 'UpSampling': _upsampling, 'L2Normalization': _l2,
    'LRN': 'F.local_response_norm({0}, {nsize}, alpha={alpha=0.0001}, beta={beta=0.75}, '
           'k={knorm=2})',
    '_contrib_BilinearResize2D': lambda node, values: (
        "F.interpolate({0}, size=%r, mode='bilinear', align_corners=%r)"
        % (tuple(values[node.number].shape[2:]), node.get('align_corners', True))),
    '_contrib_AdaptiveAvgPooling2D': lambda node, values: (
        'F.adaptive_avg_pool2d({0}, %r)' % (pair(node, 'output_size', 1),)),
    'sum': _over_axis, 'mean': _over_axis, 'max': _over_axis, 'min': _over_axis,
    'batch_dot': _batch_dot, 'where': 'torch.where({0} != 0, {1}, {2})',
    'Dropout': '{0}', 'BlockGrad': '{0}', 'identity': '{0}', '_copy': '{0}',
    'Cast': _cast, 'amp_cast': _cast, '_zeros': _filled, '_ones': _filled, '_full': _filled,
    '_arange': _arange, 'zeros_like': 'torch.zeros_like({0})',
    'ones_like': 'torch.ones_like({0})', 'shape_array': 'torch.tensor({0}.shape)',
    'Reshape': shaping.reshape, 'Flatten': 'torch.flatten({0}, 1)',
    'reshape_like': '{0}.reshape({1}.shape)', 'transpose': shaping.transpose,
    'SwapAxis': 'torch.transpose({0}, {dim1=0}, {dim2=0})',
    'expand_dims': 'torch.unsqueeze({0}, {axis})', 'squeeze': shaping.squeeze,
    'channel_shuffle': 'F.channel_shuffle({0}, {groups})', 'tile': 'torch.tile({0}, {reps})',
    'repeat': 'torch.repeat_interleave({0}, {repeats}, dim={axis=None})',
    'broadcast_like': '{0}.expand_as({1})', 'Pad': shaping.pad, 'slice': shaping.slice,
    'reverse': lambda node, values: 'torch.flip({0}, %r)' % (
        np.atleast_1d(node.get('axis')).tolist(),),
    'slice_axis': shaping.slice_axis, 'slice_like': shaping.slice_like, 'Crop': shaping.crop,
    'SliceChannel': shaping.split, 'topk': shaping.topk, 'item': shaping.item,
    'gather_nd': shaping.gather_nd, 'stack': 'torch.stack([{all}], dim={axis=0})',
    'Concat': 'torch.cat([{all}], dim={dim=1})',
})
