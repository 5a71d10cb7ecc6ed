"""The net that the registry's models are made of."""
import functools
import threading
from typing import Any, Dict, NamedTuple

import mxnet as mx
import numpy as np
from mxnet import autograd
from mxnet.gluon import nn

from .. import mxnet_private as private
from ..blocks.parameters import ChannelParameter, load_parameters
from ..checks import image_problem
from ..files import MXNetPath
from . import operators
from .divided_norms import Slice
from .exported import load_exported
from .graph import Graph, Node
from .passes import PREDICTION, TRAINING

# Four sizes of images, trained on and predicted; each graph keeps memory for what it computes.
MAX_GRAPHS = 8
# One net is traced at a time, and one thread at a time gives MXNet a graph to run: of two that do,
# MXNet 1.9.1 may lose an operation, and both wait for ever. The engine runs them side by side.
_lock = threading.RLock()


class Net(nn.HybridSequential):
    """A HybridSequential of layers for images: (N, C, H, W) -> (N, num_classes).

    Use it like Gluon's own. In addition:

    - `features` is all layers but the last, and `output` the last, which may be replaced:
      `net.output = nn.Dense(5)` prepares a trained net for other classes.
    - Hybridized, it is faster. Gluon runs the graph that it traced as it is. Here the graph is
      rewritten for each mode and size of images, by the passes of `graphs/passes.py`, and the
      newest `MAX_GRAPHS` are kept. `graph_for` shows the result.
    - `save_parameters`, `export` and copies wait until MXNet has computed what they write.

    Raises RuntimeError when called before it is initialized, and ValueError for input that does not
    fit the first layer.
    """

    _traced: Any = None  # a `_Traced`, once a hybridized net has been called

    def _alias(self):  # Gluon names nets by it, as in the book
        return 'hybridsequential'

    @property
    def features(self):
        """All layers but the last, as a new `Net` that shares them: X -> what `output` is given."""
        return self[:-1]

    @property
    def output(self):
        """The last layer. A new one has to be initialized, while the others stay as they are:
        `net.output.initialize()`, and a new Trainer for its parameters."""
        return self[-1]

    @output.setter
    def output(self, layer):
        self.register_child(layer, list(private.children(self))[-1])

    def __setattr__(self, name, value):
        if name in ('features', 'output'):  # Gluon would add a layer of that name
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def _clear_cached_op(self):  # Gluon calls it after `hybridize`, `cast` and changes of layers
        super()._clear_cached_op()
        self._traced = None

    def forward(self, x, *args):
        if not isinstance(x, mx.nd.NDArray):
            return super().forward(x, *args)
        try:
            if private.is_hybridized(self) and not args and not private.runs_by_gluon(self):
                with x.context:
                    now = self._traced or self._trace(x)
                    if now.symbol is not None:
                        return self._compiled(now, x)(x)
            return super().forward(x, *args)
        except (RuntimeError, ValueError) as error:  # MXNet's own errors are RuntimeErrors
            self._explain(error, x)
            raise

    def graph_for(self, shape, training=True):
        """Return the graph that runs for input of `shape`, (N, C, H, W), as MXNet's symbol.

        That is Gluon's trace of the net after the passes; with `training`, the one that is recorded
        and then differentiated.
        """
        x = mx.nd.zeros(shape)
        for param in list(self.collect_params().values())[:1]:
            if private.is_initialized(param):
                x = x.as_in_context(param.list_ctx()[0]).astype(param.dtype)
        with _lock, autograd.pause():
            return _rewritten(self._traced or self._trace(x), x, training, training).symbol()

    def _compiled(self, now, x):
        """The compiled graph for x in the current autograd mode; made if it is not there yet."""
        training, recording = autograd.is_training(), autograd.is_recording()
        wanted = recording and _is_recorded(x)
        key = (training, recording, wanted, x.shape[1:], x.dtype, x.context.device_type,
               operators.are_on(), training and tuple([param.grad_req for param in now.params]))
        compiled = now.graphs.get(key)
        if compiled is None:
            with _lock, autograd.pause():
                compiled = _compile(_rewritten(now, x, training, recording, wanted), now.params,
                                    dict(private.flags_of(self)), recording)
                while len(now.graphs) >= MAX_GRAPHS:
                    del now.graphs[next(iter(now.graphs))]
                now.graphs[key] = compiled
        return compiled

    def _trace(self, x):
        """Trace the net, for all sizes of images, and give shapes to parameters that lack one."""
        with _lock, autograd.pause():
            # The shape is for layers that print theirs; another batch may have another one.
            symbol = super().forward(mx.sym.var('data', shape=x.shape))
            if not isinstance(symbol, mx.sym.Symbol):  # several outputs: Gluon knows their form
                self._traced = _Traced(None, (), {})
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
            traced = _Traced(symbol, [params[name] for name in symbol.list_inputs()
                                      if name != 'data'], {})
            if all(private.is_initialized(param) for param in traced.params):  # else once they are
                private.set_traced(self, symbol)
                self._traced = traced
            return traced

    def save_parameters(self, filename, *args, **kwargs):
        """Save as Gluon does, once all that is being computed is there."""
        mx.nd.waitall()  # else, with static_shape, one file in five is of an earlier step
        super().save_parameters(MXNetPath(filename), *args, **kwargs)

    def load_parameters(self, filename, *args, **kwargs):
        """Load a file as `Block.load_parameters` does, of `export`, or the book's without averages.
        Raises ValueError, with what differs, for a file of a net with other layers or shapes."""
        if not load_exported(self, filename, *args, **kwargs):
            load_parameters(self, super().load_parameters, filename, *args, **kwargs)

    def export(self, path, epoch=0, remove_amp_cast=True):
        """Write `path`-symbol.json and `path`-0000.params, by `epoch`; return both names.

        They are those of Gluon's `export`, with norms' parameters of shape (C,), which all loaders
        of MXNet expect. The net has to be hybridized and called once, else RuntimeError is raised.
        """
        if not self._traced or self._traced.symbol is None:
            raise RuntimeError('export needs the graph of %s: call net.hybridize() and run one '
                               'batch through it' % self.name)
        mx.nd.waitall()
        graph = Graph(self._traced.symbol)
        flat = {source.name for node in graph.nodes if node.op == 'BatchNorm'
                for source, _, _ in node.inputs[1:]}
        for name in flat:
            graph.input(name).attrs.pop('__shape__', None)
        symbol, arrays = graph.symbol(), {}
        states = symbol.list_auxiliary_states()
        for param in self._traced.params:
            array = private.averaged(param)
            arrays[('aux:' if param.name in states else 'arg:') + param.name] = (
                array.reshape(-1) if param.name in flat else array)
        files = '%s-symbol.json' % path, '%s-%04d.params' % (path, epoch)
        symbol.save(MXNetPath(files[0]), remove_amp_cast=remove_amp_cast)
        mx.nd.save(MXNetPath(files[1]), arrays)
        return files

    def _explain(self, error, x):
        """Raise an error that says more than `error`, if the cause is known."""
        params = self.collect_params().values()
        for param in params:
            if not private.is_initialized(param) and not private.is_deferred(param):
                raise RuntimeError('%s is not initialized: call net.initialize() first (%s has no '
                                   'value)' % (self.name, param.name)) from error
        if private.runs_by_gluon(self) and any(
                isinstance(param, ChannelParameter) for param in params):
            raise ValueError('the back end takes norms of nn.BatchNorm only, as lenet_bn_gluon has '
                             'them: %s' % error) from error
        first = next(iter(private.children(self).values()), None)
        problem = isinstance(first, nn.Conv2D) and image_problem(x, first.weight)
        if problem:
            raise ValueError('%s %s' % (self.name, problem)) from error


class _Traced(NamedTuple):
    """A net's traced graph (None: it has several outputs), the parameters that it takes, in its
    order, and the functions compiled from it by what they are for, the oldest first."""

    symbol: Any
    params: Any
    graphs: Dict[Any, Any]


def _rewritten(now, x, training, recording, wanted=False):
    """The `Graph` for x after the passes; `wanted` says if the gradient of x is asked for."""
    # The operators take float32 on the CPU. In training they move averages in the forward pass, so
    # that it must be recorded; predicting, they have no gradient.
    ours = (training == recording and x.context.device_type.startswith('cpu')
            and x.dtype == np.float32 and operators.available(build=training))
    requests = {param.name: param.grad_req for param in now.params if private.is_dense(param)}
    graph = Graph(now.symbol, training, ours, requests, data=x.shape)
    if wanted:
        # It may be added to another gradient, which the operators cannot do: they take a copy.
        data = graph.input('data')
        graph.replace(data, Node('_copy', 'data_copy', [data.entry()]).entry())
    for change in TRAINING if training else PREDICTION:
        graph = change(graph)
    return graph


def _compile(graph, params, flags, recording):
    """Return the function x -> output that runs a graph. Several threads may call it."""
    symbol = graph.symbol()
    by_name = {param.name: param for param in params}
    sources: Dict[str, Any] = {name: functools.partial(private.array_on, param)
                               for name, param in by_name.items()}
    sources.update((name, Slice(by_name[whole], begin, end).data)
                   for name, (whole, begin, end) in graph.slices.items())
    inputs = [sources.get(name) for name in symbol.list_inputs()]  # None: the data
    if flags.get('static_alloc') and not recording:
        # It fixes the order of operations, too: a third faster for one image. A graph that is
        # recorded may write running statistics, which MXNet's engine would then not know of.
        flags['static_shape'] = True
    operation = mx.nd.CachedOp(symbol, [
        ('data_indices', [i for i, source in enumerate(inputs) if source is None]),
        ('param_indices', [i for i, source in enumerate(inputs) if source is not None]),
        *flags.items()])

    def run(x):
        ctx = x.context
        args = [x if array_on is None else array_on(ctx) for array_on in inputs]
        with _lock:
            return operation(*args)
    return run


def _is_recorded(x):
    """Return True if the gradient of x is asked for."""
    try:
        autograd.get_symbol(x)
    except mx.base.MXNetError:  # it is in no recorded computation
        return False
    return True
