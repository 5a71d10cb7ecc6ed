"""MXNet's layers as PyTorch constructs them."""

_DEFAULTS = {'stride': 1, 'padding': 0, 'output_padding': 0, 'dilation': 1, 'groups': 1,
             'bias': True, 'eps': 1e-5, 'momentum': 0.1}


def layer_text(node, params, shape, out=None):
    """The construction of a layer: "nn.Conv2d(1, 6, kernel_size=5)".

    `params` are the parameters' shapes by name and `shape` that of the layer's input; `out` stands
    for the number of output channels. Raises ValueError for a layer that PyTorch does not have.
    """
    weight = params[node.params[0]]
    if node.kind in ('conv', 'deconv'):
        return _convolution(node, weight, shape, out)
    if node.kind in ('bn', 'norm'):
        return _norm(node, weight, shape)
    if node.kind == 'fc':
        return _call('nn.Linear', weight[1], out or weight[0], bias=len(node.params) == 2)
    if node.kind == 'embedding':
        return _call('nn.Embedding', *weight)
    if node.kind == 'constant':
        return 'nn.Parameter(torch.zeros(%s), requires_grad=False)' % ', '.join(map(str, weight))
    demand(node, node.get('act_type') == 'prelu', node.get('act_type'), 'prelu')
    return _call('nn.PReLU', weight[0])


def _convolution(node, weight, shape, out):
    demand_layout(node)
    groups, padding, adj = node.get('num_group', 1), pair(node, 'pad', 0), pair(node, 'adj', 0)
    target = node.get('target_shape') or ()
    if any(target):  # MXNet pads so that this size comes out
        ones = (1,) * len(target)
        surplus = [stride * (size - 1) + 1 + dilation * (k - 1) - wanted
                   for size, k, stride, dilation, wanted in zip(
                       shape[2:], weight[2:], node.get('stride') or ones,
                       node.get('dilate') or ones, target)]
        padding, adj = tuple((n + 1) // 2 for n in surplus), tuple(n % 2 for n in surplus)
    name, channels = 'nn.Conv%dd', (weight[1] * groups, out or weight[0])
    if node.kind == 'deconv':
        name, channels = 'nn.ConvTranspose%dd', (weight[0], weight[1] * groups)
    return _call(name % len(weight[2:]), *channels, kernel_size=pair(node, 'kernel', 1),
                 stride=pair(node, 'stride', 1), padding=padding, output_padding=adj,
                 dilation=pair(node, 'dilate', 1), groups=groups, bias=len(node.params) == 2)


def _norm(node, weight, shape):
    eps = node.get('eps', 1e-3 if node.op in ('BatchNorm', 'InstanceNorm') else 1e-5)
    axis, rank = node.get('axis', -1 if node.op == 'LayerNorm' else 1), len(shape)
    demand(node, rank > 1 and axis % rank == (rank - 1 if node.op == 'LayerNorm' else 1),
           'axis=%s of an input of shape %s' % (axis, shape), 'axis=1, or the last of a LayerNorm')
    if node.op == 'LayerNorm':
        return _call('nn.LayerNorm', weight[0], eps=eps)
    if node.op == 'GroupNorm':
        demand(node, weight[0] == shape[1], 'weights for groups', 'weights for channels')
        return _call('nn.GroupNorm', node.get('num_groups', 1), shape[1], eps=eps)
    if node.op == 'InstanceNorm':
        return _call('nn.InstanceNorm%dd' % (rank - 2), weight[0], eps=eps, affine=True)
    name = 'BatchNorm%dd' % max(1, rank - 2)
    # PyTorch's momentum is the weight of the new batch, MXNet's that of the old average.
    text = _call(('Frozen' if node.get('use_global_stats', False) else 'nn.') + name, weight[0],
                 eps=eps, momentum=round(1 - node.get('momentum', 0.9), 9))
    return 'fixed(%s)' % ', '.join([text] + list(map(repr, node.fixed))) if node.fixed else text


def _call(name, *positional, **named):
    """The text of a call, without arguments that are PyTorch's defaults."""
    return '%s(%s)' % (name, ', '.join(list(map(str, positional)) + [
        '%s=%r' % (key, value) for key, value in named.items() if _DEFAULTS.get(key) != value]))


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
