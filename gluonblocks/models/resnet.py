"""The residual networks from D2L, sections 5.12.2 and 8.4."""
from mxnet.gluon import nn

from ..blocks.residual import resnet_block
from ..graphs.net import Net
from .registry import BOOK, register


def add_stem(net, num_channels=64, use_bias=True):
    """Add to `net` the stem that ResNet and DenseNet share:
    (N, C, H, W) -> (N, num_channels, H / 4, W / 4)."""
    net.add(nn.Conv2D(num_channels, kernel_size=7, strides=2, padding=3, use_bias=use_bias),
            nn.BatchNorm(), nn.Activation('relu'),
            nn.MaxPool2D(pool_size=3, strides=2, padding=1))


@register(lr=0.05, group=BOOK)
def resnet(num_classes=10, prefix=None, params=None):
    """The ResNet from D2L 5.12.2, with 26 weighted layers: (N, C, H, W) -> (N, num_classes).

    `prefix` and `params` are passed to the Gluon `Block`.
    """
    net = Net(prefix=prefix, params=params)
    with net.name_scope():
        add_stem(net)
        for i, num_channels in enumerate((64, 128, 256, 512)):
            net.add(*resnet_block(num_channels, 3, first_block=i == 0))
        net.add(nn.GlobalAvgPool2D(), nn.Dense(num_classes))
    return net


@register(lr=0.1, epochs=4, group=BOOK)
def resnet18(num_classes=10, prefix=None, params=None):
    """The ResNet-18 from the book's helper package (D2L 8.4): (N, C, H, W) -> (N, num_classes).

    It is designed for small images: it begins with a 3x3 convolution, and has no pooling before the
    blocks. The paper's net, with a 7x7 convolution, pooling and no biases, is `paper_resnet18`.
    """
    net = Net(prefix=prefix, params=params)
    with net.name_scope():
        net.add(nn.Conv2D(64, kernel_size=3, strides=1, padding=1), nn.BatchNorm(),
                nn.Activation('relu'))
        for i, num_channels in enumerate((64, 128, 256, 512)):
            net.add(resnet_block(num_channels, 2, first_block=i == 0))
        net.add(nn.GlobalAvgPool2D(), nn.Dense(num_classes))
    return net
