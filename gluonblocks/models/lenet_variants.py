"""LeNet with other normalizations, or without: for the exercises of D2L 5.11.

Each is `lenet_bn` except for what its docstring says, so that two runs differ in one thing.
`prefix` and `params` are as for `lenet_bn`. The last three run layer by layer, also when
hybridized.
"""
from mxnet.gluon import nn

from ..blocks.norm import BatchNorm
from ..blocks.other_norms import Centering, Scaling, Whitening
from .lenet import lenet_with
from .registry import EXERCISES, register


@register(lr=0.9, group=EXERCISES)
def lenet(num_classes=10, prefix=None, params=None):
    """LeNet without a norm: (N, C, 28, 28) -> (N, num_classes). D2L 5.5, with its learning rate."""
    return lenet_with(lambda num_features, num_dims: None, num_classes, prefix, params)


@register(lr=1.0, group=EXERCISES)
def lenet_bn_nobias(num_classes=10, prefix=None, params=None):
    """No bias in the layers before a norm, which takes every bias away with the mean."""
    return lenet_with(BatchNorm, num_classes, prefix, params, use_bias=False)


@register(lr=1.0, group=EXERCISES)
def lenet_bn_fixed(num_classes=10, prefix=None, params=None):
    """Norms whose gamma and beta stay 1 and 0: they are not trained."""
    def normalize(num_features, num_dims):
        norm = BatchNorm(num_features, num_dims)
        norm.gamma.grad_req = norm.beta.grad_req = 'null'
        return norm
    return lenet_with(normalize, num_classes, prefix, params)


@register(lr=1.0, group=EXERCISES)
def lenet_bn_conv(num_classes=10, prefix=None, params=None):
    """Norms after the two convolutions only."""
    return lenet_with(lambda num_features, num_dims: (
        BatchNorm(num_features, num_dims) if num_dims == 4 else None), num_classes, prefix, params)


@register(lr=1.0, group=EXERCISES)
def lenet_bn_dense(num_classes=10, prefix=None, params=None):
    """Norms after the two hidden dense layers only."""
    return lenet_with(lambda num_features, num_dims: (
        BatchNorm(num_features, num_dims) if num_dims == 2 else None), num_classes, prefix, params)


@register(lr=0.9, group=EXERCISES)
def lenet_dropout(num_classes=10, prefix=None, params=None, rate=0.2):
    """Dropout, by `rate`, in the place of each norm; the learning rate is that of `lenet`."""
    return lenet_with(lambda num_features, num_dims: nn.Dropout(rate), num_classes, prefix, params)


@register(lr=1.0, group=EXERCISES)
def lenet_bn_mean(num_classes=10, prefix=None, params=None):
    """Half of the normalization: the mean is taken away, and nothing divided (`Centering`)."""
    return lenet_with(Centering, num_classes, prefix, params, container=nn.Sequential)


@register(lr=1.0, group=EXERCISES)
def lenet_bn_var(num_classes=10, prefix=None, params=None):
    """The other half: divided by the deviation, the mean stays (`Scaling`)."""
    return lenet_with(Scaling, num_classes, prefix, params, container=nn.Sequential)


@register(lr=1.0, group=EXERCISES)
def lenet_whitened(num_classes=10, prefix=None, params=None):
    """More than normalized: channels without correlation among each other (`Whitening`)."""
    return lenet_with(Whitening, num_classes, prefix, params, container=nn.Sequential)
