"""Means over the channels of images, and what is done with them, in matrix products.

It is what batch_norm.py needs of the formula's `mean` and broadcasts, written so because MXNet's
own index element by element: 3 ns for each in a broadcast, and 10 in its gradient, a sum.
"""


class Channels:
    """X as a matrix, means over its channels, and the way back to the matrix.

    A mean is the product with a vector of 1 / n, which a matrix product does many times faster than
    MXNet's reductions, and spreading C numbers over the images is copying one row N times. Their
    gradients are products and sums of rows again.

    A graph is traced before any size but C is known, so that n cannot be written into it as a
    number. The softmax of n zeros is exp(0) / (n * exp(0)), which is 1 / n, n times: with zeros
    like a row of X, n is taken from X when the graph runs.

    The matrix is (N, C) for X of rank 2 and (N * C, H * W) for rank 4. A number for each channel
    is of `BatchNorm`'s parameters' shape, (1, C) and (1, C, 1, 1).
    """

    def __init__(self, F, X, num_channels, num_dims):
        self.F, self._X, self._num_channels, self._images = F, X, num_channels, num_dims == 4
        first = F.slice_axis(X, axis=1, begin=0, end=1)  # (N, 1) or (N, 1, H, W)
        if self._images:
            self.X = F.reshape(X, (-3, -3))  # (N * C, H * W)
            row = F.slice_axis(self.X, axis=0, begin=0, end=1)
            self._pixels = F.ones_like(row)  # (1, H * W), to copy a number to all pixels
            self._pixel_mean = F.softmax(F.zeros_like(row))  # 1 / (H * W), H * W times
            first = F.slice(first, begin=(None, None, 0, 0), end=(None, None, 1, 1))
        else:
            self.X = X
        first = F.reshape(first, (-1,))  # (N,), of which only the length matters
        self._first = F.zeros_like(first)  # N times the index of the only row
        self._image_mean = F.softmax(F.expand_dims(self._first, axis=0))  # 1 / N, (1, N)

    def mean(self, Z):
        """A matrix like X -> (1, C) or (1, C, 1, 1)."""
        F = self.F
        if not self._images:
            return F.dot(self._image_mean, Z)
        # FullyConnected is oneDNN's product, for one column four times as fast as dot.
        Z = F.FullyConnected(Z, self._pixel_mean, no_bias=True, num_hidden=1)  # (N * C, 1)
        Z = F.dot(self._image_mean, F.reshape(Z, (-1, self._num_channels)))  # (1, C)
        return F.reshape(Z, (1, -1, 1, 1))

    def spread(self, z, back=False):
        """(1, C) or (1, C, 1, 1) -> a matrix like X, or, with `back`, of the shape X came in."""
        F = self.F
        if not self._images:
            return F.take(z, self._first, mode='clip')
        row = F.reshape(F.dot(F.reshape(z, (-1, 1)), self._pixels), (1, -1))  # (1, C * H * W)
        return F.reshape_like(F.take(row, self._first, mode='clip'), self._X if back else self.X)

    def back(self, Z):
        """A matrix like X -> an array of the shape that X came in."""
        return self.F.reshape_like(Z, self._X) if self._images else Z


def center_on(F, channels, center):
    """X - center, a matrix, and from it, for each channel, the mean that is left and the variance.

    `center` is the mean up to rounding; what it missed shows in the mean of the difference, as
    in the corrected two-pass algorithm (Chan, Golub & LeVeque 1983). The result does not depend
    on `center` but for rounding, so no gradient goes through it.
    """
    D = channels.X - F.BlockGrad(channels.spread(center))
    return D, channels.mean(D), channels.mean(F.square(D))


def scale_and_shift(F, channels, D, rest, var, gamma, beta, eps):
    """gamma * (D - rest) / sqrt(var + eps) + beta, with one product and one sum of X's size.

    The result has the shape that X came in: the sum is made in it, which saves a copy.
    """
    scale = gamma / F.sqrt(var + eps)
    shift = beta - scale * rest
    return channels.back(D * channels.spread(scale)) + channels.spread(shift, back=True)
