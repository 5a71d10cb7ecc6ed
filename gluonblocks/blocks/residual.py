"""Residual blocks from D2L, section 5.12, after He, Zhang, Ren & Sun 2015 (arXiv:1512.03385)."""
from mxnet import nd
from mxnet.gluon import nn

from ..checks import check_classic_arrays, check_images, check_positive
from ..mxnet_private import input_channels


class Residual(nn.HybridBlock):
    """relu(X + F(X)), where F has two 3x3 convolutions: (N, C, H, W) -> (N, num_channels, H', W').

    H' = ceil(H / strides) and W' = ceil(W / strides). With `use_1x1conv`, X passes through a 1x1
    convolution with the same strides before the addition. Without it, C must equal `num_channels`
    and `strides` must be 1.

    The attributes are named as in the book: `conv1`, `bn1`, `conv2`, `bn2`, and `conv3`, which is
    None without `use_1x1conv`.

    Raises ValueError if the shapes of X and F(X) differ, and under `npx.set_np()`. Source: D2L
    5.12.1.
    """

    def __init__(self, num_channels, use_1x1conv=False, strides=1, **kwargs):
        super().__init__(**kwargs)
        check_classic_arrays(self.name)
        check_positive('num_channels', num_channels)
        check_positive('strides', strides)
        self._num_channels, self._strides = num_channels, strides
        self.conv1 = nn.Conv2D(num_channels, kernel_size=3, padding=1, strides=strides)
        self.conv2 = nn.Conv2D(num_channels, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm()
        self.bn2 = nn.BatchNorm()
        if use_1x1conv:
            self.conv3 = nn.Conv2D(num_channels, kernel_size=1, strides=strides)
        else:
            self.conv3 = None

    def forward(self, X):
        check_classic_arrays(self.name, X)
        if isinstance(X, nd.NDArray):
            check_images(self.name, X, input_channels(self.conv1))
            N, _, H, W = X.shape
            Y_shape = (N, self._num_channels, -(-H // self._strides), -(-W // self._strides))
            if self.conv3 is None and X.shape != Y_shape:
                raise ValueError(
                    '%s cannot add its input of shape %s to the output of its convolutions, of '
                    'shape %s: set use_1x1conv=True, or num_channels=%d and strides=1'
                    % (self.name, X.shape, Y_shape, X.shape[1]))
        return super().forward(X)

    def hybrid_forward(self, F, X):
        # Do not use F.relu, which does not preserve the memory layout of a convolution's output.
        Y = F.Activation(self.bn1(self.conv1(X)), act_type='relu')  # (N, num_channels, H', W')
        Y = self.bn2(self.conv2(Y))
        if self.conv3 is not None:
            X = self.conv3(X)  # (N, num_channels, H', W')
        # If the shapes differ in a hybridized net, MXNet raises an error that contains the name of
        # this operator, so choose a name that suggests the remedy.
        name = {} if F is nd else {'name': 'add_unequal_shapes_need_use_1x1conv_or_strides'}
        return F.Activation(F.elemwise_add(Y, X, **name), act_type='relu')


def resnet_block(num_channels, num_residuals, first_block=False):
    """A stack of `Residual` blocks: (N, C, H, W) -> (N, num_channels, ceil(H / 2), ceil(W / 2)).

    The first residual block halves the height and width and changes the number of channels. With
    `first_block`, meant for the first stage of a net, no residual block changes the shape, and C
    must equal `num_channels`. Source: D2L 5.12.2.
    """
    check_positive('num_residuals', num_residuals)
    blk = nn.HybridSequential()
    for i in range(num_residuals):
        if i == 0 and not first_block:
            blk.add(Residual(num_channels, use_1x1conv=True, strides=2))
        else:
            blk.add(Residual(num_channels))
    return blk
