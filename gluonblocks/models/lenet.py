"""LeNet with batch normalization, from D2L, sections 5.11.3 and 5.11.4."""
from mxnet.gluon import nn

from ..blocks.norm import BatchNorm
from ..graphs.net import Net
from .registry import BOOK, register


def lenet_with(normalize, num_classes=10, prefix=None, params=None, use_bias=True, container=Net):
    """LeNet with a layer from `normalize(num_features, num_dims)` before each activation.

    If `normalize` returns None, that layer is omitted. `use_bias` applies to all convolutions and
    dense layers except the last. `container` is the class of the net, such as `nn.Sequential`.
    """
    net = container(prefix=prefix, params=params)
    with net.name_scope():
        layers = [
            nn.Conv2D(6, kernel_size=5, use_bias=use_bias), normalize(6, 4),
            nn.Activation('sigmoid'), nn.MaxPool2D(pool_size=2, strides=2),
            nn.Conv2D(16, kernel_size=5, use_bias=use_bias), normalize(16, 4),
            nn.Activation('sigmoid'), nn.MaxPool2D(pool_size=2, strides=2),
            nn.Dense(120, use_bias=use_bias), normalize(120, 2), nn.Activation('sigmoid'),
            nn.Dense(84, use_bias=use_bias), normalize(84, 2), nn.Activation('sigmoid'),
            nn.Dense(num_classes)]
        net.add(*[layer for layer in layers if layer is not None])
    return net


@register(lr=1.0, group=BOOK)
def lenet_bn(num_classes=10, fused=True, prefix=None, params=None):
    """LeNet with this package's `BatchNorm` (D2L 5.11.3): (N, C, 28, 28) -> (N, num_classes).

    Other image sizes of at least 16x16 also work. With `fused=False`, the batch norms run the
    book's code unless the net is hybridized. `prefix` and `params` are passed to the Gluon `Block`.
    """
    return lenet_with(lambda num_features, num_dims: BatchNorm(num_features, num_dims, fused=fused),
                      num_classes, prefix, params)


@register(lr=1.0, group=BOOK)
def lenet_bn_gluon(num_classes=10, prefix=None, params=None):
    """LeNet with Gluon's `nn.BatchNorm` (D2L 5.11.4): (N, C, 28, 28) -> (N, num_classes)."""
    return lenet_with(lambda num_features, num_dims: nn.BatchNorm(), num_classes, prefix, params)
