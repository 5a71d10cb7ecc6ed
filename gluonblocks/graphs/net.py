"""The class `Net`, which most models in the registry use."""
from typing import Any

import mxnet as mx
from mxnet import autograd
from mxnet.gluon import nn

from .. import mxnet_private as private
from ..blocks.parameters import ChannelParameter, load_parameters
from ..checks import image_problem
from ..files import MXNetPath
from . import operators
from .exported import load_exported, save_exported
from .graph import Graph
from .passes import MANY_IMAGES
from .traced import Traced, compile_graph, lock, moves_axes, rewritten

# Enough for four image sizes, each with three graphs: one for training, one for predicting small
# batches, and one for predicting large batches.
MAX_GRAPHS = 12  # each graph uses memory


class Net(nn.HybridSequential):
    """A HybridSequential of layers for images: (N, C, H, W) -> (N, num_classes).

    Use it like Gluon's own class. In addition:

    - `features` contains all layers but the last. `output` is the last layer and can be replaced:
      `net.output = nn.Dense(5)` prepares a trained net for other classes.
    - A hybridized net runs faster, because the passes in `graphs/passes.py` rewrite the traced
      graph for each mode and image size, and separately for small and large batches in prediction.
      The newest `MAX_GRAPHS` graphs are cached; see `graph_for`.
    - Saving, exporting or copying a net first waits until MXNet has computed its parameters.

    A call raises RuntimeError if the net is not initialized, and ValueError for input that does not
    fit the first layer.
    """

    _traced: Any = None  # a `Traced` after the first call of the hybridized net
    _was_training: Any = None  # the mode of the hybridized net's last call; None: not called yet

    def _alias(self):  # Gluon's prefix for parameter names, the same as for the book's nets
        return 'hybridsequential'

    @property
    def features(self):
        """A new `Net` with all of this net's layers but the last; the layers are shared."""
        # Do not use self[:-1]: it calls the constructor of the net's class, which may add layers.
        net = Net(prefix=self.prefix)
        net.add(*list(self)[:-1])
        return net

    @property
    def output(self):
        """The last layer. After replacing it, initialize the new layer and create a new Trainer."""
        return self[-1]

    @output.setter
    def output(self, layer):
        self.register_child(layer, list(private.children(self))[-1])

    def __setattr__(self, name, value):
        if name in ('features', 'output'):  # Gluon would add the value as another layer
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def _clear_cached_op(self):  # called after `hybridize`, `cast` and changes of layers
        super()._clear_cached_op()
        self._traced = None

    def forward(self, x, *args):
        if not isinstance(x, mx.nd.NDArray):
            return super().forward(x, *args)
        try:
            if private.is_hybridized(self) and not args and not private.needs_gluon(self):
                with x.context:
                    traced = self._traced or self._trace(x)
                    if traced.symbol is not None:
                        return self._compiled(traced, x)(x)
            return super().forward(x, *args)
        except (RuntimeError, ValueError) as error:  # MXNet's own errors are RuntimeErrors
            self._explain(error, x)
            raise

    def graph_for(self, shape, training=True):
        """Return the graph that runs for input of `shape`, (N, C, H, W), as an MXNet symbol.

        This is Gluon's traced graph, rewritten for training with autograd or, if `training` is
        False, for prediction. Raises ValueError for a net with several outputs, because Gluon runs
        such nets without rewriting their graphs.
        """
        x = mx.nd.zeros(shape)
        for param in list(self.collect_params().values())[:1]:
            if private.is_initialized(param):
                x = x.as_in_context(param.list_ctx()[0]).astype(param.dtype)
        with lock, autograd.pause():
            traced = self._traced or self._trace(x)
            if traced.symbol is None:
                raise ValueError('expected a net with one output, but %s has several: Gluon runs '
                                 'its graph unchanged' % self.name)
            return rewritten(traced, x, training, training).symbol()

    def _compiled(self, traced, x):
        """Return the compiled graph for x in the current autograd mode; compile it if necessary."""
        training, recording = autograd.is_training(), autograd.is_recording()
        if training is not self._was_training:
            if training:  # else each step would convert the weights that `multiply_small_maps` uses
                with lock:
                    private.restore_layouts(traced.params)
            self._was_training = training
        data_gradient = recording and _is_recorded(x)
        shape = x.shape if traced.moves_axes else x.shape[1:]
        key = (training, recording, data_gradient, shape, x.dtype, x.context.device_type,
               operators.are_on(), tuple([param.grad_req for param in traced.params])
               if training else x.shape[0] >= MANY_IMAGES)
        compiled = traced.graphs.get(key)
        if compiled is None:
            with lock, autograd.pause():
                compiled = compile_graph(rewritten(traced, x, training, recording, data_gradient),
                                         traced.params, dict(private.flags_of(self)), recording)
                while len(traced.graphs) >= MAX_GRAPHS:
                    del traced.graphs[next(iter(traced.graphs))]
                traced.graphs[key] = compiled
        return compiled

    def _trace(self, x):
        """Trace the net into a graph for any image size, and infer missing parameter shapes."""
        with lock, autograd.pause():
            # `DenseBlock` may print shapes, so `data` needs a shape while the net is traced. The
            # shape is removed below, because the graph is used for images of any size.
            symbol = super().forward(mx.sym.var('data', shape=x.shape))
            if not isinstance(symbol, mx.sym.Symbol):  # several outputs: let Gluon run it
                self._traced = Traced(None, (), {}, False)
                return self._traced
            graph, params = Graph(symbol), self.collect_params()
            del graph.input('data').attrs['__shape__']
            symbol = graph.symbol()
            if any(private.is_deferred(param) for param in params.values()):
                arguments, _, states = symbol.infer_shape(data=x.shape)
                names = symbol.list_arguments() + symbol.list_auxiliary_states()
                for name, shape in zip(names, arguments + states):
                    if name in params and private.is_deferred(params[name]):
                        params[name].shape = shape
                        private.finish_initialization(params[name])
            traced = Traced(symbol, [params[name] for name in symbol.list_inputs()
                                     if name != 'data'], {}, moves_axes(graph))
            if all(private.is_initialized(param) for param in traced.params):  # else: trace again
                private.set_traced(self, symbol)
                self._traced = traced
            return traced

    def save_parameters(self, filename, *args, **kwargs):
        """Save the parameters as Gluon does, but first wait until MXNet has computed them."""
        # With static_shape, one file in five would otherwise contain the values of an earlier step.
        mx.nd.waitall()
        super().save_parameters(MXNetPath(filename), *args, **kwargs)

    def load_parameters(self, filename, *args, **kwargs):
        """Load a file written by `save_parameters`, `export` or the book's code.

        Raises a ValueError that states the difference if the file does not match the net.
        """
        if not load_exported(self, filename, *args, **kwargs):
            load_parameters(self, super().load_parameters, filename, *args, **kwargs)

    def export(self, path, epoch=0, remove_amp_cast=True):
        """Write `path`-symbol.json and `path`-0003.params (if `epoch` is 3); return both names.

        The files are like those that Gluon's `export` writes, but batch normalization
        parameters have the shape (C,), which all MXNet loaders expect. If Gluon runs the net, for
        example because the net has several outputs, Gluon's own `export` writes the files. Raises
        RuntimeError unless the net is hybridized and has been called.
        """
        files = '%s-symbol.json' % path, '%s-%04d.params' % (path, epoch)
        if not self._cached_graph:
            raise RuntimeError('export needs the graph of %s: call net.hybridize() and run one '
                               'batch through it' % self.name)
        mx.nd.waitall()
        if self._traced and self._traced.symbol is not None:
            save_exported(self._traced.symbol, self._traced.params, *files, remove_amp_cast)
        else:
            super().export(path, epoch, remove_amp_cast)
        return files

    def _explain(self, error, x):
        """Raise a clearer error if the cause of `error`, which the net raised for x, is known."""
        params = self.collect_params().values()
        for param in params:
            if not private.is_initialized(param) and not private.is_deferred(param):
                raise RuntimeError('%s is not initialized: call net.initialize() first (%s has no '
                                   'value)' % (self.name, param.name)) from error
        if private.needs_gluon(self) and any(
                isinstance(param, ChannelParameter) for param in params):
            raise ValueError('gb.BatchNorm does not support the backends of optimize_for and '
                             'operator hooks: use nn.BatchNorm, as lenet_bn_gluon does. MXNet '
                             'reported: %s' % error) from error
        first = next(iter(private.children(self).values()), None)
        problem = isinstance(first, nn.Conv2D) and image_problem(x, first.weight)
        if problem:
            raise ValueError('%s %s' % (self.name, problem)) from error


def _is_recorded(x):
    """Return True if x is part of a recorded computation or has a gradient attached."""
    try:
        autograd.get_symbol(x)
    except mx.base.MXNetError:
        return False
    return True
