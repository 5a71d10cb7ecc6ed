"""Convert object-detection operators: anchors, box decoding and non-maximum suppression."""
import numpy as np

from .registry import attribute, converts, listed


def _columns(onnx, X, *bounds):
    """Split the last axis of `X` at `bounds`: (0, 4, 5) returns X[..., 0:4] and X[..., 4:5]."""
    return [onnx.add('Slice', X, [start], [end], [-1]) for start, end in zip(bounds, bounds[1:])]


def _corners(onnx, X):
    """Convert boxes (..., center x, center y, width, height) to (..., left, top, right, bottom)."""
    center, size = _columns(onnx, X, 0, 2, 4)
    half = onnx.add('Mul', size, 0.5)
    return onnx.add('Concat', onnx.add('Sub', center, half), onnx.add('Add', center, half), axis=-1)


def _centers(onnx, X):
    """Convert boxes (..., left, top, right, bottom) to (..., center x, center y, width, height)."""
    low, high = _columns(onnx, X, 0, 2, 4)
    return onnx.add('Concat', onnx.add('Mul', onnx.add('Add', low, high), 0.5),
                    onnx.add('Sub', high, low), axis=-1)


@converts('_contrib_MultiBoxPrior')
def multibox_prior(onnx, node, X):
    """Return anchor boxes of shape (1, anchors, 4) for all pixels of X, of shape (N, C, H, W)."""
    sides = onnx.sizes(node.inputs[0])[2:]
    height, width = [onnx.cast(onnx.vector(side), 'float32') for side in sides]
    sizes, ratios = (np.array(listed(node, name, [1]), 'float32') for name in ('sizes', 'ratios'))
    # Each pixel has one anchor of each size with the first aspect ratio, and one anchor of the
    # first size with each of the other ratios.
    roots = np.sqrt(np.append(np.repeat(ratios[:1], len(sizes)), ratios[1:]))
    sizes = np.append(sizes, np.repeat(sizes[:1], len(ratios) - 1))
    centers = []
    for side, size, step, offset, shape in zip(
            sides, (height, width), listed(node, 'steps', [-1, -1]),
            listed(node, 'offsets', [0.5, 0.5]), ([-1, 1, 1, 1], [1, -1, 1, 1])):
        center = onnx.add('Add', onnx.cast(onnx.indices(side), 'float32'), offset)
        center = onnx.add('Mul', center, step) if step > 0 else onnx.add('Div', center, size)
        centers.append(onnx.add('Reshape', center, shape))  # (H, W, anchors, 1)
    w = onnx.add('Div', onnx.add('Mul', sizes * roots / 2, height), width)
    halves = (sizes / roots / 2).reshape((-1, 1)), onnx.add('Reshape', w, [-1, 1])
    grid = [*sides, len(sizes), 1]
    Y = onnx.add('Concat', *[
        onnx.add('Expand', onnx.add(op, center, half), grid) for op in ('Sub', 'Add')
        for center, half in zip(centers[::-1], halves[::-1])], axis=-1)
    if attribute(node, 'clip', False):
        Y = onnx.add('Clip', Y, 0, 1)
    return onnx.add('Reshape', Y, [1, -1, 4])


@converts('_contrib_box_decode')
def box_decode(onnx, node, X, anchors):
    """Decode X, offsets relative to the anchors, into boxes (left, top, right, bottom)."""
    if attribute(node, 'format', 'center') == 'corner':
        anchors = _centers(onnx, anchors)
    return _decoded(onnx, X, anchors, [attribute(node, 'std%d' % i, 1.0) for i in range(4)],
                    attribute(node, 'clip', -1.0))


def _decoded(onnx, X, anchors, factors, clip=-1.0):
    middle, size = _columns(onnx, anchors, 0, 2, 4)
    shift, growth = _columns(onnx, onnx.add('Mul', X, np.array(factors)), 0, 2, 4)
    if clip > 0:
        growth = onnx.add('Min', growth, clip)
    middle = onnx.add('Add', onnx.add('Mul', shift, size), middle)
    size = onnx.add('Mul', onnx.add('Exp', growth), size)
    return _corners(onnx, onnx.add('Concat', middle, size, axis=-1))


def _descending(onnx, count):
    """Return the float32 vector count, count - 1, ..., 1."""
    return onnx.cast(onnx.add('Sub', [count], onnx.indices(count)), 'float32')


def _ordered(onnx, X, keys, count):
    """Stably sort X (B, n, k) by descending keys (B, n); return the first `count` rows and keys."""
    keys, order = onnx.add('TopK', keys, [count], outputs=2, axis=1)
    return onnx.add('GatherND', X, onnx.add('Unsqueeze', order, [2]), batch_dims=1), keys


def _filled(onnx, X, chosen):
    """Set the rows of X (B, n, k) to -1 where the mask `chosen` (B, n) is False."""
    return onnx.add('Where', onnx.add('Unsqueeze', chosen, [2]), X, -1)


def _survivors(onnx, boxes, ids, ranks, threshold):
    """Return `ranks` (B, n), set to 0 for each box suppressed by a better box of its class.

    `boxes` (B, n, 4) contains (left, top, right, bottom). `ids` (B, n) contains the class of each
    box; None means that all boxes have the same class. Better boxes have larger ranks. All ranks
    are distinct, except that boxes to ignore have rank 0. A box suppresses a worse box of its
    class if the IoU of the two exceeds `threshold`.
    """
    low, high = _columns(onnx, boxes, 0, 2, 4)  # in MXNet a box with high < low has area 0
    boxes = onnx.add('Concat', low, onnx.add('Max', low, high), axis=-1)
    scores = onnx.add('Unsqueeze', ranks, [1])  # (B, classes, n)
    if ids is not None:
        ids = onnx.cast(ids, 'int64')
        classes = onnx.add('Range', onnx.add('ReduceMin', ids, keepdims=0), onnx.add(
            'Add', onnx.add('ReduceMax', ids, keepdims=0), np.int64(1)), np.int64(1))
        same = onnx.add('Equal', onnx.add('Unsqueeze', ids, [1]),
                        onnx.add('Unsqueeze', classes, [1]))
        scores = onnx.add('Where', same, scores, 0)
    chosen = onnx.add('NonMaxSuppression', boxes, scores, [2 ** 31 - 1], np.array([threshold]),
                      np.array([0.0]))  # rows (image, class, box)
    chosen = onnx.add('Gather', chosen, [0, 2], axis=1)
    return onnx.add('ScatterND', onnx.add('Mul', ranks, 0), chosen,
                    onnx.add('GatherND', ranks, chosen))


@converts('_contrib_box_nms')
def box_nms(onnx, node, X):
    """Sort the rows of X (..., n, k) by descending score, and fill suppressed rows with -1."""
    topk, threshold = attribute(node, 'topk', -1), attribute(node, 'overlap_thresh', 0.5)
    start, id_index = attribute(node, 'coord_start', 2), attribute(node, 'id_index', -1)
    encoding = attribute(node, 'in_format', 'corner')
    if not 0 <= threshold <= 1 or encoding != attribute(node, 'out_format', 'corner'):
        raise ValueError('%s: expected overlap_thresh from 0 to 1 and equal in_format and '
                         'out_format, found overlap_thresh=%s, in_format=%s and out_format=%s: '
                         'export outputs of earlier layers instead' % (
                             node.name, threshold, encoding,
                             attribute(node, 'out_format', 'corner')))
    *_, n, width = onnx.sizes(node.inputs[0])
    shape, X = onnx.add('Shape', X), onnx.add('Reshape', X, [-1, n, width])
    scores = _column(onnx, X, attribute(node, 'score_index', 1))
    valid = onnx.add('Greater', scores, attribute(node, 'valid_thresh', 0))
    if id_index >= 0:
        background = onnx.add('Equal', _column(onnx, X, id_index),
                              attribute(node, 'background_id', -1))
        valid = onnx.add('And', valid, onnx.add('Not', background))
    count = n if topk <= 0 else onnx.add('Min', [n], [topk])
    rows, keys = _ordered(onnx, X, onnx.add('Where', valid, scores, -np.inf), count)
    ranks = onnx.add('Where', onnx.add('Greater', keys, -np.inf), _descending(onnx, count), 0)
    boxes = _columns(onnx, rows, start, start + 4)[0]
    if encoding == 'center':
        boxes = _corners(onnx, boxes)
    several = id_index >= 0 and not attribute(node, 'force_suppress', False)
    ids = _column(onnx, rows, id_index) if several else None
    rows, ranks = _ordered(onnx, rows, _survivors(onnx, boxes, ids, ranks, threshold), count)
    rows = _filled(onnx, rows, onnx.add('Greater', ranks, 0))
    if topk > 0:
        rows = onnx.add('Pad', rows, [0, 0, 0, 0, onnx.add('Sub', [n], count), 0], -1)
    return onnx.add('Reshape', rows, shape)


def _column(onnx, X, k):
    """Return X[:, :, k], of shape (B, n)."""
    return onnx.add('Gather', X, np.int64(k), axis=2)


@converts('_contrib_MultiBoxDetection')
def multibox_detection(onnx, node, probabilities, X, anchors):
    """Return one row (class, score, left, top, right, bottom) per anchor, sorted by score.

    The class is -1 if the box is suppressed by a higher-scoring one. If the score is below the
    threshold, all values of the row are -1.
    """
    n = onnx.sizes(node.inputs[0])[2]
    objects = onnx.add('Slice', probabilities, [1], [2 ** 31], [1])
    scores = onnx.add('ReduceMax', objects, axes=[1], keepdims=0)
    ids = onnx.cast(onnx.add('ArgMax', objects, axis=1, keepdims=0), 'float32')
    valid = onnx.add('GreaterOrEqual', scores, attribute(node, 'threshold', 0.01))
    boxes = _decoded(onnx, onnx.add('Reshape', X, [0, -1, 4]), _centers(onnx, anchors),
                     listed(node, 'variances', [0.1, 0.1, 0.2, 0.2]))
    if attribute(node, 'clip', True):
        boxes = onnx.add('Clip', boxes, 0, 1)
    rows = onnx.add('Concat', *[onnx.add('Unsqueeze', Y, [2]) for Y in (ids, scores)], boxes,
                    axis=2)
    ranks = _descending(onnx, n)
    packed, keys = _ordered(onnx, rows, onnx.add('Where', valid, ranks, 0), n)
    filled = active = onnx.add('Greater', keys, 0)
    threshold, topk = np.float32(attribute(node, 'nms_threshold', 0.5)), attribute(
        node, 'nms_topk', -1)
    if not 0 < threshold <= 1:
        return _filled(onnx, packed, filled)
    rows, _ = _ordered(onnx, rows, onnx.add('Where', valid, scores, -np.inf), n)
    if topk > 0:  # in MXNet, rows after the first `topk` are not sorted and lose their class
        others = onnx.cast(onnx.vector(onnx.combined('Sub', n, topk)), 'float32')
        first = onnx.add('Greater', ranks, others)
        rows = onnx.add('Where', onnx.add('Unsqueeze', first, [1]), rows, packed)
        active = onnx.add('And', filled, first)
    kept = _survivors(onnx, _columns(onnx, rows, 2, 6)[0], None if attribute(
        node, 'force_suppress', False) else _column(onnx, rows, 0),
        onnx.add('Where', active, ranks, 0),
        np.nextafter(threshold, np.float32(0)))  # an overlap equal to `threshold` suffices
    kept = onnx.add('Unsqueeze', onnx.add('Greater', kept, 0), [2])
    ids, others = _columns(onnx, rows, 0, 1, 6)
    rows = onnx.add('Concat', onnx.add('Where', kept, ids, -1), others, axis=2)
    return _filled(onnx, rows, filled)
