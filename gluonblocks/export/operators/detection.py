"""Anchors and boxes of detectors, and the suppression of boxes that overlap."""
import numpy as np

from .indexing import slices
from .registry import attribute, converts


def columns(onnx, X, *bounds):
    """The last axis of `X` cut at `bounds`: (0, 4, 5) gives X[..., 0:4] and X[..., 4:5]."""
    return [slices(onnx, X, [-1], [start], [end]) for start, end in zip(bounds, bounds[1:])]


def _scaled(onnx, X, *factors):
    return onnx.add('Mul', X, onnx.constant(factors))


def _corners(onnx, X):
    """(..., x, y, width, height) -> (..., left, top, right, bottom)."""
    center, size = columns(onnx, X, 0, 2, 4)
    half = _scaled(onnx, size, 0.5)
    return onnx.add('Concat', onnx.add('Sub', center, half), onnx.add('Add', center, half), axis=-1)


def _centers(onnx, X):
    """(..., left, top, right, bottom) -> (..., x, y, width, height)."""
    low, high = columns(onnx, X, 0, 2, 4)
    return onnx.add('Concat', _scaled(onnx, onnx.add('Add', low, high), 0.5),
                    onnx.add('Sub', high, low), axis=-1)


@converts('_contrib_MultiBoxPrior')
def multibox_prior(onnx, node, X):
    """Anchors for each pixel of (N, C, H, W), as (1, anchors, 4)."""
    height, width = [onnx.cast(onnx.vector(size), 'float32')
                     for size in onnx.sizes(node.inputs[0])[2:]]
    sizes, ratios, steps, offsets = [
        np.atleast_1d(np.float32(attribute(node, name, default))) for name, default in (
            ('sizes', 1), ('ratios', 1), ('steps', (-1, -1)), ('offsets', (0.5, 0.5)))]
    roots = np.sqrt(np.append(np.repeat(ratios[:1], len(sizes)), ratios[1:]))
    sizes = np.append(sizes, np.repeat(sizes[:1], len(ratios) - 1))
    one, centers = onnx.constant(1, 'int64'), []
    for size, step, offset in zip((height, width), steps, offsets):
        count = onnx.cast(onnx.add('Squeeze', size), 'int64')
        numbers = onnx.cast(onnx.add('Range', onnx.constant(0, 'int64'), count, one), 'float32')
        step = onnx.constant(step) if step > 0 else onnx.add('Div', onnx.constant(1), size)
        centers.append(onnx.add('Mul', onnx.add('Add', numbers, onnx.constant(offset)), step))
    y, x = [onnx.add('Reshape', center, onnx.ints(*shape))  # over (H, W, 1 anchor, 1)
            for center, shape in zip(centers, ((-1, 1, 1, 1), (1, -1, 1, 1)))]
    w = onnx.add('Div', onnx.add('Mul', onnx.constant(sizes), height), width)
    w = onnx.add('Reshape', _scaled(onnx, w, *roots / 2), onnx.ints(1, 1, -1, 1))
    h = onnx.constant((sizes / roots / 2).reshape(1, 1, -1, 1))
    grid = onnx.vector(*onnx.sizes(node.inputs[0])[2:], len(sizes), 1)
    Y = onnx.add('Concat', *[onnx.add('Expand', onnx.add(op, center, half), grid)
                             for op in ('Sub', 'Add') for center, half in ((x, w), (y, h))],
                 axis=-1)
    if attribute(node, 'clip', False):
        Y = onnx.add('Clip', Y, onnx.constant(0), onnx.constant(1))
    return onnx.add('Reshape', Y, onnx.ints(1, -1, 4))


@converts('_contrib_box_iou')
def box_iou(onnx, node, *boxes):
    """The intersection of each of two sets of boxes with each of the other, over their union."""
    lows, highs, areas, sizes = [], [], [], []
    for X, entry, axis in zip(boxes, node.inputs, (1, 0)):
        sizes += onnx.sizes(entry)[:-1]
        X = onnx.add('Unsqueeze', onnx.add('Reshape', X, onnx.ints(-1, 4)), onnx.ints(axis))
        size = columns(onnx, X, 2, 4)[0]
        if attribute(node, 'format', 'corner') == 'center':
            X = _corners(onnx, X)
        else:
            size = onnx.add('Sub', size, columns(onnx, X, 0, 2)[0])
        areas.append(_area(onnx, size))
        low, high = columns(onnx, X, 0, 2, 4)
        lows.append(low)
        highs.append(high)
    both = _area(onnx, onnx.add('Sub', onnx.add('Min', *highs), onnx.add('Max', *lows)))
    union = onnx.add('Sub', onnx.add('Add', *areas), both)
    none = onnx.add('Equal', both, onnx.constant(0))
    iou = onnx.add('Where', none, both, onnx.add('Div', both, union))
    return onnx.reshaped(iou, sizes)


def _area(onnx, size):
    """(..., 2) widths and heights -> (...), 0 for a negative one."""
    return onnx.add('ReduceProd', onnx.add('Max', size, onnx.constant(0)), axes=[-1], keepdims=0)


@converts('_contrib_box_decode')
def box_decode(onnx, node, X, anchors):
    """Boxes as corners from their differences to the anchors."""
    if attribute(node, 'format', 'center') == 'corner':
        anchors = _centers(onnx, anchors)
    return _decoded(onnx, X, anchors, [attribute(node, 'std%d' % i, 1.0) for i in range(4)],
                    attribute(node, 'clip', -1.0))


def _decoded(onnx, X, anchors, factors, clip=-1.0):
    middle, size = columns(onnx, anchors, 0, 2, 4)
    shift, growth = columns(onnx, _scaled(onnx, X, *factors), 0, 2, 4)
    if clip > 0:
        growth = onnx.add('Min', growth, onnx.constant(clip))
    middle = onnx.add('Add', onnx.add('Mul', shift, size), middle)
    half = _scaled(onnx, onnx.add('Mul', onnx.add('Exp', growth), size), 0.5)
    return onnx.add('Concat', onnx.add('Sub', middle, half), onnx.add('Add', middle, half), axis=-1)


def numbered(onnx, count):
    """count, count - 1, ... 1, as float32."""
    numbers = onnx.add('Range', onnx.constant(0, 'int64'), onnx.add('Squeeze', count),
                       onnx.constant(1, 'int64'))
    return onnx.cast(onnx.add('Sub', count, numbers), 'float32')


def ordered(onnx, X, keys, count):
    """(B, n, k) rows by descending keys (B, n), the first of equals first: (B, count, k), keys."""
    keys, order = onnx.add('TopK', keys, count, outputs=2, axis=1)
    return onnx.add('GatherND', X, onnx.add('Unsqueeze', order, onnx.ints(2)), batch_dims=1), keys


def _filled(onnx, X, chosen):
    """The rows of `X` that are `chosen`, (B, n), and -1 in the others."""
    return onnx.add('Where', onnx.add('Unsqueeze', chosen, onnx.ints(2)), X, onnx.constant(-1))


def survivors(onnx, boxes, ids, ranks, threshold):
    """Return `ranks` (B, n) with 0 for each box that a better box of its class suppresses.

    `boxes` (B, n, 4) are corners, and `ids` (B, n) their classes, or None if there is only one. The
    best box has the largest rank; ranks are distinct, or 0 for boxes that do not count. A box
    suppresses those that overlap it by more than `threshold`.
    """
    low, high = columns(onnx, boxes, 0, 2, 4)  # MXNet gives boxes inside out the area 0
    boxes = onnx.add('Concat', low, onnx.add('Max', low, high), axis=-1)
    scores = onnx.add('Unsqueeze', ranks, onnx.ints(1))  # (B, classes, n)
    if ids is not None:
        ids = onnx.cast(ids, 'int64')
        classes = onnx.add('Range', onnx.add('ReduceMin', ids, keepdims=0), onnx.add(
            'Add', onnx.add('ReduceMax', ids, keepdims=0), onnx.constant(1, 'int64')),
            onnx.constant(1, 'int64'))
        same = onnx.add('Equal', onnx.add('Unsqueeze', ids, onnx.ints(1)),
                        onnx.add('Unsqueeze', classes, onnx.ints(1)))
        scores = onnx.add('Where', same, scores, onnx.constant(0))
    chosen = onnx.add('NonMaxSuppression', boxes, scores, onnx.ints(2 ** 31 - 1),
                      onnx.constant([threshold]), onnx.constant([0]))  # rows (image, class, box)
    chosen = onnx.add('Gather', chosen, onnx.ints(0, 2), axis=1)
    return onnx.add('ScatterND', _scaled(onnx, ranks, 0), chosen,
                    onnx.add('GatherND', ranks, chosen))


@converts('_contrib_box_nms')
def box_nms(onnx, node, X):
    """(..., n, k) -> the rows whose boxes no better box suppresses, by score, then rows of -1."""
    shape, get = onnx.sizes(node.inputs[0]), (lambda name, value: attribute(node, name, value))
    topk, threshold, start = get('topk', -1), get('overlap_thresh', 0.5), get('coord_start', 2)
    if topk == 0:
        return X
    if threshold < 0:
        raise ValueError('%s: overlap_thresh must be at least 0 for ONNX, got %s; choose outputs '
                         'before it' % (node.name, threshold))
    X, n = onnx.add('Reshape', X, onnx.vector(-1, *shape[-2:])), onnx.vector(shape[-2])
    score = get('score_index', 1)
    scores, id_index = _column(onnx, X, score), get('id_index', -1)
    valid = onnx.add('Greater', scores, onnx.constant(get('valid_thresh', 0)))
    if id_index >= 0:
        background = onnx.add('Equal', _column(onnx, X, id_index),
                              onnx.constant(get('background_id', -1)))
        valid = onnx.add('And', valid, onnx.add('Not', background))
    count = n if topk < 0 else onnx.add('Min', n, onnx.ints(topk))
    lowest = onnx.constant(-np.inf)
    rows, keys = ordered(onnx, X, onnx.add('Where', valid, scores, lowest), count)
    ranks = onnx.add('Where', onnx.add('Greater', keys, lowest), numbered(onnx, count),
                     onnx.constant(0))
    if threshold < 1:
        boxes = columns(onnx, rows, start, start + 4)[0]
        if get('in_format', 'corner') == 'center':
            boxes = _corners(onnx, boxes)
        several = id_index >= 0 and not get('force_suppress', False)
        ranks = survivors(onnx, boxes, _column(onnx, rows, id_index) if several else None, ranks,
                           threshold)
    rows, ranks = ordered(onnx, rows, ranks, count)
    rows = _filled(onnx, rows, onnx.add('Greater', ranks, onnx.constant(0)))
    if get('in_format', 'corner') != get('out_format', 'corner'):
        before, boxes, after = columns(onnx, rows, 0, start, start + 4, 2 ** 31)
        made = (_corners if get('out_format', 'corner') == 'corner' else _centers)(onnx, boxes)
        outside = onnx.add('Less', columns(onnx, boxes, 0, 1)[0], onnx.constant(0))
        boxes = onnx.add('Where', outside, boxes, made)  # MXNet leaves those left of 0 as they are
        rows = onnx.add('Concat', before, boxes, after, axis=-1)
    if topk > 0:
        missing = onnx.vector(0, 0, 0, 0, onnx.add('Sub', n, count), 0)
        rows = onnx.add('Pad', rows, missing, onnx.constant(-1))
    return onnx.add('Reshape', rows, onnx.shape_vector(node.inputs[0]))


def _column(onnx, X, k):
    """(B, n, ...) -> (B, n), X[:, :, k]."""
    return onnx.add('Gather', X, onnx.constant(k, 'int64'), axis=2)


@converts('_contrib_MultiBoxDetection')
def multibox_detection(onnx, node, probabilities, X, anchors):
    """Rows (class, score, left, top, right, bottom) by score; the class is -1 if suppressed."""
    def get(name, value):
        return attribute(node, name, value)
    zero, minus = onnx.constant(0), onnx.constant(-1)
    n = onnx.vector(onnx.sizes(node.inputs[0])[2])
    objects = slices(onnx, probabilities, [1], [1], [2 ** 31])
    scores = onnx.add('ReduceMax', objects, axes=[1], keepdims=0)
    ids = onnx.cast(onnx.add('ArgMax', objects, axis=1, keepdims=0), 'float32')
    valid = onnx.add('GreaterOrEqual', scores, onnx.constant(get('threshold', 0.01)))
    boxes = _decoded(onnx, onnx.add('Reshape', X, onnx.ints(0, -1, 4)), _centers(onnx, anchors),
                     get('variances', (0.1, 0.1, 0.2, 0.2)))
    if get('clip', True):
        boxes = onnx.add('Clip', boxes, zero, onnx.constant(1))
    rows = onnx.add('Concat', *[onnx.add('Unsqueeze', Y, onnx.ints(2)) for Y in (ids, scores)],
                    boxes, axis=2)
    ranks = numbered(onnx, n)
    packed, places = ordered(onnx, rows, onnx.add('Where', valid, ranks, zero), n)
    filled = onnx.add('Greater', places, zero)
    threshold, topk = np.float32(get('nms_threshold', 0.5)), get('nms_topk', -1)
    if not 0 < threshold <= 1:
        return _filled(onnx, packed, filled)
    rows, _ = ordered(onnx, rows, onnx.add('Where', valid, scores, onnx.constant(-np.inf)), n)
    counting = filled
    if topk > 0:  # what comes after the first `topk` keeps its place, without a class
        first = onnx.add('Greater', ranks, onnx.cast(onnx.add('Sub', n, onnx.ints(topk)),
                                                     'float32'))
        rows = onnx.add('Where', onnx.add('Unsqueeze', first, onnx.ints(1)), rows, packed)
        counting = onnx.add('And', filled, first)
    several = not get('force_suppress', False)
    kept = survivors(onnx, columns(onnx, rows, 2, 6)[0], _column(onnx, rows, 0)
                      if several else None, onnx.add('Where', counting, ranks, zero),
                      np.nextafter(threshold, np.float32(0)))  # here an equal overlap is too much
    kept = onnx.add('Unsqueeze', onnx.add('Greater', kept, zero), onnx.ints(2))
    ids, others = columns(onnx, rows, 0, 1, 6)
    rows = onnx.add('Concat', onnx.add('Where', kept, ids, minus), others, axis=2)
    return _filled(onnx, rows, filled)
