"""Translate reshaping, slicing and indexing into PyTorch calls."""
from .layers import demand


def reshape(node, values):
    """Translate a Reshape: code 0 keeps a size, -2 keeps the rest, -3 merges two, -4 splits one."""
    X, Y = values[node.inputs[0]].shape, values[node.number].shape
    codes = node.get('shape')
    if not codes or node.get('reverse', False):
        codes = tuple(-1 if isinstance(size, str) else size for size in Y)
    codes = list(codes if isinstance(codes, tuple) else (codes,))
    if codes[0] == -1 and X[0] == Y[0] == 'N':
        codes[0] = 0
    if codes[0] == 0 and -1 not in codes and max(codes) > 1:
        # Replace the largest dimension with -1, so that blocks of different widths can share one
        # generated Python class.
        codes[codes.index(max(codes))] = -1
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
            codes = codes if code else []
        else:
            sizes.append({0: size, -3: '%s * {0}.shape[%d]' % (size, i + 1)}.get(code, str(code)))
        i += 1 + (code == -3)
    return '{0}.reshape(%s)' % ', '.join(sizes)


def flatten(node, values):
    # Use unsqueeze for shape (N,): torch.flatten(X, 1) rejects it, but MXNet returns (N, 1).
    one = len(values[node.inputs[0]].shape) == 1
    return 'torch.unsqueeze({0}, 1)' if one else 'torch.flatten({0}, 1)'


def pad(node, values):
    widths = list(node.get('pad_width'))
    pairs = [widths[i:i + 2] for i in range(0, len(widths), 2)]
    while pairs[1:] and pairs[0] == [0, 0]:
        del pairs[0]
    # PyTorch expects the padding of the last dimension first, so reverse the pairs.
    text = 'F.pad({0}, %r' % (tuple(sum(reversed(pairs), [])),)
    if node.get('mode') == 'constant':
        return text + (', value={constant_value})' if node.get('constant_value', 0) else ')')
    return text + ', mode=%r)' % {'edge': 'replicate', 'reflect': 'reflect'}[node.get('mode')]


def slice(node, values):
    begin, end, step = (node.get(name) or () for name in ('begin', 'end', 'step'))
    demand(node, all(value in (1, None) for value in step), 'step=%s' % (step,), 'step=1')
    ranges = ['%s:%s' % tuple('' if value is None else value for value in pair)
              for pair in zip(begin, end)]
    return '{0}[%s]' % ', '.join(text if text != '0:' else ':' for text in ranges)


def slice_axis(node, values):
    shape = values[node.inputs[0]].shape
    axis = node.get('axis', 0) % len(shape)
    words = {0: '', None: '', shape[axis]: ''}
    if axis == 1 and shape[1] > 2 and shape[1] % 2 == 0:
        # Write shape[1] // 2 instead of a number, so that blocks of different widths can share one
        # generated Python class.
        words[shape[1] // 2] = '{0}.shape[1] // 2'
    begin, end = node.get('begin', 0), node.get('end')
    return '{0}[%s%s:%s]' % (':, ' * axis, words.get(begin, begin), words.get(end, end))


def slice_like(node, values):
    X, like = [values[number].shape for number in node.inputs]
    axes = node.get('axes')
    axes = tuple(range(min(len(X), len(like)))) if axes in (None, ()) else axes
    axes = [axis % len(X) for axis in (axes if isinstance(axes, tuple) else (axes,))]
    return '{0}[%s]' % ', '.join(':{1}.shape[%d]' % axis if axis in axes else ':'
                                 for axis in range(max(axes) + 1))


def crop(node, values):
    sizes = ['{1}.shape[2]', '{1}.shape[3]'] if len(node.inputs) > 1 else list(
        map(str, values[node.number].shape[2:]))
    if node.get('center_crop', False):
        return '{0}' + ''.join('.narrow(%d, ({0}.shape[%d] - %s) // 2, %s)'
                               % (axis, axis, size, size) for axis, size in enumerate(sizes, 2))
    offset = node.get('offset', (0, 0))
    ends = ['%d + %s' % pair for pair in zip(offset, sizes)] if any(offset) else sizes
    return '{0}[:, :, %d:%s, %d:%s]' % (offset[0], ends[0], offset[1], ends[1])


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
    demand(node, node.get('axis') is not None, 'None', 'the axis to be set')
    return 'torch.squeeze({0}, dim={axis})'


def topk(node, values):
    demand(node, node.get('ret_typ', 'indices') != 'mask', 'a mask', 'values, indices or both')
    k, axis = node.get('k', 1), node.get('axis', -1)
    demand(node, k > 0 and axis is not None, 'k=%s, axis=%s' % (k, axis), 'k > 0 and an axis')
    return 'torch.topk({0}, {k=1}, dim={axis=-1}, largest=%s)' % (
        not node.get('is_ascend', False))


def item(node, values):
    """Select one of several outputs; convert indices to floats if MXNet returns them as floats."""
    is_index = node.get('of') == 'topk' and node.get('index') == 1
    return '{0}[{index}]%s' % (
        '.float()' if is_index and not values[node.number].is_integer else '')


def gather_nd(node, values):
    return '{0}[tuple({1}%s)]' % ('' if values[node.inputs[1]].is_integer else '.long()')
