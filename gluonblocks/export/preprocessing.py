"""Resize and scale uint8 images within the ONNX graph.

`BatchLoader` resizes uint8 images with MXNet, which uses OpenCV's bilinear resizing: integer
arithmetic with 11-bit weights and a result rounded to 8 bits. The results of ONNX's Resize differ
by 3e-3 of the brightness range, so this module reproduces OpenCV's arithmetic with basic operators.
"""
import numpy as np

_ONE = 2048  # the weight 1.0 in OpenCV's 11-bit fixed point


def weights(old, new, columns):
    """Return (first, second, w1, w2) for resizing a line of `old` pixels to `new` pixels.

    Each new pixel is (line[first] * w1 + line[second] * w2) / 2048, where w1 + w2 = 2048. If the
    pixel lies beyond an edge, `first` and `second` are both the index of the edge pixel. For such a
    pixel, w1 = 2048 and w2 = 0 if `columns` is true; otherwise, w1 and w2 keep their interpolated
    values. OpenCV makes the same distinction, which affects rounding.
    """
    position = ((np.arange(new) + 0.5) * (old / new) - 0.5).astype('float32')
    first = np.floor(position).astype('int64')
    fraction = (position - first).astype('float32')
    if columns:
        outside = (first < 0) | (first >= old - 1)
        fraction[outside] = 0
    w1, w2 = [np.rint(w * np.float32(_ONE)).astype('int32') for w in (1 - fraction, fraction)]
    return np.clip(first, 0, old - 1), np.clip(first + 1, 0, old - 1), w1, w2


def add_preprocessing(model, shape, size):
    """Modify the ONNX `model` of a net in place so that its input 'data' accepts uint8 images.

    `shape` is the input shape of the net, (C, H, W), and `size` is the images' (height, width).
    The new input is (N, height, width) for one channel and (N, C, height, width) otherwise. The
    images are resized to (H, W) and divided by 255, bit for bit as in `BatchLoader`.
    """
    import onnx
    from onnx import TensorProto, helper
    channels, *wanted = shape
    nodes, X = [], 'data'

    def add(op, *inputs, **attrs):
        name = 'preprocessing_%d' % len(nodes)
        nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attrs))
        return name

    def constant(values, dtype):
        name = 'preprocessing_constant_%d' % len(model.graph.initializer)
        model.graph.initializer.append(
            onnx.numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def resized(X, axis, old, new, shift):
        """Resize `axis` of X from `old` to `new` pixels, using weights scaled by 2^11.

        If `shift` is true (for the axis that is resized second), also divide the values by
        2^20, in two steps that round as OpenCV does.
        """
        first, second, *ws = weights(old, new, columns=axis == 3)
        terms = []
        for pixels, w in zip((first, second), ws):
            term = add('Gather', X, constant(pixels, 'int64'), axis=axis)
            if shift:
                term = add('Div', term, constant(16, 'int32'))
            term = add('Mul', term, constant(w.reshape((-1, 1) if axis == 2 else (-1,)), 'int32'))
            terms.append(add('Div', term, constant(65536, 'int32')) if shift else term)
        return add('Add', *terms)

    if channels == 1:
        X = add('Unsqueeze', X, constant([1], 'int64'))
    if list(size) != wanted:
        X = add('Cast', X, to=TensorProto.INT32)
        X = resized(X, 3, size[1], wanted[1], shift=False)
        X = resized(X, 2, size[0], wanted[0], shift=True)
        # The values are still 4 times too large, so divide them by 4 and round to the nearest.
        X = add('Div', add('Add', X, constant(2, 'int32')), constant(4, 'int32'))
    X = add('Cast', X, to=TensorProto.FLOAT)
    X = add('Div', X, constant(255, 'float32'))
    graph = model.graph
    rest = list(graph.node)
    for node in rest:
        node.input[:] = [X if name == 'data' else name for name in node.input]
    del graph.node[:], graph.input[:]
    graph.node.extend(nodes + rest)
    dims = ['N'] + ([] if channels == 1 else [channels]) + list(size)
    graph.input.append(helper.make_tensor_value_info('data', TensorProto.UINT8, dims))
