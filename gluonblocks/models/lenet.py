"""LeNet with batch normalization: D2L 5.11.3 and 5.11.4."""
from mxnet.gluon import nn

from ..blocks.norm import BatchNorm
from ..graphs.net import Net
from .registry import register


def _lenet(norms, num_classes):
    """LeNet with a normalization layer before each activation; `norms` makes them one by one."""
    net = Net()
    net.add(nn.Conv2D(6, kernel_size=5), next(norms),
            nn.Activation('sigmoid'), nn.MaxPool2D(pool_size=2, strides=2),
            nn.Conv2D(16, kernel_size=5), next(norms),
            nn.Activation('sigmoid'), nn.MaxPool2D(pool_size=2, strides=2),
            nn.Dense(120), next(norms), nn.Activation('sigmoid'),
            nn.Dense(84), next(norms), nn.Activation('sigmoid'),
            nn.Dense(num_classes))
    return net


@register(lr=1.0)
def lenet_bn(num_classes=10):
    """LeNet on our own `BatchNorm`: (N, 1, 28, 28) -> (N, num_classes). D2L 5.11.3."""
    return _lenet(iter([BatchNorm(6, num_dims=4), BatchNorm(16, num_dims=4),
                        BatchNorm(120, num_dims=2), BatchNorm(84, num_dims=2)]), num_classes)


@register(lr=1.0)
def lenet_bn_gluon(num_classes=10):
    """The same on Gluon's `nn.BatchNorm`: (N, 1, 28, 28) -> (N, num_classes). D2L 5.11.4."""
    return _lenet((nn.BatchNorm() for _ in range(4)), num_classes)
