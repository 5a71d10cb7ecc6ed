"""Parameters that are statistics: no optimizer moves them, the layer itself does as it runs."""
import warnings

import mxnet as mx
from mxnet import gluon, init, nd

from .retrace import retrace
from .switch import way


class Statistic(gluon.Parameter):
    """A moving average: starts at 0, has no gradient, and is saved and loaded with its net."""

    def __init__(self, name, shape):
        super().__init__(name, shape=shape, init=init.Zero(), grad_req='null',
                         differentiable=False)
        self._traced_for = None

    def traced(self):
        """Note that a graph which takes this parameter is being made, for today's `way()`."""
        if self._traced_for != way():
            self.forget_graphs()
        self._traced_for = way()

    def forget_graphs(self):
        """Have the nets whose graphs take this parameter trace them anew at their next runs."""
        if self._traced_for is not None:
            self._traced_for = None
            retrace(self)

    def check_initialized(self):
        """RuntimeError, with what to do, unless there are numbers here."""
        if self._data is None:
            raise RuntimeError(
                '%s has no numbers yet: call initialize() on the net before its first input. (A '
                'file of the book holds no averages: where one is loaded with allow_missing=True, '
                'initialize() before that.)' % self.name)

    def data(self, ctx=None):
        """As `Parameter.data`; graphs made for another `way()` than today's are put away.

        Gluon asks for the data before each run of a graph. Within a net that is not ours, no other
        moment comes at which a layer could notice that the way has changed.
        """
        self.check_initialized()
        if self._traced_for != way():
            self.forget_graphs()
        return super().data(ctx)

    def _reduce(self):
        # What Gluon writes, also when it exports a graph, where it asks the layer for nothing.
        nd.waitall()
        return super()._reduce()


def statistic(params, name, shape):
    """The `Statistic` called `name` in a block's ParameterDict, or in one that it shares.

    It is made if it is new. `ParameterDict.get` would make an ordinary parameter.
    """
    full = params.prefix + name
    if params._get_impl(full) is None:  # MXNet 1.7 to 1.9
        params.update({full: Statistic(full, shape)})
    return params.get(name)


def starts_missing(block, filename, ctx):
    """Whether `filename` lacks statistics of `block` and nothing else, as the book's files do.

    If so, there is a warning, and those that are not initialized are, on `ctx`: what is left to do
    is Gluon's own `load_parameters` with `allow_missing=True`.
    """
    params = block._collect_params_with_prefix()
    if not any(isinstance(param, Statistic) for param in params.values()):
        return False
    names = nd.load(filename)
    loaded = {params[name] for name in names if name in params}  # a shared one has several names
    missing = set(params.values()) - loaded
    if not missing or not all(isinstance(param, Statistic) for param in missing):
        return False
    for param in missing:
        if param._data is None:
            param.initialize(ctx=ctx or mx.cpu())
    warnings.warn("'%s' holds no moving_mean and moving_var (the book's BatchNorm does not save "
                  'them). They keep their values, 0 in a new net: before predicting, run training '
                  'data through the net within autograd.train_mode().' % filename, stacklevel=3)
    return True
