"""MXNet's operators without parameters as PyTorch writes them: the text of a call."""
import numpy as np

from . import shaping
from .operators import demand, demand_layout, pair


def call_text(node, shapes):
    """The call or expression of an operator without parameters; '{0}', '{1}' are its inputs.

    `shapes` are those of all values, for a batch of a size that no other dimension has. Raises
    ValueError with the operator's name if it is not known here.
    """
    if node.op not in _TEXTS or node.params:
        raise ValueError(
            'the operator %s (%s)%s has no counterpart here in PyTorch; these have: %s. Write the '
            'block with those, or add it to torch/calls.py'
            % (node.op, node.name, ' with parameters' if node.params else '',
               ', '.join(sorted(set(_TEXTS) | {'Convolution', 'FullyConnected', 'BatchNorm'}))))
    made = _TEXTS[node.op]
    return made if isinstance(made, str) else made(node, shapes)


def _activation(node, shapes):
    kind = node.get('act_type')
    known = {'relu': 'F.relu({0})', 'sigmoid': 'torch.sigmoid({0})', 'tanh': 'torch.tanh({0})',
             'softrelu': 'F.softplus({0})', 'softsign': 'F.softsign({0})'}
    demand(node, kind in known, kind, ', '.join(known))
    return known[kind]


def _leaky(node, shapes):
    kind, slope = node.get('act_type', 'leaky'), node.get('slope', 0.25)
    known = {'leaky': 'F.leaky_relu({0}, %r)' % slope, 'elu': 'F.elu({0}, %r)' % slope,
             'selu': 'F.selu({0})', 'gelu': 'F.gelu({0})'}
    demand(node, kind in known, kind, ', '.join(known))
    return known[kind]


def _clip(node, shapes):
    low, high = node.get('a_min'), node.get('a_max')
    return 'F.relu6({0})' if (low, high) == (0, 6) else 'torch.clamp({0}, %r, %r)' % (low, high)


def _pooling(node, shapes):
    kind, X, Y = node.get('pool_type', 'max'), shapes[node.inputs[0]], shapes[node.number]
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


def _resize(node, shapes):
    return ("F.interpolate({0}, size=%r, mode='bilinear', align_corners=%r)"
            % (tuple(shapes[node.number][2:]), node.get('align_corners', True)))


def _upsampling(node, shapes):
    demand(node, node.get('sample_type') == 'nearest' and len(node.inputs) == 1,
           'sample_type=%s and %d inputs' % (node.get('sample_type'), len(node.inputs)),
           'nearest and one')
    return 'F.interpolate({0}, scale_factor=%d)' % node.get('scale')


def _l2(node, shapes):
    mode = node.get('mode', 'instance')
    dims = {'channel': 1, 'spatial': tuple(range(2, len(shapes[node.number]))),
            'instance': tuple(range(1, len(shapes[node.number])))}[mode]
    return '{0} / torch.sqrt(torch.sum({0} ** 2, dim=%r, keepdim=True) + %r)' % (
        dims, node.get('eps', 1e-10))


def _softmax_activation(node, shapes):
    if node.get('mode', 'instance') == 'channel':
        return 'F.softmax({0}, dim=1)'
    demand(node, len(shapes[node.number]) == 2, 'input of shape %s' % (shapes[node.number],),
           '(N, C)')
    return 'F.softmax({0}, dim=1)'


def _cast(node, shapes):
    demand(node, node.get('dtype') in ('float32', 'float16', 'float64'), node.get('dtype'),
           'floating-point numbers')
    return '{0}'


def _lrn(node, shapes):
    return 'F.local_response_norm({0}, %d, alpha=%r, beta=%r, k=%r)' % (
        node.get('nsize'), node.get('alpha', 1e-4), node.get('beta', 0.75), node.get('knorm', 2))


def _broadcast_like(node, shapes):
    return '{0}.expand_as({1})'


def _add_n(node, shapes):
    return ' + '.join('{%d}' % i for i in range(len(node.inputs)))


def _over_axis(node, shapes):
    axis = node.get('axis')
    demand(node, axis not in (None, ()) and not node.get('exclude', False),
            'axis=%s' % (axis,), 'the axes by number')
    keep = ', keepdim=True' if node.get('keepdims', False) else ''
    return 'torch.%s({0}, dim=%r%s)' % (_REDUCTIONS[node.op], axis, keep)


def _softmax(node, shapes):
    demand(node, node.get('temperature') in (None, 1.0), 'a temperature', 'none')
    return 'F.%s({0}, dim=%d)' % (node.op, node.get('axis', -1))


def _scalar(text):
    return lambda node, shapes: text % node.get('scalar')


def _batch_dot(node, shapes):
    a, b = ['{%d}%s' % (i, '.transpose(-1, -2)' if node.get(name, False) else '')
            for i, name in enumerate(('transpose_a', 'transpose_b'))]
    return 'torch.matmul(%s, %s)' % (a, b)


def _filled(node, shapes):
    # The first states of a recurrent net: one row, which PyTorch repeats for the batch.
    value = node.get('value', float(node.op == '_ones'))
    sizes = [1 if i == 0 and size == shapes[0][0] else size
             for i, size in enumerate(shapes[node.number])]
    return 'torch.full((%s,), %r)' % (', '.join(map(str, sizes)), float(value))


_BINARY = {'add': '{0} + {1}', 'sub': '{0} - {1}', 'mul': '{0} * {1}', 'div': '{0} / {1}',
           'maximum': 'torch.maximum({0}, {1})', 'minimum': 'torch.minimum({0}, {1})',
           'power': '{0} ** {1}'}
_COMPARISONS = {'equal': '==', 'not_equal': '!=', 'greater': '>', 'greater_equal': '>=',
                'lesser': '<', 'lesser_equal': '<='}
_REDUCTIONS = {'sum': 'sum', 'mean': 'mean', 'max': 'amax', 'min': 'amin'}
_TEXTS = {
    'where': 'torch.where({0} != 0, {1}, {2})', 'batch_dot': _batch_dot, 'reverse':
    lambda node, shapes: 'torch.flip({0}, %r)' % (np.atleast_1d(node.get('axis')).tolist(),),
    'Activation': _activation, 'LeakyReLU': _leaky, 'clip': _clip, 'Pooling': _pooling,
    'relu': 'F.relu({0})', 'Flatten': shaping.flatten, 'Concat': shaping.concat,
    'softmax': _softmax, 'log_softmax': _softmax, 'SoftmaxActivation': _softmax_activation,
    '_zeros': _filled, '_ones': _filled, '_full': _filled,
    'sum': _over_axis, 'mean': _over_axis, 'max': _over_axis, 'min': _over_axis,
    '_plus': '{0} + {1}', 'add_n': _add_n,
    '_plus_scalar': _scalar('{0} + %r'), '_minus_scalar': _scalar('{0} - %r'),
    '_rminus_scalar': _scalar('%r - {0}'), '_mul_scalar': _scalar('{0} * %r'),
    '_div_scalar': _scalar('{0} / %r'), '_rdiv_scalar': _scalar('%r / {0}'),
    '_power_scalar': _scalar('{0} ** %r'), 'ones_like': 'torch.ones_like({0})',
    '_maximum_scalar': _scalar('torch.clamp({0}, min=%r)'),
    '_minimum_scalar': _scalar('torch.clamp({0}, max=%r)'),
    'zeros_like': 'torch.zeros_like({0})', 'Reshape': shaping.reshape, 'reshape_like':
    'torch.reshape({0}, {1}.shape)', 'Pad': shaping.pad, 'slice': shaping.slice,
    'slice_axis': shaping.slice_axis, 'slice_like': shaping.slice_like, 'Crop': shaping.crop,
    'SliceChannel': shaping.split, 'UpSampling': _upsampling,
    'L2Normalization': _l2, 'LRN': _lrn, 'transpose': shaping.transpose, 'squeeze': shaping.squeeze,
    'Cast': _cast, 'amp_cast': _cast, 'tile': shaping.tile, 'broadcast_like': _broadcast_like,
    'stack': shaping.stack, 'square': '{0} ** 2', 'reciprocal': '1 / {0}', 'negative': '-{0}',
    '_contrib_BilinearResize2D': _resize, 'identity': '{0}', '_copy': '{0}',
    'item': lambda node, shapes: '{0}[%d]' % node.get('index'),
    'Dropout': '{0}', 'BlockGrad': '{0}',
    'hardswish': 'F.hardswish({0})', 'hardsigmoid': 'F.hardsigmoid({0})',
    'hard_sigmoid': lambda node, shapes: 'torch.clamp({0} * %r + %r, 0, 1)' % (
        node.get('alpha', 0.2), node.get('beta', 0.5)),
    '_contrib_AdaptiveAvgPooling2D': lambda node, shapes: (
        'F.adaptive_avg_pool2d({0}, %r)' % (pair(node, 'output_size', 1),)),
    'SwapAxis': lambda node, shapes: 'torch.transpose({0}, %d, %d)' % (
        node.get('dim1', 0), node.get('dim2', 0)),
    'expand_dims': lambda node, shapes: 'torch.unsqueeze({0}, %d)' % node.get('axis'),
}
_TEXTS.update({'%s_%s' % (kind, name): text for name, text in _BINARY.items()
               for kind in ('elemwise', 'broadcast')})
_TEXTS.update({'_' + name: _BINARY[name] for name in ('maximum', 'minimum', 'power')})
_TEXTS.update({'broadcast_%s' % name: '({0} %s {1}).float()' % sign
               for name, sign in _COMPARISONS.items()})
_TEXTS.update({'_%s_scalar' % name: _scalar('({0} %s %%r).float()' % sign)
               for name, sign in _COMPARISONS.items()})
_TEXTS.update({name: 'torch.%s({0})' % name for name in (
    'sigmoid', 'tanh', 'exp', 'log', 'sqrt', 'rsqrt', 'abs', 'sign', 'floor', 'ceil', 'sin',
    'cos', 'erf')})
