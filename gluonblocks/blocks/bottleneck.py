"""Basic and bottleneck residual units, with batch normalization after or before the convolutions.

Batch normalization comes after the convolutions in He, Zhang, Ren & Sun 2015 (arXiv:1512.03385,
table 1 and figure 5) and before them in their 2016 paper (arXiv:1603.05027, figure 1). Unlike in
the book's `Residual`, the convolutions have no bias, because batch normalization follows, if only
in the next unit. In the 2015 units, it also follows the 1x1 convolution of the shortcut.
"""
from typing import NamedTuple

from mxnet.gluon import nn


class Conv(NamedTuple):
    """A residual unit's convolution. With an odd kernel size and stride 1, it preserves H and W."""

    num_channels: int
    kernel_size: int
    strides: int = 1

    def layer(self):
        """Return a new convolution layer without bias."""
        return nn.Conv2D(self.num_channels, self.kernel_size, self.strides,
                         padding=self.kernel_size // 2, use_bias=False)


def basic(num_channels, strides):
    """Return a basic unit's two 3x3 convolutions, each with `num_channels` output channels."""
    return [Conv(num_channels, 3, strides), Conv(num_channels, 3)]


def bottleneck(num_channels, strides, stride_on='1x1'):
    """Return a bottleneck unit's convolutions: 1x1 and 3x3 with `num_channels` output channels, and
    1x1 with 4 * `num_channels`.

    In the 2015 ResNet paper, the first 1x1 convolution is strided; with a stride of 2, it skips
    three of every four pixels. With `stride_on='3x3'`, the 3x3 convolution is strided instead, and
    reads every pixel. Raises ValueError for any other `stride_on`.
    """
    if stride_on not in ('1x1', '3x3'):
        raise ValueError("stride_on must be '1x1' or '3x3', got %r" % (stride_on,))
    first, second = (strides, 1) if stride_on == '1x1' else (1, strides)
    return [Conv(num_channels, 1, first), Conv(num_channels, 3, second), Conv(4 * num_channels, 1)]


class ResidualUnit(nn.HybridBlock):
    """relu(F(X) + X), where F applies `convs`, each followed by a batch norm, with relus between:
    (N, C, H, W) -> (N, C', H', W'), where C' is the number of output channels of `convs[-1]`.

    H' and W' are H and W divided by the product of the strides, rounded up. With `project`, X
    passes through a 1x1 convolution and a batch norm before it is added, as is required if X and
    F(X) differ in shape.
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
    """F(relu(norm(X))) + X, where F applies `convs`, with batch normalization and ReLU in between:
    (N, C, H, W) -> (N, C', H', W'). The arguments are those of `ResidualUnit`.

    No ReLU follows the addition. With `project`, the shortcut is not X, but a 1x1 convolution of
    relu(norm(X)), and no batch normalization follows it.
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
    """Return a 1x1 convolution for the shortcut, with the same output shape as `convs`."""
    return Conv(convs[-1].num_channels, 1, max(conv.strides for conv in convs)).layer()
