"""Validate arguments and inputs; the errors say what was expected and what was found."""
import mxnet as mx
import numpy as np

from .mxnet_private import is_numpy_symbol

FLOATS = ('float16', 'float32', 'float64')


class Name(str):
    """An option name that appears in the message of an `OptionError`."""


class OptionError(ValueError):
    """Raised if the value of an option is invalid.

    `option` is the name of the option, or '' if several options are invalid. The message is this
    name, followed by `text` % `args`. In `args`, the names of other options are `Name` objects. The
    command line, which spells options differently, uses the message that `spelled` returns.
    """

    def __init__(self, option, text, *args):
        super().__init__((option + ' ' + text if option else text) % args)
        self.option, self._text, self._args = option, text, args

    def __reduce__(self):  # otherwise, a process pool could not return the error
        return type(self), (self.option, self._text, *self._args)

    def spelled(self, spell):
        """Return the message without the name of the invalid option.

        `spell` returns the form in which to write any other option name in the message.
        """
        return self._text % tuple(spell(arg) if isinstance(arg, Name) else arg
                                  for arg in self._args)


def check_positive(name, value):
    """Raise OptionError, a ValueError, unless `value` is a positive integer."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise OptionError(name, 'must be a positive integer, got %r', value)


def check_classic_arrays(receiver, *arrays):
    """Raise ValueError if `npx.set_np()` is active, or `arrays` contains an mx.np array or symbol.

    `receiver` is the name of the block, loader or function to which the arrays were passed.
    """
    # npx.set_np() sets two flags, np_array and np_shape. Reject np_shape even on its own, because
    # Gluon's convolutions cannot be created with it.
    if mx.util.is_np_array() or mx.util.is_np_shape() or any(
            isinstance(z, mx.np.ndarray) or is_numpy_symbol(z) for z in arrays):
        raise ValueError('%s expects mx.nd arrays, not mx.np arrays: call npx.reset_np() if '
                         'npx.set_np() was called, and pass X.as_nd_ndarray()' % receiver)


def check_images(block, X, num_channels=0, least=1):
    """Raise ValueError unless `X` is (N, C, H, W) with C = `num_channels` and H, W >= `least`.

    If `num_channels` is 0, C may have any value. `block` is the block's name in error messages.
    """
    if len(X.shape) != 4:
        raise ValueError('%s expects input of shape (N, C, H, W), got %s' % (block, X.shape))
    if num_channels not in (0, X.shape[1]):
        raise ValueError('%s expects %d channels, got %d in input of shape %s'
                         % (block, num_channels, X.shape[1], X.shape))
    if min(X.shape[2:]) < least:
        raise ValueError('%s expects a height and width of at least %d, got input of shape %s'
                         % (block, least, X.shape))


def image_problem(X, weight):
    """Return the reason why a net with first-layer weights `weight` rejects X, or None."""
    dtype, found = np.dtype(weight.dtype).name, np.dtype(X.dtype).name
    channels = weight.shape[1]  # 0: unknown before the first batch
    if X.ndim != 4:
        return 'expects images of shape (N, C, H, W), got %s' % (X.shape,)
    if found != dtype:
        return 'expects %s, got %s: use X.astype(%r)%s' % (
            dtype, found, dtype, ' / 255' if found == 'uint8' else '')
    if X.shape[1] != channels and X.shape[3] in ((channels,) if channels else (1, 3)):
        return ('expects images of shape (N, C, H, W), got %s: use X.transpose((0, 3, 1, 2))'
                % (X.shape,))
    if channels and X.shape[1] != channels:
        return ('expects images with %d channel%s, got shape %s: convert the images, or create '
                'a new net, which infers its in_channels from the first batch'
                % (channels, 's' * (channels > 1), X.shape))
    return None


def check_features(num_features, num_dims):
    """Raise ValueError unless the arguments of a normalization layer are valid."""
    if num_dims not in (2, 4):
        raise ValueError('num_dims must be 2 (after a dense layer) or 4 (after a convolution), '
                         'got %r' % (num_dims,))
    check_positive('num_features', num_features)


def check_norm_input(X, num_dims=None, **params):
    """Raise ValueError unless X is (N, C) or (N, C, H, W), and each of `params` has C elements.

    If `num_dims` is not None, X must have that many dimensions. Each of `params` must have the
    dtype of X, or may be float32 if X is float16.
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
            raise ValueError("X has dtype %s, but %s has %s: cast one of them, for example with "
                             "net.cast('%s')" % (dtype, name, np.dtype(param.dtype).name, dtype))
