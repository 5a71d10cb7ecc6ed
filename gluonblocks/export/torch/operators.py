"""MXNet's operators as PyTorch writes them: the text of a layer's construction, or of a call."""


def layer_text(node, params, shape, out=None):
    """The construction of a layer: "nn.Conv2d(1, 6, kernel_size=5)".

    `params` are the parameters' shapes by name and `shape` that of the layer's input; `out` stands
    for the number of output channels. Raises ValueError for a layer that PyTorch does not have.
    """
    weight = params[node.params[0]]
    bias = {'bias': len(node.params) == 2}
    if node.kind == 'conv':
        _demand(node, len(weight) == 4, 'a kernel of shape %s' % (weight[2:],), '2-D images')
        _demand_layout(node)
        groups = node.get('num_group', 1)
        return _call('nn.Conv2d', [weight[1] * groups, out or weight[0]], dict(
            kernel_size=_pair(node, 'kernel', 1), stride=_pair(node, 'stride', 1),
            padding=_pair(node, 'pad', 0), dilation=_pair(node, 'dilate', 1), groups=groups,
            **bias), dict(stride=1, padding=0, dilation=1, groups=1, bias=True))
    if node.kind == 'fc':
        _demand(node, node.get('flatten', True) or len(shape) == 2,
                'flatten=False for input of shape %s' % (shape,), 'flatten=True')
        return _call('nn.Linear', [weight[1], out or weight[0]], bias, dict(bias=True))
    if node.kind == 'bn':
        _demand(node, len(shape) in (2, 4), 'input of shape %s' % (shape,),
                '(N, C) and (N, C, H, W)')
        _demand(node, node.get('axis', 1) == 1, 'axis=%s' % node.get('axis'), 'axis=1')
        _demand(node, not node.get('use_global_stats', False), 'use_global_stats=True',
                'use_global_stats=False')
        # PyTorch's momentum is the weight of the new batch, MXNet's that of the old average.
        text = _call('nn.BatchNorm%dd' % (2 if len(shape) == 4 else 1), [weight[0]], dict(
            eps=node.get('eps', 1e-3), momentum=round(1 - node.get('momentum', 0.9), 9)),
            dict(eps=1e-5, momentum=0.1))
        return 'fixed(%s)' % ', '.join([text] + list(map(repr, node.fixed))) if node.fixed else text
    _demand(node, node.get('act_type') == 'prelu', node.get('act_type'), 'prelu')
    return 'nn.PReLU(%d)' % weight[0]


def call_text(node, shapes):
    """The call or expression of an operator without parameters; '{0}', '{1}' are its inputs.

    `shapes` are those of all values, for a batch of a size that no other dimension has. Raises
    ValueError with the operator's name if it is not known here.
    """
    if node.op not in _TEXTS or node.params:
        raise ValueError(
            'the operator %s (%s)%s has no counterpart here in PyTorch; these have: %s. Write the '
            'block with those, or add it to torch/operators.py'
            % (node.op, node.name, ' with parameters' if node.params else '',
               ', '.join(sorted(set(_TEXTS) | {'Convolution', 'FullyConnected', 'BatchNorm'}))))
    made = _TEXTS[node.op]
    return made if isinstance(made, str) else made(node, shapes)


def _call(name, positional, named, defaults):
    parts = list(map(str, positional))
    parts += ['%s=%r' % (key, value) for key, value in named.items()
              if key not in defaults or defaults[key] != value]
    return '%s(%s)' % (name, ', '.join(parts))


def _demand(node, holds, found, allowed):
    if not holds:
        raise ValueError('%s (%s) has %s; PyTorch is written for %s here'
                         % (node.name, node.op, found, allowed))


def _demand_layout(node):
    _demand(node, node.get('layout') in ('NCHW', None), 'the layout %s' % node.get('layout'),
            'NCHW')


def _pair(node, name, default=None):
    """An attribute of both sides: one number if they are equal."""
    value = node.get(name) or default
    return value if not isinstance(value, tuple) else value[0] if len(set(value)) == 1 else value


def _activation(node, shapes):
    kind = node.get('act_type')
    known = {'relu': 'F.relu({0})', 'sigmoid': 'torch.sigmoid({0})', 'tanh': 'torch.tanh({0})',
             'softrelu': 'F.softplus({0})', 'softsign': 'F.softsign({0})'}
    _demand(node, kind in known, kind, ', '.join(known))
    return known[kind]


def _leaky(node, shapes):
    kind, slope = node.get('act_type', 'leaky'), node.get('slope', 0.25)
    known = {'leaky': 'F.leaky_relu({0}, %r)' % slope, 'elu': 'F.elu({0}, %r)' % slope,
             'selu': 'F.selu({0})', 'gelu': 'F.gelu({0})'}
    _demand(node, kind in known, kind, ', '.join(known))
    return known[kind]


def _clip(node, shapes):
    low, high = node.get('a_min'), node.get('a_max')
    return 'F.relu6({0})' if (low, high) == (0, 6) else 'torch.clamp({0}, %r, %r)' % (low, high)


def _pooling(node, shapes):
    kind, X, Y = node.get('pool_type', 'max'), shapes[node.inputs[0]], shapes[node.number]
    _demand(node, kind in ('max', 'avg'), 'pool_type=%s' % kind, 'max and avg')
    _demand(node, len(X) == 4, 'input of shape %s' % (X,), '(N, C, H, W)')
    _demand_layout(node)
    if node.get('global_pool', False):
        return 'F.adaptive_%s_pool2d({0}, 1)' % kind
    kernel, stride, pad = (node.get(name) or default for name, default in
                           [('kernel', None), ('stride', (1, 1)), ('pad', (0, 0))])
    convention = node.get('pooling_convention', 'valid')
    _demand(node, convention in ('valid', 'full'), convention, 'valid and full')
    _demand(node, all(2 * p <= k for p, k in zip(pad, kernel)),
            'padding %s for windows of %s' % (pad, kernel), 'padding of half a window at most')
    # MXNet keeps a last window that lies in the padding alone, and PyTorch leaves it out.
    _demand(node, all((y - 1) * s < x + p for y, s, x, p in zip(Y[2:], stride, X[2:], pad)),
            'a last window within the padding', 'windows that hold something of the image')
    text = '{0}, %s' % (_pair(node, 'kernel'),)
    if stride != kernel:
        text += ', stride=%s' % (_pair(node, 'stride', 1),)
    if any(pad):
        text += ', padding=%s' % (_pair(node, 'pad', 0),)
    if convention == 'full':
        text += ', ceil_mode=True'
    if kind == 'avg' and any(pad) and not node.get('count_include_pad', True):
        text += ', count_include_pad=False'
    return 'F.%s_pool2d(%s)' % (kind, text)


def _reshape(node, shapes):
    X, Y = shapes[node.inputs[0]], shapes[node.number]
    _demand(node, X[0] == Y[0], 'a new first dimension', 'shapes that keep the batch')
    return 'torch.reshape({0}, (-1, %s))' % ', '.join(map(str, Y[1:]))


def _pad(node, shapes):
    widths = node.get('pad_width')
    _demand(node, node.get('mode') == 'constant', node.get('mode'), 'constant')
    pairs = [widths[i:i + 2] for i in range(0, len(widths), 2)]
    while pairs and pairs[0] == (0, 0):
        pairs = pairs[1:]
    # PyTorch begins with the last dimension.
    return 'F.pad({0}, %r, value=%r)' % (sum(reversed(pairs), ()), node.get('constant_value', 0))


def _resize(node, shapes):
    return ("F.interpolate({0}, size=%r, mode='bilinear', align_corners=%r)"
            % (tuple(shapes[node.number][2:]), node.get('align_corners', True)))


def _slice(node, shapes):
    begin, end, step = (node.get(name) or () for name in ('begin', 'end', 'step'))
    parts = ['%s:%s' % tuple('' if value is None else value for value in pair)
             for pair in zip(begin, end)]
    _demand(node, all(value in (1, None) for value in step), 'step=%s' % (step,), 'step 1')
    return '{0}[%s]' % ', '.join(part if part != '0:' else ':' for part in parts)


def _concat(node, shapes):
    return 'torch.cat([%s], dim=%d)' % (
        ', '.join('{%d}' % i for i in range(len(node.inputs))), node.get('dim', 1))


def _over_axis(node, shapes):
    axis = node.get('axis')
    _demand(node, axis not in (None, ()) and not node.get('exclude', False),
            'axis=%s' % (axis,), 'the axes by number')
    keep = ', keepdim=True' if node.get('keepdims', False) else ''
    return 'torch.%s({0}, dim=%r%s)' % (node.op, axis, keep)


def _softmax(node, shapes):
    _demand(node, node.get('temperature') in (None, 1.0), 'a temperature', 'none')
    return 'F.%s({0}, dim=%d)' % (node.op, node.get('axis', -1))


def _scalar(text):
    return lambda node, shapes: text % node.get('scalar')


_TEXTS = {
    'Activation': _activation, 'LeakyReLU': _leaky, 'clip': _clip, 'Pooling': _pooling,
    'relu': 'F.relu({0})', 'sigmoid': 'torch.sigmoid({0})', 'tanh': 'torch.tanh({0})',
    'Flatten': 'torch.flatten({0}, 1)', 'Concat': _concat, 'softmax': _softmax,
    'log_softmax': _softmax, 'sum': _over_axis, 'mean': _over_axis,
    'elemwise_add': '{0} + {1}', 'broadcast_add': '{0} + {1}', '_plus': '{0} + {1}',
    'elemwise_sub': '{0} - {1}', 'broadcast_sub': '{0} - {1}',
    'elemwise_mul': '{0} * {1}', 'broadcast_mul': '{0} * {1}',
    '_plus_scalar': _scalar('{0} + %r'), '_minus_scalar': _scalar('{0} - %r'),
    '_rminus_scalar': _scalar('%r - {0}'), '_mul_scalar': _scalar('{0} * %r'),
    '_div_scalar': _scalar('{0} / %r'), 'ones_like': 'torch.ones_like({0})',
    'Reshape': _reshape, 'Pad': _pad, 'slice': _slice, '_contrib_BilinearResize2D': _resize,
    '_contrib_AdaptiveAvgPooling2D': lambda node, shapes: (
        'F.adaptive_avg_pool2d({0}, %r)' % (_pair(node, 'output_size', 1),)),
    'SwapAxis': lambda node, shapes: 'torch.transpose({0}, %d, %d)' % (
        node.get('dim1', 0), node.get('dim2', 0)),
    'expand_dims': lambda node, shapes: 'torch.unsqueeze({0}, %d)' % node.get('axis'),
}
