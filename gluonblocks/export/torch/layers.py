"""MXNet's layers as PyTorch constructs them."""


def layer_text(node, params, shape, out=None):
    """The construction of a layer: "nn.Conv2d(1, 6, kernel_size=5)".

    `params` are the parameters' shapes by name and `shape` that of the layer's input; `out` stands
    for the number of output channels. Raises ValueError for a layer that PyTorch does not have.
    """
    weight = params[node.params[0]]
    bias = {'bias': len(node.params) == 2}
    if node.kind == 'conv':
        demand_layout(node)
        groups = node.get('num_group', 1)
        return _call('nn.Conv%dd' % len(weight[2:]), [weight[1] * groups, out or weight[0]], dict(
            kernel_size=pair(node, 'kernel', 1), stride=pair(node, 'stride', 1),
            padding=pair(node, 'pad', 0), dilation=pair(node, 'dilate', 1), groups=groups,
            **bias), dict(stride=1, padding=0, dilation=1, groups=1, bias=True))
    if node.kind == 'deconv':
        return _transposed(node, weight, shape, bias)
    if node.kind == 'norm':
        return _other_norm(node, weight, shape)
    if node.kind == 'embedding':
        return 'nn.Embedding(%d, %d)' % weight
    if node.kind == 'constant':
        return 'nn.Parameter(torch.zeros(%s), requires_grad=False)' % ', '.join(map(str, weight))
    if node.kind == 'fc':
        return _call('nn.Linear', [weight[1], out or weight[0]], bias, dict(bias=True))
    if node.kind == 'bn':
        demand(node, len(shape) > 1, 'input of shape %s' % (shape,), '(N, C) and (N, C, H, W)')
        demand(node, node.get('axis', 1) == 1, 'axis=%s' % node.get('axis'), 'axis=1')
        # PyTorch's momentum is the weight of the new batch, MXNet's that of the old average.
        name = 'BatchNorm%dd' % max(1, len(shape) - 2)
        name = 'Frozen' + name if node.get('use_global_stats', False) else 'nn.' + name
        text = _call(name, [weight[0]], dict(
            eps=node.get('eps', 1e-3), momentum=round(1 - node.get('momentum', 0.9), 9)),
            dict(eps=1e-5, momentum=0.1))
        return 'fixed(%s)' % ', '.join([text] + list(map(repr, node.fixed))) if node.fixed else text
    demand(node, node.get('act_type') == 'prelu', node.get('act_type'), 'prelu')
    return 'nn.PReLU(%d)' % weight[0]


def _transposed(node, weight, shape, bias):
    demand(node, len(weight) == 4, 'a kernel of shape %s' % (weight[2:],), '2-D images')
    demand_layout(node)
    groups, pad, adj = node.get('num_group', 1), pair(node, 'pad', 0), pair(node, 'adj', 0)
    if any(node.get('target_shape') or ()):  # MXNet pads so that this size comes out
        surplus = [stride * (size - 1) + 1 + dilation * (k - 1) - wanted
                   for size, k, stride, dilation, wanted in zip(
                       shape[2:], weight[2:], node.get('stride') or (1, 1),
                       node.get('dilate') or (1, 1), node.get('target_shape'))]
        pad, adj = tuple((each + 1) // 2 for each in surplus), tuple(each % 2 for each in surplus)
    return _call('nn.ConvTranspose2d', [weight[0], weight[1] * groups], dict(
        kernel_size=pair(node, 'kernel', 1), stride=pair(node, 'stride', 1), padding=pad,
        output_padding=adj, groups=groups, dilation=pair(node, 'dilate', 1), **bias),
        dict(stride=1, padding=0, output_padding=0, groups=1, dilation=1, bias=True))


def _other_norm(node, weight, shape):
    eps = dict(eps=node.get('eps', 1e-3 if node.op == 'InstanceNorm' else 1e-5))
    if node.op == 'InstanceNorm':
        demand(node, len(shape) == 4, 'input of shape %s' % (shape,), '(N, C, H, W)')
        return _call('nn.InstanceNorm2d', weight[:1], dict(eps, affine=True), dict(eps=1e-5))
    if node.op == 'LayerNorm':
        demand(node, node.get('axis', -1) in (-1, len(shape) - 1), 'axis=%s' % node.get('axis'),
               'the last axis')
        return _call('nn.LayerNorm', weight[:1], eps, dict(eps=1e-5))
    demand(node, weight[0] == shape[1], 'weights for groups', 'weights for channels')
    return _call('nn.GroupNorm', [node.get('num_groups', 1), shape[1]], eps, dict(eps=1e-5))


def _call(name, positional, named, defaults):
    parts = list(map(str, positional))
    parts += ['%s=%r' % (key, value) for key, value in named.items()
              if key not in defaults or defaults[key] != value]
    return '%s(%s)' % (name, ', '.join(parts))


def demand(node, holds, found, allowed):
    """Raise ValueError, with what was found and what is allowed, unless something `holds`."""
    if not holds:
        raise ValueError('%s (%s) has %s; PyTorch is written for %s here'
                         % (node.name, node.op, found, allowed))


def demand_layout(node):
    """Raise ValueError for a layer whose channels do not come first."""
    demand(node, node.get('layout') in ('NCW', 'NCHW', 'NCDHW', None),
           'the layout %s' % node.get('layout'), 'NCHW')


def pair(node, name, default=None):
    """An attribute of both sides: one number if they are equal."""
    value = node.get(name) or default
    return value if not isinstance(value, tuple) else value[0] if len(set(value)) == 1 else value
