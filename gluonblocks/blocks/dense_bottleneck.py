"""Dense blocks with bottlenecks, and transitions, as the paper has them: Huang, Liu, van der Maaten
& Weinberger 2016 (arXiv:1608.06993), DenseNet-BC. Their convolutions have no bias."""
from mxnet.gluon import nn

from .dense import BatchNormFirst, DenseBlock


class BottleneckDenseBlock(DenseBlock):
    """A `DenseBlock` of `bottleneck_block`s:
    (N, C, H, W) -> (N, C + num_convs * num_channels, H, W). Arguments and errors are the same.
    """

    def make_block(self, num_channels):
        return bottleneck_block(num_channels)


def bottleneck_block(num_channels):
    """Batch norm, relu, 1x1 convolution to four times `num_channels`, and the same again with 3x3:
    (N, C, H, W) -> (N, num_channels, H, W).

    The 1x1 convolution bounds the work of the 3x3 one, however many channels come.
    """
    return BatchNormFirst(
        nn.BatchNorm(), nn.Activation('relu'),
        nn.Conv2D(4 * num_channels, kernel_size=1, use_bias=False),
        nn.BatchNorm(), nn.Activation('relu'),
        nn.Conv2D(num_channels, kernel_size=3, padding=1, use_bias=False))


def compression_block(num_channels, pooling='avg'):
    """Batch norm, relu, 1x1 convolution, 2x2 pooling, the 'avg' or the 'max', with stride 2:
    (N, C, H, W) -> (N, num_channels, H // 2, W // 2), for H and W of 2 and more.

    Raises ValueError for another `pooling`.
    """
    pools = {'avg': nn.AvgPool2D, 'max': nn.MaxPool2D}
    if pooling not in pools:
        raise ValueError("pooling is %r, but must be 'avg' or 'max'" % (pooling,))
    return BatchNormFirst(nn.BatchNorm(), nn.Activation('relu'),
                          nn.Conv2D(num_channels, kernel_size=1, use_bias=False),
                          pools[pooling](pool_size=2, strides=2), least=2)
