"""Parameters that hold one value for each channel, and files that lack some of them."""
import warnings

import mxnet as mx
from mxnet import gluon, nd

from ..files import MXNetPath
from ..mxnet_private import can_learn, is_initialized, named_parameters, shared


class ChannelParameter(gluon.Parameter):
    """A parameter of shape (1, C) or (1, C, 1, 1), as the book has them.

    MXNet's BatchNorm takes it as it is, but infers the shape (C,) for it.
    """

    def _set_shape(self, shape):
        if self._shape is None or tuple(shape) != self._shape[1:2]:
            gluon.Parameter.shape.fset(self, shape)

    shape = property(gluon.Parameter.shape.fget, _set_shape)

    def check_initialized(self):
        """Raise RuntimeError, with what to do, if there are no values yet."""
        if not is_initialized(self):
            raise RuntimeError(
                '%s is not initialized: call initialize() on the net before its first input (and '
                'before load_parameters with allow_missing=True, if the file lacks the averages)'
                % self.name)

    def _reduce(self):  # Gluon asks it for the values that it writes to a file
        # With static_shape, a graph writes averages without MXNet's engine knowing: one
        # saved file in five held the averages of an earlier step.
        nd.waitall()
        return super()._reduce()


def channel_parameter(params, name, shape, init, grad_req='write'):
    """The `ChannelParameter` called `name` of a block's ParameterDict; made if it is not there."""
    full = params.prefix + name
    if shared(params, full) is None:  # `params.get` would make an ordinary parameter
        params.update({full: ChannelParameter(full, shape=shape, init=init, grad_req=grad_req,
                                              differentiable=grad_req != 'null')})
    return params.get(name)


def load_parameters(block, load, filename, ctx=None, allow_missing=False, *args, **kwargs):
    """Load `filename` into `block` by `load`, Gluon's own method with the same arguments.

    A file of the book's, which lacks the moving averages of our layers and nothing else, loads with
    a warning. Raises ValueError, with the shapes, if a parameter has another shape in the file.
    """
    filename = MXNetPath(filename)  # whatever the locale
    params, found = named_parameters(block), nd.load(filename)
    if not isinstance(found, dict):  # arrays without names, which Gluon refuses
        found = {}
    different = [(name, found[name].shape, param.shape) for name, param in sorted(params.items())
                 if name in found and param.shape and 0 not in param.shape
                 and tuple(found[name].shape) != tuple(param.shape)]
    if different:
        raise ValueError(
            "'%s' holds other shapes than %s: %s. To load all layers but the last, use "
            'net[:-1].load_parameters(filename, ignore_extra=True)' % (
                filename, block.name,
                ', '.join('%s is %s there and %s here' % row for row in different)))
    allow_missing = _lacks_averages_only(params, found, filename, ctx) or allow_missing
    load(filename, ctx, allow_missing, *args, **kwargs)


def _lacks_averages_only(params, found, filename, ctx):
    """Warn and return True if just moving averages of ours are missing; initialize those."""
    loaded = {params[name] for name in found if name in params}  # a shared one has several names
    missing = set(params.values()) - loaded
    if not missing or not all(isinstance(param, ChannelParameter) and not can_learn(param)
                              for param in missing):
        return False
    for param in missing:
        if not is_initialized(param):
            param.initialize(ctx=ctx or mx.cpu())
    warnings.warn("'%s' lacks moving_mean and moving_var: the book's BatchNorm does not save them. "
                  'They keep their values, 0 in a new net: before predicting, train for a few '
                  'batches' % filename, stacklevel=4)
    return True
