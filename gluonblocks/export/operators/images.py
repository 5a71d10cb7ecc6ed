"""Convert image operators: cropping, resizing, and conversion to normalized tensors."""
import numpy as np

from .registry import attribute, converts


@converts('Crop')
def crop(onnx, node, X, *like):
    """Crop (N, C, H, W) at an offset or the centre, to a given size or another tensor's size."""
    sizes = onnx.sizes(node.inputs[1])[2:] if like else list(attribute(node, 'h_w'))
    starts = list(attribute(node, 'offset', (0, 0)))
    if attribute(node, 'center_crop', False):
        starts = [onnx.combined('Div', onnx.combined('Sub', old, new), 2)
                  for old, new in zip(onnx.sizes(node.inputs[0])[2:], sizes)]
    ends = [onnx.combined('Add', start, size) for start, size in zip(starts, sizes)]
    return onnx.add('Slice', X, starts, ends, [2, 3])


@converts('depth_to_space', 'space_to_depth')
def depth_to_space(onnx, node, X):
    """Convert (N, C * b * b, H, W) to (N, C, H * b, W * b), or back, for block size b."""
    return onnx.add('DepthToSpace' if node.op == 'depth_to_space' else 'SpaceToDepth', X,
                    blocksize=attribute(node, 'block_size'))


@converts('UpSampling')
def upsampling(onnx, node, X, *weight):
    """Upsample by repeating pixels, or with a transposed convolution if sample_type='bilinear'."""
    scale = attribute(node, 'scale')
    if attribute(node, 'sample_type') == 'bilinear':
        return onnx.add('ConvTranspose', X, *weight, kernel_shape=[2 * scale - scale % 2] * 2,
                        strides=[scale] * 2, pads=[scale // 2] * 4,
                        group=onnx.shape(node.inputs[0])[1])
    if len(node.inputs) > 1:
        raise ValueError('%s: expected UpSampling with one input, found %d inputs'
                         % (node.name, len(node.inputs)))
    return onnx.add('Resize', X, '', np.array([1, 1, scale, scale], 'float32'), mode='nearest',
                    nearest_mode='floor', coordinate_transformation_mode='asymmetric')


@converts('_contrib_BilinearResize2D')
def bilinear_resize(onnx, node, X, *like):
    """Resize (N, C, H, W) to a given size, by a scale factor, or to the size of another tensor."""
    sizes = onnx.sizes(node.inputs[0])[:2]
    for axis, name in ((2, 'scale_height'), (3, 'scale_width')):
        size, scale = onnx.shape(node.entry())[axis], attribute(node, name)
        if size is None and like:
            size = onnx.sizes(node.inputs[1])[axis]
        elif size is None:
            if scale is None or attribute(node, 'mode', 'size') != 'size':
                raise ValueError('%s: mode=%s needs a fixed input size; export the net for '
                                 'one input size' % (node.name, attribute(node, 'mode')))
            size = onnx.cast(onnx.sizes(node.inputs[0])[axis], 'float32')
            size = onnx.cast(onnx.add('Mul', size, scale), 'int64')
        sizes.append(size)
    aligned = attribute(node, 'align_corners', True)  # if False, MXNet computes the same as PyTorch
    return onnx.add('Resize', X, '', '', sizes, mode='linear', coordinate_transformation_mode=(
        'align_corners' if aligned else 'pytorch_half_pixel'))


@converts('_image_to_tensor')
def image_to_tensor(onnx, node, X):
    """Convert (H, W, C) or (N, H, W, C) in [0, 255] to (C, H, W) or (N, C, H, W) in [0, 1]."""
    perm = [2, 0, 1] if onnx.rank(node.inputs[0]) == 3 else [0, 3, 1, 2]
    return onnx.add('Div', onnx.add('Transpose', onnx.cast(X, 'float32'), perm=perm), 255)


@converts('_image_normalize')
def image_normalize(onnx, node, X):
    """Compute (X - mean) / std for each channel of X (C, H, W) or (N, C, H, W)."""
    mean, std = [np.reshape(attribute(node, name, default), (-1, 1, 1)).astype('float32')
                 for name, default in (('mean', 0), ('std', 1))]
    return onnx.add('Div', onnx.add('Sub', X, mean), std)
