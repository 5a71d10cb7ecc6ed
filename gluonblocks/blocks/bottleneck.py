"""Residual units as the papers have them, basic and bottleneck, of both orders.

He, Zhang, Ren & Sun 2015 (arXiv:1512.03385), table 1 and figure 5, and 2016 (arXiv:1603.05027),
figure 1. Unlike the book's `Residual` their convolutions have no bias, for a norm follows, and in
the first order the 1x1 convolution beside them has a norm of its own.
"""
from typing import NamedTuple

from mxnet.gluon import nn


class Conv(NamedTuple):
    """A convolution of a unit; if `strides` is 1 and `kernel_size` is odd, it keeps H and W."""

    num_channels: int
    kernel_size: int
    strides: int = 1

    def layer(self):
        """Return the convolution as a new layer, without bias."""
        return nn.Conv2D(self.num_channels, self.kernel_size, self.strides,
                         padding=self.kernel_size // 2, use_bias=False)


def basic(num_channels, strides):
    """The convolutions of a basic unit: two of 3x3, both to `num_channels` channels."""
    return [Conv(num_channels, 3, strides), Conv(num_channels, 3)]


def bottleneck(num_channels, strides, stride_on='1x1'):
    """The convolutions of a bottleneck: 1x1, 3x3, and 1x1 to four times `num_channels` channels.

    The strides are those of the first, as in the paper, or, by `stride_on` '3x3', of the second,
    which then sees every pixel: the first leaves three of four unseen. Raises ValueError for
    another `stride_on`.
    """
    if stride_on not in ('1x1', '3x3'):
        raise ValueError("stride_on is %r, but must be '1x1' or '3x3'" % (stride_on,))
    first, second = (strides, 1) if stride_on == '1x1' else (1, strides)
    return [Conv(num_channels, 1, first), Conv(num_channels, 3, second), Conv(4 * num_channels, 1)]


class ResidualUnit(nn.HybridBlock):
    """relu(F(X) + X), F a convolution, norm, relu, ..., convolution, norm:
    (N, C, H, W) -> (N, C', H', W'), C' the channels of the last of `convs`.

    H' is H divided by the product of their strides, rounded up. With `project`, which strides and
    other channels need, X goes through a 1x1 convolution and a norm before it is added.
    """

    def __init__(self, convs, project=False, **kwargs):
        super().__init__(**kwargs)
        self.body, self.shortcut = nn.HybridSequential(), None
        for conv in convs[:-1]:
            self.body.add(conv.layer(), nn.BatchNorm(), nn.Activation('relu'))
        self.body.add(convs[-1].layer(), nn.BatchNorm())
        if project:
            self.shortcut = nn.HybridSequential()
            self.shortcut.add(_projection(convs), nn.BatchNorm())

    def hybrid_forward(self, F, X):
        Y = self.body(X)  # (N, C', H', W')
        if self.shortcut is not None:
            X = self.shortcut(X)  # (N, C', H', W')
        return F.Activation(F.elemwise_add(Y, X), act_type='relu')


class PreActivationUnit(nn.HybridBlock):
    """F(relu(norm(X))) + X, F a convolution, norm, relu, ..., convolution:
    (N, C, H, W) -> (N, C', H', W'). Arguments are as for `ResidualUnit`.

    Nothing stands between the sum of one unit and the next. With `project`, relu(norm(X)) goes
    through a 1x1 convolution, without a norm, and is added in X's place.
    """

    def __init__(self, convs, project=False, **kwargs):
        super().__init__(**kwargs)
        self.norm, self.body, self.shortcut = nn.BatchNorm(), nn.HybridSequential(), None
        for conv in convs[:-1]:
            self.body.add(conv.layer(), nn.BatchNorm(), nn.Activation('relu'))
        self.body.add(convs[-1].layer())
        if project:
            self.shortcut = _projection(convs)

    def hybrid_forward(self, F, X):
        A = F.Activation(self.norm(X), act_type='relu')
        Y = self.body(A)  # (N, C', H', W')
        if self.shortcut is not None:
            X = self.shortcut(A)  # (N, C', H', W')
        return F.elemwise_add(Y, X)


def _projection(convs):
    """The 1x1 convolution beside `convs`, to the same channels and with the same strides."""
    return Conv(convs[-1].num_channels, 1, max(conv.strides for conv in convs)).layer()
