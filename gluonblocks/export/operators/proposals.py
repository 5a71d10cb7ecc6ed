"""The regions that Faster R-CNN looks at."""
import numpy as np

from .detection import columns, numbered, ordered, survivors
from .indexing import slices
from .registry import attribute, converts


def _anchors(stride, ratios, scales):
    """Boxes about the first cell, (ratios scales, 4), whose sides are rounded as in the paper's."""
    made = []
    for ratio in ratios:
        width = np.floor(np.sqrt(np.floor(stride * stride / ratio)) + 0.5)
        height = np.floor(width * ratio + 0.5)
        for scale in scales:
            half = (np.array([width, height]) * scale - 1) / 2
            made.append(np.concatenate([(stride - 1) / 2 - half, (stride - 1) / 2 + half]))
    return np.array(made)


@converts('_contrib_Proposal')
def proposal(onnx, node, probabilities, X, image):
    """Regions (0, left, top, right, bottom) of one image by score, repeated if they are too few.

    probabilities (1, 2 A, H, W) and X (1, 4 A, H, W) are of A anchors in each cell; image (1, 3) is
    its height, its width and its scale. A pixel is 1 wide: a box has the width right - left + 1.
    """
    height, width = onnx.shape(node.inputs[0])[2:]
    if height is None or width is None or onnx.exported_shape(node.inputs[0])[0] != 1:
        raise ValueError('%s: proposals need one image of a fixed size; export the net for batch '
                         'size 1 and a fixed image size' % node.name)
    if attribute(node, 'iou_loss', False):
        raise ValueError('%s: iou_loss=True has no counterpart here; choose outputs before it'
                         % node.name)
    stride, half, one = attribute(node, 'feature_stride', 16), onnx.constant(0.5), onnx.constant(1)
    base = _anchors(stride, np.atleast_1d(attribute(node, 'ratios', (0.5, 1, 2))),
                    np.atleast_1d(attribute(node, 'scales', (4, 8, 16, 32))))
    rows, across = np.mgrid[:height, :width]
    shifts = np.stack([across, rows, across, rows], axis=-1).reshape(-1, 1, 4)
    anchors = (base + shifts * stride).reshape(-1, 4)  # (H W A, 4)
    count = len(anchors)
    size = anchors[:, 2:] - anchors[:, :2] + 1
    scores = slices(onnx, probabilities, [1], [len(base)], [2 * len(base)])
    scores = onnx.add('Reshape', onnx.add('Transpose', scores, perm=[0, 2, 3, 1]),
                      onnx.ints(1, count))
    X = onnx.add('Reshape', X, onnx.ints(len(base), 4, height, width))
    X = onnx.add('Reshape', onnx.add('Transpose', X, perm=[2, 3, 0, 1]), onnx.ints(1, count, 4))
    shift, growth = columns(onnx, X, 0, 2, 4)
    size, middle = onnx.constant(size), onnx.constant(anchors[:, :2] + 0.5 * (size - 1))
    middle = onnx.add('Add', onnx.add('Mul', shift, size), middle)
    reach = onnx.add('Mul', onnx.add('Sub', onnx.add(
        'Mul', onnx.add('Exp', growth), size), one), half)
    sides, scale = columns(onnx, image, 0, 2, 3)  # (1, 2) height and width
    border = onnx.add('Sub', onnx.add('Gather', sides, onnx.ints(1, 0), axis=1), one)
    low, high = [onnx.add('Max', onnx.add('Min', onnx.add(op, middle, reach), border),
                          onnx.constant(0)) for op in ('Sub', 'Add')]
    # Cells beyond the image, which was padded, and small boxes come last.
    cells = onnx.add('Floor', onnx.add('Div', sides, onnx.constant(stride)))
    cell = np.repeat(np.stack([rows, across], axis=-1).reshape(-1, 2), len(base), axis=0)
    outside = onnx.add('GreaterOrEqual', onnx.constant(cell), cells)
    least = onnx.add('Mul', scale, onnx.constant(attribute(node, 'rpn_min_size', 16)))
    small = onnx.add('Less', onnx.add('Add', onnx.add('Sub', high, low), one), least)
    small = onnx.add('ReduceMax', onnx.cast(small, 'float32'), axes=[2], keepdims=1)
    margin = onnx.add('Mul', small, onnx.add('Mul', least, half))
    low, high = onnx.add('Sub', low, margin), onnx.add('Add', high, margin)
    outside = onnx.add('ReduceMax', onnx.cast(outside, 'float32'), axes=[1], keepdims=0)
    last = onnx.add('Max', onnx.add('Squeeze', small, onnx.ints(2)), outside)
    scores = onnx.add('Where', onnx.cast(last, 'bool'), onnx.constant(-1), scores)
    before, after = attribute(node, 'rpn_pre_nms_top_n', 6000), attribute(
        node, 'rpn_post_nms_top_n', 300)
    before = min(before, count) if before > 0 else count
    boxes, scores = ordered(onnx, onnx.add('Concat', low, high, axis=2), scores, onnx.ints(before))
    wide = onnx.add('Add', boxes, onnx.constant([0, 0, 1, 1]))
    places = onnx.add('Unsqueeze', numbered(onnx, onnx.ints(before)), onnx.ints(0))
    kept = survivors(onnx, wide, None, places, attribute(node, 'threshold', 0.7))
    number = onnx.add('ReduceSum', onnx.cast(onnx.cast(kept, 'bool'), 'int64'), keepdims=0)
    number = onnx.add('Min', number, onnx.constant(min(after, before), 'int64'))
    _, order = onnx.add('TopK', kept, onnx.ints(before), outputs=2, axis=1)
    order = onnx.add('Gather', onnx.add('Squeeze', order, onnx.ints(0)),
                     onnx.add('Mod', onnx.ints(*range(after)), number))
    regions = onnx.add('Gather', onnx.add('Squeeze', boxes, onnx.ints(0)), order)
    regions = onnx.add('Pad', regions, onnx.ints(0, 1, 0, 0))
    scores = onnx.add('Gather', onnx.add('Squeeze', scores, onnx.ints(0)), order)
    return [regions, onnx.add('Unsqueeze', scores, onnx.ints(1))]
