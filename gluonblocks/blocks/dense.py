"""Dense blocks and transition blocks from D2L, section 5.13, after Huang, Liu, van der Maaten &
Weinberger 2016 (arXiv:1608.06993)."""
import mxnet as mx
from mxnet import nd
from mxnet.gluon import nn

from ..checks import check_classic_arrays, check_images, check_positive


class BatchNormFirst(nn.HybridSequential):
    """A HybridSequential whose first layer is a BatchNorm. Raises ValueError unless the input has
    shape (N, C, H, W), with H, W >= `least` and the same C as the first batch."""

    def __init__(self, *layers, least=1, **kwargs):
        super().__init__(**kwargs)
        self._least = least
        self.add(*layers)

    def forward(self, X):
        check_classic_arrays(self.name, X)
        if isinstance(X, nd.NDArray):
            check_images(self.name, X, _channels_of(self[0]), self._least)
        return super().forward(X)


def _channels_of(norm):
    """Return a batch norm's number of channels, or 0 if it is not known yet."""
    return norm.gamma.shape[:2][-1]  # gamma is (C,) in nn.BatchNorm, (1, C, 1, 1) in gb.BatchNorm


class _ConvBlock(BatchNormFirst):
    def _alias(self):  # Gluon's prefix for names of blocks: conv_block0, conv_block1, ...
        return 'conv_block'


class _TransitionBlock(BatchNormFirst):
    def _alias(self):
        return 'transition_block'


def conv_block(num_channels):
    """Batch norm, relu, 3x3 convolution (D2L 5.13.1): (N, C, H, W) -> (N, num_channels, H, W)."""
    check_classic_arrays('conv_block')
    check_positive('num_channels', num_channels)
    return _ConvBlock(nn.BatchNorm(), nn.Activation('relu'),
                      nn.Conv2D(num_channels, kernel_size=3, padding=1))


class DenseBlock(nn.HybridBlock):
    """A stack of `conv_block` layers, each of which takes the input and all earlier outputs:
    (N, C, H, W) -> (N, C + num_convs * num_channels, H, W).

    The first C output channels are the input. The attribute `net` contains the layers. With
    `trace`, the input and output shapes of each layer are printed once, in the book's format,
    either during the first batch or when the net is traced for hybridization.

    Raises ValueError if the input is not 4-dimensional, if its number of channels differs from that
    of the first batch, or under `npx.set_np()`. Source: D2L 5.13.1.
    """

    def __init__(self, num_convs, num_channels, trace=False, **kwargs):
        super().__init__(**kwargs)
        check_classic_arrays(self.name)
        check_positive('num_convs', num_convs)
        check_positive('num_channels', num_channels)
        self._trace, self._data_shape = trace, {}
        self.net = nn.HybridSequential()
        for _ in range(num_convs):
            self.net.add(self.make_block(num_channels))

    def make_block(self, num_channels):
        """Return a new layer for the dense block; the layer begins with BatchNorm. Subclasses may
        override this method."""
        return conv_block(num_channels)

    def forward(self, X):
        check_classic_arrays(self.name, X)
        if isinstance(X, nd.NDArray):
            check_images(self.name, X, _channels_of(self.net[0][0]))
            self._data_shape = {'data': X.shape}  # 'data' is Gluon's name for the input of a graph
        return super().forward(X)

    def hybrid_forward(self, F, X):
        pairs = []
        for blk in self.net:
            Y = blk(X)  # (N, num_channels, H, W)
            pairs.append((X, Y))
            X = F.concat(X, Y, dim=1)  # (N, C + num_channels, H, W), where X had C channels
        if self._trace:
            self._print_shapes(pairs)
        return X

    def _print_shapes(self, pairs):
        # In the book, `forward` prints the shapes for every batch. Here, it prints them only once.
        arrays = [array for pair in pairs for array in pair]
        if isinstance(arrays[0], mx.sym.Symbol):
            _, shapes, _ = mx.sym.Group(arrays).infer_shape_partial(**self._data_shape)
        else:
            shapes = [array.shape for array in arrays]
        # The shapes are unknown while Gluon traces one of its own containers, such as
        # nn.HybridSequential.
        if all(shapes):
            for X_shape, Y_shape in zip(shapes[::2], shapes[1::2]):
                print(f'X.shape: {X_shape} --> Y.shape: {Y_shape}')
            self._trace = False


def transition_block(num_channels):
    """Batch norm, relu, 1x1 convolution, 2x2 average pooling with stride 2 (D2L 5.13.2):
    (N, C, H, W) -> (N, num_channels, H // 2, W // 2), where H, W >= 2."""
    check_classic_arrays('transition_block')
    check_positive('num_channels', num_channels)
    return _TransitionBlock(nn.BatchNorm(), nn.Activation('relu'),
                            nn.Conv2D(num_channels, kernel_size=1),
                            nn.AvgPool2D(pool_size=2, strides=2), least=2)
