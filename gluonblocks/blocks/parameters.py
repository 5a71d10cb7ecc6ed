"""Per-channel parameters, and a loader for parameter files that lack running averages."""
import warnings

import mxnet as mx
from mxnet import gluon, nd

from ..files import MXNetPath
from ..mxnet_private import can_learn, is_initialized, named_parameters, shared


class ChannelParameter(gluon.Parameter):
    """A parameter of shape (1, C) or (1, C, 1, 1), like the book's.

    MXNet's BatchNorm operator accepts these shapes, but infers (C,), which this class ignores.
    """

    def _set_shape(self, shape):
        if self._shape is None or tuple(shape) != self._shape[1:2]:
            gluon.Parameter.shape.fset(self, shape)

    shape = property(gluon.Parameter.shape.fget, _set_shape)

    def check_initialized(self):
        """Raise RuntimeError if the parameter is not initialized."""
        if not is_initialized(self):
            raise RuntimeError(
                '%s is not initialized: call initialize() on the net before its first batch (or, '
                'to load a file without running averages, before load_parameters(..., '
                'allow_missing=True))' % self.name)

    def _reduce(self):  # returns the values that Gluon saves
        # With static_shape, a graph updates the running averages without notifying MXNet's engine.
        # Without `waitall`, about one saved file in five would contain outdated averages.
        nd.waitall()
        return super()._reduce()


def channel_parameter(params, name, shape, init, grad_req='write'):
    """Return the `ChannelParameter` called `name` from a ParameterDict; create it if missing."""
    full = params.prefix + name
    if shared(params, full) is None:  # `params.get` would create an ordinary Parameter
        params.update({full: ChannelParameter(full, shape=shape, init=init, grad_req=grad_req,
                                              differentiable=grad_req != 'null')})
    return params.get(name)


def load_parameters(block, load, filename, ctx=None, allow_missing=False, *args, **kwargs):
    """Check the parameter file `filename`, and load it into `block`.

    `load` is Gluon's `load_parameters` method, and receives the other arguments. A file saved by
    the book's code, which lacks only the running averages, is loaded with a warning. Raises
    ValueError if a shape in the file does not match the block; the message lists both shapes.
    """
    filename = MXNetPath(filename)  # so that the name does not depend on the locale
    params, found = named_parameters(block), nd.load(filename)
    if not isinstance(found, dict):  # a list of unnamed arrays, which Gluon will reject
        found = {}
    different = [(name, found[name].shape, param.shape) for name, param in sorted(params.items())
                 if name in found and param.shape and 0 not in param.shape
                 and tuple(found[name].shape) != tuple(param.shape)]
    if different:
        raise ValueError(
            "the shapes in '%s' differ from those of %s: %s. To load all layers but the last, use "
            'net[:-1].load_parameters(filename, ignore_extra=True)' % (
                filename, block.name,
                ', '.join('%s is %s in the file and %s in the net' % row for row in different)))
    allow_missing = _lacks_averages_only(params, found, filename, ctx) or allow_missing
    load(filename, ctx, allow_missing, *args, **kwargs)


def _lacks_averages_only(params, found, filename, ctx):
    """If running averages are the only parameters that the file lacks, initialize them, warn, and
    return True; otherwise, return False."""
    # Compare parameters instead of names, because a shared parameter has several names.
    loaded = {params[name] for name in found if name in params}
    missing = set(params.values()) - loaded
    if not missing or not all(isinstance(param, ChannelParameter) and not can_learn(param)
                              for param in missing):
        return False
    for param in missing:
        if not is_initialized(param):
            param.initialize(ctx=ctx or mx.cpu())
    warnings.warn("'%s' lacks moving_mean and moving_var, because the book's BatchNorm does not "
                  'save them. They keep their current values (0 in a new net): train for a few '
                  'batches before predicting' % filename, stacklevel=4)
    return True
