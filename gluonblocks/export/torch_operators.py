"""MXNet's operators as PyTorch writes them: a module with its arguments, or an expression."""
import ast
from typing import Any, Dict, NamedTuple


class Module(NamedTuple):
    """A layer as it is constructed: the class, its arguments by name, and what is left out where
    it is the default."""

    name: str
    args: Dict[str, Any]
    defaults: Dict[str, Any]
    positional: int  #: how many arguments are written without their names
    fixed: bool = False  #: a batch norm whose gamma stays at one


class Expression(NamedTuple):
    """What a node computes, '{0}' and so on for its inputs; `binary` asks for parentheses."""

    text: str
    binary: bool = False


def module_of(node, params, shape):
    """The `Module` of a layer. `params` are the parameters' shapes, `shape` its input's."""
    weight = params[node.params[0]]
    if node.kind == 'conv':
        _demand(node, len(weight) == 4, 'a kernel of shape %s' % (weight[2:],), '2-D images')
        _demand(node, _get(node, 'layout', 'NCHW') in ('NCHW', None),
                'the layout %s' % _get(node, 'layout', 'NCHW'), 'NCHW')
        groups = _get(node, 'num_group', 1)
        return Module('nn.Conv2d', {
            'in_channels': weight[1] * groups, 'out_channels': weight[0],
            'kernel_size': _pair(node, 'kernel', 1), 'stride': _pair(node, 'stride', 1),
            'padding': _pair(node, 'pad', 0), 'dilation': _pair(node, 'dilate', 1),
            'groups': groups, 'bias': len(node.params) == 2},
            {'stride': 1, 'padding': 0, 'dilation': 1, 'groups': 1, 'bias': True}, 2)
    if node.kind == 'fc':
        _demand(node, _get(node, 'flatten', True) or len(shape) == 2,
                'flatten=False for input of shape %s' % (shape,), 'flatten=True')
        return Module('nn.Linear', {'in_features': weight[1], 'out_features': weight[0],
                                    'bias': len(node.params) == 2}, {'bias': True}, 2)
    if node.kind == 'bn':
        _demand(node, len(shape) in (2, 4), 'input of shape %s' % (shape,),
                '(N, C) and (N, C, H, W)')
        _demand(node, _get(node, 'axis', 1) == 1, 'axis=%s' % _get(node, 'axis', 1), 'axis=1')
        _demand(node, not _get(node, 'use_global_stats', False), 'use_global_stats=True',
                'use_global_stats=False')
        # PyTorch weighs the new batch, MXNet the old average.
        momentum = round(1 - _get(node, 'momentum', 0.9), 9)
        return Module('nn.BatchNorm2d' if len(shape) == 4 else 'nn.BatchNorm1d',
                      {'num_features': weight[0], 'eps': _get(node, 'eps', 1e-3),
                       'momentum': momentum}, {'eps': 1e-5, 'momentum': 0.1}, 1, node.fixed_gamma)
    _demand(node, _get(node, 'act_type') == 'prelu', _get(node, 'act_type'), 'prelu')
    return Module('nn.PReLU', {'num_parameters': weight[0]}, {}, 1)


def expression_of(node, shapes):
    """The `Expression` of an operator without parameters of its own.

    `shapes` are those of all values, for a batch of a size that no other dimension has. Raises
    ValueError, which names the operator, for one that is not known here.
    """
    if node.op not in _EXPRESSIONS or node.params:
        raise ValueError(
            'the operator %s (%s)%s has no counterpart here in PyTorch; these have: %s. Write the '
            'block with those, or add it to torch_operators.py'
            % (node.op, node.name, ' with parameters' if node.params else '',
               ', '.join(sorted(set(_EXPRESSIONS) | {'Convolution', 'FullyConnected',
                                                     'BatchNorm'}))))
    made = _EXPRESSIONS[node.op](node, shapes)
    return made if isinstance(made, Expression) else Expression(made)


def _get(node, name, default=None):
    try:
        return ast.literal_eval(node.attrs[name]) if name in node.attrs else default
    except (ValueError, SyntaxError):
        return node.attrs[name]  # a word


def _demand(node, holds, came, allowed):
    if not holds:
        raise ValueError('%s (%s) has %s; PyTorch is written for %s here'
                         % (node.name, node.op, came, allowed))


def _pair(node, name, default):
    """An attribute of both sides: one number where they are equal."""
    value = _get(node, name, default) or default
    return value if not isinstance(value, tuple) else value[0] if len(set(value)) == 1 else value


def _activation(node, shapes):
    kind = _get(node, 'act_type')
    known = {'relu': 'F.relu({0})', 'sigmoid': 'torch.sigmoid({0})', 'tanh': 'torch.tanh({0})',
             'softrelu': 'F.softplus({0})', 'softsign': 'F.softsign({0})'}
    _demand(node, kind in known, kind, ', '.join(known))
    return known[kind]


def _leaky(node, shapes):
    kind, slope = _get(node, 'act_type', 'leaky'), _get(node, 'slope', 0.25)
    known = {'leaky': 'F.leaky_relu({0}, %r)' % slope, 'elu': 'F.elu({0}, %r)' % slope,
             'selu': 'F.selu({0})', 'gelu': 'F.gelu({0})'}
    _demand(node, kind in known, kind, ', '.join(known))
    return known[kind]


def _clip(node, shapes):
    low, high = _get(node, 'a_min'), _get(node, 'a_max')
    if (low, high) == (0, 6):
        return 'F.relu6({0})'
    return 'torch.clamp({0}, %r, %r)' % (low, high)


def _pooling(node, shapes):
    kind, X, Y = _get(node, 'pool_type', 'max'), shapes[node.inputs[0]], shapes[node.number]
    _demand(node, kind in ('max', 'avg'), 'pool_type=%s' % kind, 'max and avg')
    _demand(node, len(X) == 4 and _get(node, 'layout', 'NCHW') in ('NCHW', None),
            'input of shape %s' % (X,), '(N, C, H, W)')
    if _get(node, 'global_pool', False):
        return 'F.adaptive_%s_pool2d({0}, 1)' % kind
    kernel, stride, pad = (_get(node, name) or default for name, default in
                           [('kernel', None), ('stride', (1, 1)), ('pad', (0, 0))])
    convention = _get(node, 'pooling_convention', 'valid')
    _demand(node, convention in ('valid', 'full'), convention, 'valid and full')
    _demand(node, all(2 * p <= k for p, k in zip(pad, kernel)),
            'padding %s for windows of %s' % (pad, kernel), 'padding of half a window at most')
    # Where a last window would lie in the padding alone, MXNet has it and PyTorch has not.
    _demand(node, all((y - 1) * s < x + p for y, s, x, p in zip(Y[2:], stride, X[2:], pad)),
            'a last window within the padding', 'windows that hold something of the image')
    text = '{0}, %s' % _pair(node, 'kernel', None)
    if stride != kernel:
        text += ', stride=%s' % (_pair(node, 'stride', 1),)
    if any(pad):
        text += ', padding=%s' % (_pair(node, 'pad', 0),)
    if convention == 'full':
        text += ', ceil_mode=True'
    if kind == 'avg' and any(pad) and not _get(node, 'count_include_pad', True):
        text += ', count_include_pad=False'
    return 'F.%s_pool2d(%s)' % (kind, text)


def _reshape(node, shapes):
    X, Y = shapes[node.inputs[0]], shapes[node.number]
    _demand(node, X[0] == Y[0], 'a new first dimension', 'shapes that keep the batch')
    return 'torch.reshape({0}, (-1, %s))' % ', '.join(map(str, Y[1:]))


def _pad(node, shapes):
    widths = _get(node, 'pad_width')
    _demand(node, _get(node, 'mode') == 'constant', _get(node, 'mode'), 'constant')
    pairs = [widths[i:i + 2] for i in range(0, len(widths), 2)]
    while pairs and pairs[0] == (0, 0):
        pairs = pairs[1:]
    # PyTorch begins with the last dimension.
    return 'F.pad({0}, %r, value=%r)' % (sum(reversed(pairs), ()), _get(node, 'constant_value', 0))


def _resize(node, shapes):
    return ("F.interpolate({0}, size=%r, mode='bilinear', align_corners=%r)"
            % (tuple(shapes[node.number][2:]), _get(node, 'align_corners', True)))


def _slice(node, shapes):
    begin, end, step = (_get(node, name) or () for name in ('begin', 'end', 'step'))
    parts = ['%s:%s' % tuple('' if value is None else value for value in pair)
             for pair in zip(begin, end)]
    _demand(node, all(value in (1, None) for value in step), 'step=%s' % (step,), 'step 1')
    return '{0}[%s]' % ', '.join(part if part != '0:' else ':' for part in parts)


def _concat(node, shapes):
    return 'torch.cat([%s], dim=%d)' % (
        ', '.join('{%d}' % i for i in range(len(node.inputs))), _get(node, 'dim', 1))


def _over_axis(function):
    def write(node, shapes):
        axis = _get(node, 'axis')
        _demand(node, axis not in (None, ()) and not _get(node, 'exclude', False),
                'axis=%s' % (axis,), 'the axes by number')
        keep = ', keepdim=True' if _get(node, 'keepdims', False) else ''
        return 'torch.%s({0}, dim=%r%s)' % (function, axis, keep)
    return write


def _softmax(name):
    def write(node, shapes):
        _demand(node, _get(node, 'temperature') in (None, 1.0), 'a temperature', 'none')
        return '%s({0}, dim=%d)' % (name, _get(node, 'axis', -1))
    return write


def _plain(text):
    return lambda node, shapes: text


def _between(sign):
    return lambda node, shapes: Expression('{0} %s {1}' % sign, True)


def _scalar(text):
    return lambda node, shapes: Expression(text.replace('#', repr(_get(node, 'scalar'))), True)


_EXPRESSIONS = {
    'Activation': _activation, 'LeakyReLU': _leaky, 'clip': _clip, 'Pooling': _pooling,
    'relu': _plain('F.relu({0})'), 'sigmoid': _plain('torch.sigmoid({0})'),
    'tanh': _plain('torch.tanh({0})'), 'Flatten': _plain('torch.flatten({0}, 1)'),
    'Concat': _concat, 'softmax': _softmax('F.softmax'), 'log_softmax': _softmax('F.log_softmax'),
    'elemwise_add': _between('+'), 'broadcast_add': _between('+'), '_plus': _between('+'),
    'elemwise_sub': _between('-'), 'broadcast_sub': _between('-'),
    'elemwise_mul': _between('*'), 'broadcast_mul': _between('*'),
    '_plus_scalar': _scalar('{0} + #'), '_minus_scalar': _scalar('{0} - #'),
    '_rminus_scalar': _scalar('# - {0}'), '_mul_scalar': _scalar('{0} * #'),
    '_div_scalar': _scalar('{0} / #'), 'ones_like': _plain('torch.ones_like({0})'),
    'Reshape': _reshape, 'Pad': _pad, 'slice': _slice, 'sum': _over_axis('sum'),
    'mean': _over_axis('mean'), '_contrib_BilinearResize2D': _resize,
    '_contrib_AdaptiveAvgPooling2D': lambda node, shapes: (
        'F.adaptive_avg_pool2d({0}, %r)' % (_pair(node, 'output_size', 1),)),
    'SwapAxis': lambda node, shapes: 'torch.transpose({0}, %d, %d)' % (
        _get(node, 'dim1', 0), _get(node, 'dim2', 0)),
    'expand_dims': lambda node, shapes: 'torch.unsqueeze({0}, %d)' % _get(node, 'axis'),
}
