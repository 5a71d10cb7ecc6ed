"""Operators on images: cropping, resizing, sampling, and regions of interest."""
import numpy as np

from .indexing import slices
from .registry import attribute, converts


@converts('Crop')
def crop(onnx, node, X, *like):
    """(N, C, H, W) cut to a size or to that of another tensor, at an offset or in the middle."""
    sizes = onnx.sizes(node.inputs[1])[2:] if like else list(attribute(node, 'h_w'))
    starts = list(attribute(node, 'offset', (0, 0)))
    if attribute(node, 'center_crop', False):
        starts = [onnx.combined('Div', onnx.combined('Sub', old, new), 2)
                  for old, new in zip(onnx.sizes(node.inputs[0])[2:], sizes)]
    return slices(onnx, X, [2, 3], starts, [onnx.combined('Add', start, size)
                                            for start, size in zip(starts, sizes)])


@converts('depth_to_space', 'space_to_depth')
def depth_to_space(onnx, node, X):
    """(N, C b b, H, W) -> (N, C, H b, W b), or back."""
    return onnx.add({'depth_to_space': 'DepthToSpace', 'space_to_depth': 'SpaceToDepth'}[node.op],
                    X, blocksize=attribute(node, 'block_size'))


@converts('UpSampling')
def upsampling(onnx, node, X, *others):
    """Each pixel repeated, or the deconvolution by bilinear weights that the net has."""
    scale = attribute(node, 'scale')
    if attribute(node, 'sample_type') == 'bilinear':
        return onnx.add('ConvTranspose', X, *others, kernel_shape=[2 * scale - scale % 2] * 2,
                        strides=[scale] * 2, pads=[scale // 2] * 4,
                        group=onnx.shape(node.inputs[0])[1])
    height = onnx.exported_shape(node.entry())[2]
    scales = [height // onnx.exported_shape(entry)[2] for entry in node.inputs]
    made = [Y if each == 1 else onnx.add(
        'Resize', Y, '', onnx.constant([1, 1, each, each]), mode='nearest', nearest_mode='floor',
        coordinate_transformation_mode='asymmetric') for Y, each in zip([X, *others], scales)]
    if len(made) == 1:
        return made[0]
    if attribute(node, 'multi_input_mode', 'concat') == 'sum':
        return onnx.add('Sum', *made)
    return onnx.add('Concat', *made, axis=1)


@converts('_contrib_BilinearResize2D')
def bilinear_resize(onnx, node, X, *like):
    """(N, C, H, W) interpolated to a size, by a scale, to another tensor's size, or to parity."""
    sizes = onnx.sizes(node.inputs[0])
    made = [found if size is None else size for found, size in zip(
        sizes[:2] + [_resized(onnx, node, sizes, i) for i in (0, 1)], onnx.shape(node.entry()))]
    aligned = attribute(node, 'align_corners', True)  # else PyTorch's way, as for a height of 1
    return onnx.add('Resize', X, '', '', onnx.vector(*made), mode='linear',
                    coordinate_transformation_mode='align_corners' if aligned
                    else 'pytorch_half_pixel')


def _resized(onnx, node, sizes, i):
    """The new height (i = 0) or width (1)."""
    mode, size = attribute(node, 'mode', 'size'), sizes[2 + i]
    scale = attribute(node, ('scale_height', 'scale_width')[i])
    if mode == 'like':
        return onnx.sizes(node.inputs[1])[2 + i]
    if onnx.shape(node.entry())[2 + i] is not None:
        return onnx.shape(node.entry())[2 + i]
    odd = onnx.add('Mod', size, onnx.ints(2))
    if mode.startswith('to_'):
        change = onnx.add('Sub', onnx.ints(1), odd) if 'odd' in mode else odd
        return onnx.combined('Add' if mode.endswith('up') else 'Sub', size, change)
    if mode == 'odd_scale':  # an odd size counts from the first pixel to the last
        size = onnx.add('Sub', size, odd)
    size = onnx.cast(onnx.add('Mul', onnx.cast(size, 'float32'), onnx.constant(scale)), 'int64')
    return onnx.add('Add', size, odd) if mode == 'odd_scale' else size


@converts('GridGenerator')
def grid_generator(onnx, node, X):
    """The coordinates (x, y) from -1 to 1 at which to sample, (N, 2, H, W)."""
    if attribute(node, 'transform_type') == 'affine':
        return _affine_grid(onnx, X, *attribute(node, 'target_shape'))
    height, width = onnx.shape(node.inputs[0])[2:]
    if height is None or width is None:
        raise ValueError('%s: a grid that warps needs a fixed height and width, and here they '
                         'depend on the input; export for a fixed image size' % node.name)
    y, x = np.mgrid[:height, :width].astype('float32')
    half = np.array([(width - 1) / 2, (height - 1) / 2], 'float32').reshape(2, 1, 1)
    Y = onnx.add('Div', onnx.add('Add', X, onnx.constant(np.stack([x, y]))), onnx.constant(half))
    return onnx.add('Sub', Y, onnx.constant(1))


def _affine_grid(onnx, X, height, width):
    y, x = np.mgrid[:height, :width]
    grid = np.stack([x * 2 / (width - 1) - 1, y * 2 / (height - 1) - 1, np.ones_like(x)])
    X = onnx.add('MatMul', onnx.add('Reshape', X, onnx.ints(-1, 2, 3)),
                 onnx.constant(grid.reshape(3, -1)))  # (N, 2, height width)
    return onnx.add('Reshape', X, onnx.ints(0, 2, height, width))


@converts('BilinearSampler')
def bilinear_sampler(onnx, node, X, grid):
    """The pixels of (N, C, H, W) at the grid's coordinates, interpolated; 0 outside the image."""
    sizes, out = onnx.sizes(node.inputs[0]), onnx.sizes(node.inputs[1])
    return _sampled(onnx, X, grid, sizes, out[2:])


@converts('SpatialTransformer')
def spatial_transformer(onnx, node, X, transform):
    """An image seen through an affine transform."""
    target = attribute(node, 'target_shape')
    grid = _affine_grid(onnx, transform, *target)
    return _sampled(onnx, X, grid, onnx.sizes(node.inputs[0]), list(target))


def _sampled(onnx, X, grid, sizes, out):
    channels, lasts = sizes[1], [onnx.combined('Sub', size, 1) for size in sizes[2:]]
    pixels = onnx.add('Transpose', onnx.reshaped(X, [0, channels, -1]), perm=[0, 2, 1])
    x, y = onnx.add('Split', onnx.add('Reshape', grid, onnx.ints(0, 2, -1)), outputs=2, axis=1)
    one, below, beyond = onnx.constant(1), [], []
    for at, last in ((y, lasts[0]), (x, lasts[1])):
        at = onnx.add('Reshape', at, onnx.ints(0, -1, 1))  # (N, positions, 1)
        at = onnx.add('Mul', onnx.add('Add', at, one), onnx.cast(onnx.vector(last), 'float32'))
        at = onnx.add('Div', at, onnx.constant(2))
        low = onnx.add('Floor', at)
        weight = onnx.add('Sub', at, low)
        below.append((low, onnx.add('Sub', one, weight)))
        beyond.append((onnx.add('Add', low, one), weight))
    corners = []
    for rows in (below[0], beyond[0]):
        for columns in (below[1], beyond[1]):
            weight, index = onnx.add('Mul', rows[1], columns[1]), []
            for at, last in ((rows[0], lasts[0]), (columns[0], lasts[1])):
                at = onnx.cast(at, 'int64')
                near = onnx.add('Max', onnx.add('Min', at, onnx.vector(last)), onnx.ints(0))
                inside = onnx.cast(onnx.add('Equal', at, near), 'float32')
                weight = onnx.add('Mul', weight, inside)
                index.append(near)
            index = onnx.add('Add', onnx.add('Mul', index[0], onnx.vector(sizes[3])), index[1])
            found = onnx.add('GatherND', pixels, index, batch_dims=1)  # (N, positions, C)
            corners.append(onnx.add('Mul', found, weight))
    Y = onnx.add('Transpose', onnx.add('Sum', *corners), perm=[0, 2, 1])
    return onnx.reshaped(Y, [0, channels, *out] if isinstance(out[0], int) or isinstance(
        out[1], int) else [0, channels, onnx.vector(out[0]), onnx.vector(out[1])])


@converts('ROIPooling')
def roi_pooling(onnx, node, X, rois):
    """The maxima of the cells of each region (image, x1, y1, x2, y2)."""
    return onnx.add('MaxRoiPool', X, rois, pooled_shape=attribute(node, 'pooled_size'),
                    spatial_scale=attribute(node, 'spatial_scale'))


@converts('_contrib_ROIAlign')
def roi_align(onnx, node, X, rois):
    """The averages of the cells of each region (image, x1, y1, x2, y2), interpolated."""
    for name in ('position_sensitive', 'aligned'):
        if attribute(node, name, False):
            raise ValueError('%s: %s=True has no counterpart in opset 13; choose outputs before it'
                             % (node.name, name))
    height, width = attribute(node, 'pooled_size')
    images = onnx.add('Squeeze', slices(onnx, rois, [1], [0], [1]), onnx.ints(1))
    return onnx.add('RoiAlign', X, slices(onnx, rois, [1], [1], [5]), onnx.cast(images, 'int64'),
                    output_height=height, output_width=width, mode='avg',
                    sampling_ratio=max(0, attribute(node, 'sample_ratio', -1)),
                    spatial_scale=attribute(node, 'spatial_scale'))


@converts('_image_to_tensor')
def image_to_tensor(onnx, node, X):
    """(H, W, C) or (N, H, W, C) from 0 to 255 -> (C, H, W) or (N, C, H, W) from 0 to 1."""
    perm = [2, 0, 1] if len(onnx.shape(node.inputs[0])) == 3 else [0, 3, 1, 2]
    X = onnx.add('Transpose', onnx.cast(X, 'float32'), perm=perm)
    return onnx.add('Div', X, onnx.constant(255))


@converts('_image_normalize')
def image_normalize(onnx, node, X):
    """(X - mean) / std for each channel of (C, H, W) or (N, C, H, W)."""
    mean, std = [np.reshape(np.float32(attribute(node, name, default)), (-1, 1, 1))
                 for name, default in (('mean', 0), ('std', 1))]
    return onnx.add('Div', onnx.add('Sub', X, onnx.constant(mean)), onnx.constant(std))
