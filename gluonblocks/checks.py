"""Errors for arguments and input that a block cannot take."""
import mxnet as mx
import numpy as np

from .mxnet_private import is_numpy_symbol

FLOATS = ('float16', 'float32', 'float64')


class Name(str):
    """The name of an option within the message of an `OptionError`."""


class OptionError(ValueError):
    """An option cannot have the value that it was given; `option` is its name, or '' for several.

    The message is that name, and `text` % `args`, where another option is a `Name`. A caller whose
    users know the options by other names, as a command line does, asks `spelled`.
    """

    def __init__(self, option, text, *args):
        super().__init__((option + ' ' + text if option else text) % args)
        self.option, self._text, self._args = option, text, args

    def spelled(self, spell):
        """Return the words after the option, with each `Name` as `spell(name)` has it."""
        return self._text % tuple(spell(arg) if isinstance(arg, Name) else arg
                                  for arg in self._args)


def check_positive(name, value):
    """Raise OptionError, a ValueError, unless `value` is a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise OptionError(name, 'is %r, but must be a positive whole number', value)


def check_classic_arrays(taker, *arrays):
    """ValueError under `npx.set_np()`, and if one of `arrays` is an array or symbol of mx.np.

    `taker` names, for the message, what would have taken them: a block, a loader, a function.
    """
    # set_np sets both; with the shapes of NumPy alone Gluon's own convolutions cannot be made.
    if mx.util.is_np_array() or mx.util.is_np_shape() or any(
            isinstance(z, mx.np.ndarray) or is_numpy_symbol(z) for z in arrays):
        raise ValueError('%s takes arrays of mx.nd and not of mx.np: call npx.reset_np() if '
                         'npx.set_np() is on, and give X.as_nd_ndarray()' % taker)


def check_images(block, X, num_channels=0, least=1):
    """ValueError unless `X` is (N, C, H, W) with `num_channels` channels and H, W >= `least`.

    A `num_channels` of 0 stands for any number; `block` is the name in the message.
    """
    if len(X.shape) != 4:
        raise ValueError('%s got input of shape %s; it takes (N, C, H, W)' % (block, X.shape))
    if num_channels not in (0, X.shape[1]):
        raise ValueError('%s got input of shape %s, with %d channels; its weights are for %d'
                         % (block, X.shape, X.shape[1], num_channels))
    if min(X.shape[2:]) < least:
        raise ValueError('%s got input of shape %s; height and width must be at least %d'
                         % (block, X.shape, least))


def image_problem(X, weight):
    """Say why images X do not fit a net that begins with a convolution of `weight`, or None."""
    dtype, given = np.dtype(weight.dtype).name, np.dtype(X.dtype).name
    channels = weight.shape[1]  # 0: not known yet
    if X.ndim != 4:
        return 'takes images, (N, C, H, W), got an array of shape %s' % (X.shape,)
    if given != dtype:
        return 'takes %s, got %s: use X.astype(%r)%s' % (
            dtype, given, dtype, ' / 255' if given == 'uint8' else '')
    if X.shape[1] != channels and X.shape[3] in ((channels,) if channels else (1, 3)):
        return ('takes images as (N, C, H, W), got shape %s: use X.transpose((0, 3, 1, 2))'
                % (X.shape,))
    if channels and X.shape[1] != channels:
        return ('is for images of %d channel%s, got shape %s: convert them, or make a new net, '
                'which learns its in_channels from the first batch'
                % (channels, 's' * (channels > 1), X.shape))
    return None


def check_features(num_features, num_dims):
    """ValueError unless a norm can be made for so many features of input of that rank."""
    if num_dims not in (2, 4):
        raise ValueError('num_dims must be 2 (after a dense layer) or 4 (after a convolution), '
                         'got %r' % (num_dims,))
    check_positive('num_features', num_features)


def check_norm_input(X, num_dims=None, **params):
    """ValueError unless X, (N, C) or (N, C, H, W), fits the parameters of a norm, given by name.

    `num_dims` is the only rank that is taken; None: both.
    """
    check_classic_arrays('batch normalization', X)
    if not isinstance(X, mx.nd.NDArray):
        raise ValueError('X must be an NDArray, got %s: use nd.array(X)' % type(X).__name__)
    if X.ndim not in ((num_dims,) if num_dims else (2, 4)):
        shapes = {2: '(N, C)', 4: '(N, C, H, W)'}
        raise ValueError('X must have shape %s, got %s' % (
            shapes.get(num_dims, ' or '.join(shapes.values())), X.shape))
    dtype = np.dtype(X.dtype).name
    if dtype not in FLOATS:
        raise ValueError("X must have dtype %s, got %s: use X.astype('float32')"
                         % (' or '.join(FLOATS), dtype))
    for name, param in params.items():
        if param.size != X.shape[1]:
            raise ValueError('X has %d channels (shape %s), but %s has %d elements (shape %s)'
                             % (X.shape[1], X.shape, name, param.size, param.shape))
        if np.dtype(param.dtype).name not in (dtype, 'float32' if dtype == 'float16' else dtype):
            raise ValueError("X has dtype %s, but %s has %s: cast one of them, for example by "
                             "net.cast('%s')" % (dtype, name, np.dtype(param.dtype).name, dtype))
