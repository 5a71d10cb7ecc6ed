"""Means over the channels of images, and what is done with them, in matrix products."""


class Channels:
    """X as a matrix (N, C * H * W), means over its channels, and the way back.

    MXNet's reductions and broadcasts over (N, H, W) index element by element. The same sums are
    the product of a row of N ones with the matrix, which BLAS does several times faster, then a
    sum of what little is left; spreading is the product of a column of N ones with a row.
    """

    def __init__(self, F, X, num_channels):
        self.F, self._column = F, (num_channels, 1)
        self.X = F.reshape(X, (0, -1))  # (N, C * H * W)
        self._ones = F.ones_like(F.slice_axis(self.X, axis=1, begin=0, end=1))  # (N, 1)
        row = F.slice_axis(self.X, axis=0, begin=0, end=1)
        self._pixels = F.ones_like(F.reshape(row, (num_channels, -1)))  # (C, H * W)
        self._n = F.dot(self._ones, self._ones, transpose_a=True)  # (1, 1)

    def column(self, z):
        """C numbers of any shape -> (C, 1)."""
        return self.F.reshape(z, self._column)

    def mean(self, Z):
        """(N, C * H * W) -> (C, 1)."""
        F = self.F
        total = F.reshape(F.dot(self._ones, Z, transpose_a=True), (self._column[0], -1))
        return F.broadcast_div(F.mean(total, axis=1, keepdims=True), self._n)

    def spread(self, z):
        """C numbers of any shape -> (N, C * H * W)."""
        F = self.F
        row = F.reshape(F.broadcast_mul(self._pixels, self.column(z)), (1, -1))
        return F.dot(self._ones, row)


def center_on(F, channels, center):
    """X - center, (N, C * H * W), and from it the mean that is left and the variance, (C, 1) each.

    `center` is the mean up to rounding; what it missed shows in the mean of the difference, as
    in the corrected two-pass algorithm (Chan, Golub & LeVeque 1983). The result does not depend
    on `center` but for rounding, so no gradient goes through it.
    """
    D = channels.X - channels.spread(center)
    return D, channels.mean(D), channels.mean(F.square(D))


def scale_and_shift(F, channels, D, rest, var, gamma, beta, eps):
    """gamma * (D - rest) / sqrt(var + eps) + beta, with one product and one sum of X's size."""
    scale = channels.column(gamma) / F.sqrt(channels.column(var) + eps)
    shift = channels.column(beta) - scale * rest
    return D * channels.spread(scale) + channels.spread(shift)
