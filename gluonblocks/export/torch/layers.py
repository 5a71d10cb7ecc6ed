"""Generate the PyTorch code that constructs a layer of an MXNet net."""

_DEFAULTS = {'stride': 1, 'padding': 0, 'output_padding': 0, 'dilation': 1, 'groups': 1,
             'bias': True, 'eps': 1e-5, 'momentum': 0.1, 'ceil_mode': False,
             'count_include_pad': True}


def layer_text(node, params, shape, out=None):
    """Return the code that constructs a layer, such as "nn.Conv2d(1, 6, kernel_size=5)".

    `params` maps parameter names to shapes; `shape` is the shape of the layer's input. If `out`
    is set, for example to 'num_classes', it replaces the number of output channels. Raises
    ValueError for a layer without a counterpart in PyTorch.
    """
    weight = params[node.params[0]]
    if node.kind in ('conv', 'deconv'):
        return _convolution(node, weight, shape, out)
    if node.kind in ('bn', 'norm'):
        return _norm(node, weight, shape)
    if node.kind == 'fc':
        return call('nn.Linear', weight[1], out or weight[0], bias=len(node.params) == 2)
    if node.kind == 'embedding':
        return call('nn.Embedding', *weight)
    if node.kind == 'constant':
        return 'nn.Parameter(torch.zeros(%s), requires_grad=False)' % ', '.join(map(str, weight))
    demand(node, node.get('act_type') == 'prelu', node.get('act_type'), 'act_type to be prelu')
    return call('nn.PReLU', weight[0])


def _convolution(node, weight, shape, out):
    demand_layout(node)
    groups, padding, adj = node.get('num_group', 1), pair(node, 'pad', 0), pair(node, 'adj', 0)
    target = node.get('target_shape') or ()
    if any(target):  # MXNet derives the padding from this output size
        ones = (1,) * len(target)
        surplus = [stride * (size - 1) + 1 + dilation * (k - 1) - wanted
                   for size, k, stride, dilation, wanted in zip(
                       shape[2:], weight[2:], node.get('stride') or ones,
                       node.get('dilate') or ones, target)]
        padding, adj = tuple((n + 1) // 2 for n in surplus), tuple(n % 2 for n in surplus)
    name, channels = 'nn.Conv%dd', (weight[1] * groups, out or weight[0])
    if node.kind == 'deconv':
        name, channels = 'nn.ConvTranspose%dd', (weight[0], weight[1] * groups)
    return call(name % len(weight[2:]), *channels, kernel_size=pair(node, 'kernel', 1),
                 stride=pair(node, 'stride', 1), padding=padding, output_padding=adj,
                 dilation=pair(node, 'dilate', 1), groups=groups, bias=len(node.params) == 2)


def _norm(node, weight, shape):
    eps = node.get('eps', 1e-3 if node.op in ('BatchNorm', 'InstanceNorm') else 1e-5)
    axis, rank = node.get('axis', -1 if node.op == 'LayerNorm' else 1), len(shape)
    demand(node, rank > 1 and axis % rank == (rank - 1 if node.op == 'LayerNorm' else 1),
           'axis=%s for input of shape %s' % (axis, shape), 'axis=1 (LayerNorm: the last axis)')
    if node.op == 'LayerNorm':
        return call('nn.LayerNorm', weight[0], eps=eps)
    if node.op == 'GroupNorm':
        demand(node, weight[0] == shape[1], 'one weight per group', 'one weight per channel')
        return call('nn.GroupNorm', node.get('num_groups', 1), shape[1], eps=eps)
    if node.op == 'InstanceNorm':
        return call('nn.InstanceNorm%dd' % (rank - 2), weight[0], eps=eps, affine=True)
    name = 'BatchNorm%dd' % max(1, rank - 2)
    # Convert the momentum: in MXNet, it weights the old average; in PyTorch, the new batch.
    text = call(('Frozen' if node.get('use_global_stats', False) else 'nn.') + name, weight[0],
                 eps=eps, momentum=round(1 - node.get('momentum', 0.9), 9))
    return 'fixed(%s)' % ', '.join([text] + list(map(repr, node.fixed))) if node.fixed else text


def call(name, *positional, **named):
    """Return the source code of a call, omitting keyword arguments equal to PyTorch's defaults."""
    return '%s(%s)' % (name, ', '.join(list(map(str, positional)) + [
        '%s=%r' % (key, value) for key, value in named.items() if _DEFAULTS.get(key) != value]))


def demand(node, holds, found, expected):
    """Raise ValueError unless `holds` is true; the message states what was expected and found."""
    if not holds:
        raise ValueError('cannot write %s (%s) in PyTorch: expected %s, got %s'
                         % (node.name, node.op, expected, found))


def demand_layout(node):
    """Raise ValueError unless the layout of a layer is (N, C, ...)."""
    demand(node, node.get('layout') in ('NCW', 'NCHW', 'NCDHW', None),
           node.get('layout'), 'the layout NCW, NCHW or NCDHW')


def pair(node, name, default=None):
    """Return the attribute `name` as one number if all axes share it, otherwise as a tuple."""
    value = node.get(name) or default
    return value if not isinstance(value, tuple) else value[0] if len(set(value)) == 1 else value
