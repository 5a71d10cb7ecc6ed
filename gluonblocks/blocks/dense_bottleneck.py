"""The dense blocks and transition blocks of DenseNet-BC, after Huang, Liu, van der Maaten &
Weinberger 2016 (arXiv:1608.06993). The convolutions have no bias."""
from mxnet.gluon import nn

from .dense import BatchNormFirst, DenseBlock


class BottleneckDenseBlock(DenseBlock):
    """A `DenseBlock` that consists of `bottleneck_block` layers:
    (N, C, H, W) -> (N, C + num_convs * num_channels, H, W)."""

    def make_block(self, num_channels):
        return bottleneck_block(num_channels)


def bottleneck_block(num_channels):
    """Batch norm, relu, 1x1 convolution with 4 * num_channels output channels, batch norm, relu,
    3x3 convolution: (N, C, H, W) -> (N, num_channels, H, W).

    The 1x1 convolution makes the cost of the 3x3 convolution independent of C.
    """
    return BatchNormFirst(
        nn.BatchNorm(), nn.Activation('relu'),
        nn.Conv2D(4 * num_channels, kernel_size=1, use_bias=False),
        nn.BatchNorm(), nn.Activation('relu'),
        nn.Conv2D(num_channels, kernel_size=3, padding=1, use_bias=False))


def compression_block(num_channels, pooling='avg'):
    """Batch norm, relu, 1x1 convolution, 2x2 pooling with stride 2:
    (N, C, H, W) -> (N, num_channels, H // 2, W // 2), where H, W >= 2.

    Raises ValueError unless `pooling` is 'avg' or 'max'.
    """
    pools = {'avg': nn.AvgPool2D, 'max': nn.MaxPool2D}
    if pooling not in pools:
        raise ValueError("pooling must be 'avg' or 'max', got %r" % (pooling,))
    return BatchNormFirst(nn.BatchNorm(), nn.Activation('relu'),
                          nn.Conv2D(num_channels, kernel_size=1, use_bias=False),
                          pools[pooling](pool_size=2, strides=2), least=2)
