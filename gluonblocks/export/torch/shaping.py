"""Changes of shape, and pieces of arrays, as PyTorch writes them: the text of a call."""
from .operators import demand


def reshape(node, shapes):
    X, Y = shapes[node.inputs[0]], shapes[node.number]
    codes = node.get('shape') or ()
    codes = (codes,) if isinstance(codes, int) else codes
    if (0 in codes[1:] or min(codes, default=0) < -1) and not node.get('reverse', False):
        return 'torch.reshape({0}, (%s,))' % ', '.join(_sizes_by_code(codes, len(X)))
    sizes = [str(size) if size % X[0] else '-1' if size > X[0] or i == 0 else '{0}.shape[0]'
             for i, size in enumerate(Y)]
    demand(node, sizes.count('-1') <= 1, 'the shape %s' % (Y,), 'shapes that keep the batch')
    return 'torch.reshape({0}, (%s))' % (', '.join(sizes) + ',' * (len(sizes) == 1))


def _sizes_by_code(codes, rank):
    """Yield the sizes that codes mean: 0 copies one, -2 the rest, -3 joins two, -4 divides one."""
    codes, i = list(codes), 0
    while codes:
        code, size = codes.pop(0), '{0}.shape[%d]' % i
        if code == -4:
            parts, codes = codes[:2], codes[2:]
            yield from [str(part) if part != -1 else '%s // %d' % (size, parts[1 - k])
                        for k, part in enumerate(parts)]
        elif code == -2:
            yield from ['{0}.shape[%d]' % axis for axis in range(i, rank)]
            i = rank
        else:
            yield size if code == 0 else '%s * {0}.shape[%d]' % (size, i + 1) if code == -3 else \
                str(code)
        i += 1 + (code == -3)


def flatten(node, shapes):
    # MXNet makes (N,) to (N, 1), and PyTorch has no dimension 1 there.
    one = len(shapes[node.inputs[0]]) == 1
    return 'torch.unsqueeze({0}, 1)' if one else 'torch.flatten({0}, 1)'


def pad(node, shapes):
    widths, mode = node.get('pad_width'), node.get('mode')
    pairs = [widths[i:i + 2] for i in range(0, len(widths), 2)]
    while pairs and pairs[0] == (0, 0):
        pairs = pairs[1:]
    # PyTorch begins with the last dimension.
    text = 'F.pad({0}, %r' % (sum(reversed(pairs), ()),)
    if mode == 'constant':
        return text + ', value=%r)' % node.get('constant_value', 0)
    return text + ', mode=%r)' % {'edge': 'replicate', 'reflect': 'reflect'}[mode]


def slice(node, shapes):
    begin, end, step = (node.get(name) or () for name in ('begin', 'end', 'step'))
    parts = ['%s:%s' % tuple('' if value is None else value for value in pair)
             for pair in zip(begin, end)]
    demand(node, all(value in (1, None) for value in step), 'step=%s' % (step,), 'step 1')
    return '{0}[%s]' % ', '.join(part if part != '0:' else ':' for part in parts)


def slice_axis(node, shapes):
    axis = node.get('axis', 0) % len(shapes[node.inputs[0]])
    end = node.get('end')
    return '{0}[%s%s:%s]' % (':, ' * axis, node.get('begin', 0) or '', '' if end is None else end)


def slice_like(node, shapes):
    X, like = [shapes[number] for number in node.inputs]
    axes = node.get('axes') or range(min(len(X), len(like)))
    axes = sorted(axis % len(X) for axis in axes)
    return '{0}[%s]' % ', '.join(':{1}.shape[%d]' % axis if axis in axes else ':'
                                 for axis in range(max(axes) + 1))


def crop(node, shapes):
    X, Y = shapes[node.inputs[0]], shapes[node.number]
    offset = node.get('offset', (0, 0))
    if node.get('center_crop', False):
        offset = tuple((x - y) // 2 for x, y in zip(X[2:], Y[2:]))
    elif len(node.inputs) == 2:
        return '{0}[:, :, %s]' % ', '.join('%s:%s{1}.shape[%d]' % (
            (first, '%d + ' % first, axis) if first else ('', '', axis))
            for axis, first in enumerate(offset, 2))
    return '{0}[:, :, %s]' % ', '.join('%d:%d' % (first, first + size)
                                       for first, size in zip(offset, Y[2:]))


def split(node, shapes):
    if node.get('squeeze_axis', False):
        return 'torch.unbind({0}, dim=%d)' % node.get('axis', 1)
    return 'torch.chunk({0}, %d, dim=%d)' % (node.get('num_outputs'), node.get('axis', 1))


def transpose(node, shapes):
    axes = node.get('axes') or tuple(reversed(range(len(shapes[node.number]))))
    return '{0}.permute(%s)' % ', '.join(map(str, axes))


def squeeze(node, shapes):
    axis = node.get('axis')
    axes = axis if isinstance(axis, tuple) else (axis,)
    demand(node, axis is not None and len(axes) == 1, 'axis=%s' % (axis,), 'one axis')
    return 'torch.squeeze({0}, %d)' % axes[0]


def tile(node, shapes):
    return '{0}.repeat(%s)' % ', '.join(map(str, node.get('reps')))


def stack(node, shapes):
    return 'torch.stack([%s], dim=%d)' % (
        ', '.join('{%d}' % i for i in range(len(node.inputs))), node.get('axis', 0))


def concat(node, shapes):
    return 'torch.cat([%s], dim=%d)' % (
        ', '.join('{%d}' % i for i in range(len(node.inputs))), node.get('dim', 1))
