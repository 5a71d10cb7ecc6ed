"""Variants of `lenet_bn` with different normalization or none, for the exercises in D2L 5.11.

Each variant differs from `lenet_bn` in one respect, so a comparison with `lenet_bn` shows the
effect of that difference.
"""
import functools

from mxnet.gluon import nn

from ..blocks.norm import BatchNorm
from ..blocks.other_norms import Centering, Scaling, Whitening
from .lenet import lenet_with
from .registry import EXERCISES, register


def _none(num_features, num_dims):
    return None


def _fixed(num_features, num_dims):
    """Return a batch norm whose gamma and beta are not trained, but stay at 1 and 0."""
    norm = BatchNorm(num_features, num_dims)
    norm.gamma.grad_req = norm.beta.grad_req = 'null'
    return norm


def _after(rank, num_features, num_dims):
    return BatchNorm(num_features, num_dims) if num_dims == rank else None


@register(lr=0.9, group=EXERCISES)
def lenet_dropout(num_classes=10, prefix=None, params=None, rate=0.2):
    """LeNet with dropout (probability `rate`) instead of batch norm, and with `lenet`'s recipe."""
    return lenet_with(lambda num_features, num_dims: nn.Dropout(rate), num_classes, prefix, params)


# lenet_bn_mean, lenet_bn_var and lenet_whitened run layer by layer: Gluon cannot hybridize them.
for _name, _lr, _normalize, _settings in [
        ('lenet', 0.9, _none, {}),  # the net and the learning rate of D2L 5.5
        ('lenet_bn_nobias', 1.0, BatchNorm, {'use_bias': False}),  # a norm cancels a bias anyway
        ('lenet_bn_fixed', 1.0, _fixed, {}),
        ('lenet_bn_conv', 1.0, functools.partial(_after, 4), {}),
        ('lenet_bn_dense', 1.0, functools.partial(_after, 2), {}),
        ('lenet_bn_mean', 1.0, Centering, {'container': nn.Sequential}),
        ('lenet_bn_var', 1.0, Scaling, {'container': nn.Sequential}),
        ('lenet_whitened', 1.0, Whitening, {'container': nn.Sequential})]:
    register(_lr, name=_name, group=EXERCISES)(
        functools.partial(lenet_with, _normalize, **_settings))
