"""The net that the registry's models are made of."""
import collections
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import autograd
from mxnet.gluon import nn

from .concatenations import Part, divide_norms
from .operators import use_operators
from .prediction import prediction_graph
from .simplify import simplify
from .statistics import starts_missing
from .switch import taken, way

# Four sizes of images, trained on and predicted; each graph keeps memory for what it computes.
MAX_GRAPHS = 8


class Net(nn.HybridSequential):
    """A HybridSequential of layers for images, (N, C, H, W) -> (N, num_classes).

    It is used as Gluon's own: `net.initialize()`, `net(X)`, `net[0]` and so on. What it has beside:

    - `features`, all layers but the last, and `output`, the last, which may be replaced:
      `net.output = nn.Dense(5)` has a trained net learn other classes.
    - Hybridized, it is faster. Gluon traces one graph for images of all sizes, without knowing any.
      Here each size of images, and each mode, training or predicting, gets that graph simplified
      (see `simplify`) when it comes first; the `MAX_GRAPHS` that were used last are kept. One that
      trains, on the CPU, has norms of concatenations divided (see `divide_norms`), and our own
      operators inside where they are faster (see `use_operators`).
      GLUONBLOCKS_WAY switches both off (see `switch`).
    - `save_parameters` and `export` wait until MXNet has computed what they write; `export` writes
      the graph for prediction, for images of all sizes.

    Raises RuntimeError when called before it is initialized, and ValueError for input that is not
    (N, C, H, W) where the first layer is a convolution.
    """

    _cached_op: Any  # Gluon's own
    _cached_op_args: Any
    _traced: Any = ()  # the parameters that the traced graph takes, in its order

    def _alias(self):  # Gluon names nets by it, as in the book
        return 'hybridsequential'

    @property
    def features(self):
        """All layers but the last, as a new `Net` that shares them: X -> what `output` is given."""
        return self[:-1]

    @property
    def output(self):
        """The last layer. One that is set in its place has to be initialized, the others stay as
        they are: `net.output.initialize()`, and a new Trainer for its parameters."""
        return self[-1]

    @output.setter
    def output(self, layer):
        self.register_child(layer, list(self._children)[-1])

    def __setattr__(self, name, value):
        if name == 'output':  # Gluon would add a layer of that name, at the end
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def forward(self, x, *args):
        try:
            return super().forward(x, *args)
        except (RuntimeError, ValueError) as error:  # MXNet's own errors are RuntimeErrors
            if isinstance(x, mx.nd.NDArray):
                self._explain(error, x)
            raise

    def save_parameters(self, filename, **kwargs):
        """As Gluon's, once all that is being computed is there.

        Batch norms' averages are set while MXNet computes behind Python's back. With
        `static_alloc, static_shape` a file written right after a step had older ones, one time in
        five.
        """
        mx.nd.waitall()
        super().save_parameters(filename, **kwargs)

    def export(self, path=None, epoch=0, remove_amp_cast=True, prefix=None, for_training=False):
        """Write `path`-symbol.json and `path`-0000.params, by `epoch`, which other programs load.

        They hold the graph for prediction alone, of MXNet's own operators (see `prediction_graph`):
        it is what other programs run fastest and convert. With `for_training` it is the graph that
        trains, too, where somebody loads it to train on; then the net has to be hybridized and
        called once, and `remove_amp_cast` is as Gluon's. `prefix` is another name of `path`.

        Returns the two files' names. Raises TypeError without a path, and with two; RuntimeError
        for a net without numbers.
        """
        if (path is None) == (prefix is None):
            raise TypeError('export takes one path, by the name path or prefix, but got path=%r '
                            'and prefix=%r' % (path, prefix))
        path = prefix if path is None else path
        files = '%s-symbol.json' % path, '%s-%04d.params' % (path, epoch)
        if for_training:
            mx.nd.waitall()
            if self._traced:  # and not what the last graph took, which may be parts of them
                self._cached_op_args = [(False, param) for param in self._traced]
            super().export(path, epoch, remove_amp_cast=remove_amp_cast)
            return files
        symbol, params = prediction_graph(self)
        states = symbol.list_auxiliary_states()
        symbol.save(files[0])
        mx.nd.save(files[1], {('aux:' if name in states else 'arg:') + name: array
                              for name, array in params.items()})
        return files

    def _explain(self, error, x):
        """Raise an error that says more than `error`, where it is known what went wrong."""
        for param in self.collect_params().values():
            try:
                param.list_ctx()
            except RuntimeError:
                raise RuntimeError('%s is called, but not initialized: call net.initialize() '
                                   'first (%s has no value)' % (self.name, param.name)) from error
        if len(x.shape) != 4 and isinstance(self[0], nn.Conv2D):
            raise ValueError('%s takes images, (N, C, H, W), but got an array of shape %s'
                             % (self.name, x.shape)) from error

    def _clear_cached_op(self):
        super()._clear_cached_op()
        self._traced = ()
        self._graphs = collections.OrderedDict()  # the one used last at the end
        self._way = way()

    def _call_cached_op(self, *args):
        if self._way != way():
            self._clear_cached_op()
        if len(args) != 1 or self._backend or way() == 'formula':
            return super()._call_cached_op(*args)
        # Without a graph it is to be traced anew; without an operation the last try failed.
        if not self._cached_graph or self._cached_op is None:
            self._build_cache(*args)
            self._traced = [param for is_data, param in self._cached_op_args if not is_data]
        training, operators = autograd.is_training(), self._operators_for(args[0])
        divided = training and args[0].context.device_type.startswith('cpu')
        key = training, args[0].shape[1:], operators, divided
        if key not in self._graphs:
            self._graphs[key] = self._make_for(training, args[0].shape, operators, divided)
            if len(self._graphs) > MAX_GRAPHS:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(key)
        self._cached_op, self._cached_op_args = self._graphs[key]
        return super()._call_cached_op(*args)

    def _operators_for(self, x):
        """(whether the gradient of the input is asked for, `grad_req` of each parameter) where our
        operators may be used, None where not. They take float32 on the CPU, and are for training
        alone: a forward pass that is not recorded moves no averages of `nn.BatchNorm`."""
        if not (autograd.is_training() and autograd.is_recording()
                and x.context.device_type.startswith('cpu') and x.dtype == np.float32
                and taken() == 'operators'):
            return None
        try:
            autograd.get_symbol(x)
            asked = True
        except mx.base.MXNetError:  # it is in no recorded computation
            asked = False
        return asked, tuple([param.grad_req for param in self._traced])

    def _make_for(self, training, shape, operators, divided):
        """What Gluon keeps of a graph, made for images of `shape`: the operation, its arguments."""
        (data,), symbol = self._cached_graph
        if operators:
            asked = [data.name] if operators[0] else []
            symbol = use_operators(symbol, self._requests(), asked, **{data.name: shape})
        symbol = simplify(symbol, training, **{data.name: shape})
        params = {param.name: param for param in self._traced}
        if divided:
            symbol, parts = divide_norms(symbol, **{data.name: shape})
            params.update({name: Part(params[old], begin, end)
                           for name, (old, begin, end) in parts.items()})
        args = [(True, 0) if name == data.name else (False, params[name])
                for name in symbol.list_inputs()]
        flags = [('data_indices', [i for i, (is_data, _) in enumerate(args) if is_data]),
                 ('param_indices', [i for i, (is_data, _) in enumerate(args) if not is_data])]
        return mx.nd.CachedOp(symbol, flags + self._flags), args

    def _requests(self):
        """{name: grad_req} of the parameters that our operators can take."""
        return {param.name: param.grad_req for param in self._traced
                if np.dtype(param.dtype) == np.float32
                and param._stype == param._grad_stype == 'default'}

    def load_parameters(self, filename, ctx=None, allow_missing=False, *args, **kwargs):
        """As `Block.load_parameters`; a file of the book's net, without averages, loads too."""
        allow_missing = starts_missing(self, filename, ctx) or allow_missing
        super().load_parameters(filename, ctx, allow_missing, *args, **kwargs)
