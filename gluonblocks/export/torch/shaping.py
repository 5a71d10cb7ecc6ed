"""Changes of shape, and pieces of arrays, as PyTorch writes them: the text of a call."""
from .layers import demand


def reshape(node, values):
    """A reshape by MXNet's codes: 0 copies a size, -2 the rest, -3 joins two, -4 divides one."""
    X, Y = values[node.inputs[0]].shape, values[node.number].shape
    codes = node.get('shape') or tuple(-1 if size == 'N' else size for size in Y)
    codes = list(codes if isinstance(codes, tuple) else (codes,))
    if codes[0] == -1 and X[0] == Y[0] == 'N':
        codes[0] = 0
    if codes[0] == 0 and -1 not in codes and max(codes) > 1:
        # Nets of other widths then have the same code.
        codes[codes.index(max(codes))] = -1
    demand(node, not node.get('reverse', False), 'reverse=True', 'reverse=False')
    sizes, i, computed = [], 0, codes.count(-1)
    while codes:
        code = codes.pop(0)
        size = '{0}.shape[%d]' % i
        if code == -4:
            halves, codes = codes[:2], codes[2:]
            sizes += ['%s // %d' % (size, halves[1 - k]) if half == -1 and computed > 1
                      else str(half) for k, half in enumerate(halves)]
        elif code == -2 or code == 0 and len(X) - i > 1 and codes == [0] * (len(X) - i - 1):
            sizes.append('*{0}.shape[%d:]' % i)
            break
        else:
            sizes.append({0: size, -3: '%s * {0}.shape[%d]' % (size, i + 1)}.get(code, str(code)))
        i += 1 + (code == -3)
    return '{0}.reshape(%s)' % ', '.join(sizes)


def pad(node, values):
    widths, mode = node.get('pad_width'), node.get('mode')
    pairs = [widths[i:i + 2] for i in range(0, len(widths), 2)]
    while pairs and pairs[0] == (0, 0):
        pairs = pairs[1:]
    # PyTorch begins with the last dimension.
    text = 'F.pad({0}, %r' % (sum(reversed(pairs), ()),)
    if mode != 'constant':
        return text + ', mode=%r)' % {'edge': 'replicate', 'reflect': 'reflect'}[mode]
    value = node.get('constant_value', 0)
    return text + (', value=%r)' % value if value else ')')


def slice(node, values):
    begin, end, step = (node.get(name) or () for name in ('begin', 'end', 'step'))
    demand(node, all(value in (1, None) for value in step), 'step=%s' % (step,), 'step 1')
    parts = ['%s:%s' % tuple('' if value is None else value for value in pair)
             for pair in zip(begin, end)]
    return '{0}[%s]' % ', '.join(part if part != '0:' else ':' for part in parts)


def slice_axis(node, values):
    shape = values[node.inputs[0]].shape
    axis = node.get('axis', 0) % len(shape)
    # Half of the channels is written as that: blocks of different widths are then one class.
    words = {0: '', None: '', shape[axis]: ''}
    if isinstance(shape[axis], int) and axis == 1 and shape[axis] % 2 == 0 < shape[axis] - 2:
        words[shape[axis] // 2] = '{0}.shape[%d] // 2' % axis
    begin, end = node.get('begin', 0), node.get('end')
    return '{0}[%s%s:%s]' % (':, ' * axis, words.get(begin, begin), words.get(end, end))


def slice_like(node, values):
    X, like = [values[number].shape for number in node.inputs]
    axes = node.get('axes')
    axes = axes if isinstance(axes, tuple) else range(min(len(X), len(like))) if (
        axes is None) else (axes,)
    axes = sorted(axis % len(X) for axis in axes)
    return '{0}[%s]' % ', '.join(':{1}.shape[%d]' % axis if axis in axes else ':'
                                 for axis in range(max(axes) + 1))


def crop(node, values):
    X, Y = values[node.inputs[0]].shape, values[node.number].shape
    offset = node.get('offset', (0, 0))
    if node.get('center_crop', False):
        offset = tuple((x - y) // 2 for x, y in zip(X[2:], Y[2:]))
    elif len(node.inputs) == 2:
        return '{0}[:, :, %s]' % ', '.join('%s:%s{1}.shape[%d]' % (
            (first, '%d + ' % first, axis) if first else ('', '', axis))
            for axis, first in enumerate(offset, 2))
    return '{0}[:, :, %s]' % ', '.join('%d:%d' % (first, first + size)
                                       for first, size in zip(offset, Y[2:]))


def split(node, values):
    if node.get('squeeze_axis', False):
        return 'torch.unbind({0}, dim={axis=1})'
    return 'torch.chunk({0}, {num_outputs}, dim={axis=1})'


def transpose(node, values):
    axes = node.get('axes') or reversed(range(len(values[node.number].shape)))
    return '{0}.permute(%s)' % ', '.join(map(str, axes))


def reverse(node, values):
    axes = node.get('axis')
    return 'torch.flip({0}, %s)' % (list(axes) if isinstance(axes, tuple) else [axes],)


def squeeze(node, values):
    demand(node, node.get('axis') is not None, 'no axis', 'the axes by number')
    return 'torch.squeeze({0}, dim={axis})'


def topk(node, values):
    demand(node, node.get('ret_typ', 'indices') != 'mask', 'a mask', 'values and indices')
    return 'torch.topk({0}, {k=1}, dim={axis=-1}, largest=%s)' % (
        not node.get('is_ascend', False))


def item(node, values):
    """One of several outputs; PyTorch's indices are integers, and MXNet's usually not."""
    is_index = node.get('of') == 'topk' and node.get('index') == 1
    return '{0}[{index}]%s' % (
        '.float()' if is_index and not values[node.number].is_integer else '')


def gather_nd(node, values):
    return '{0}[tuple({1}%s)]' % ('' if values[node.inputs[1]].is_integer else '.long()')
