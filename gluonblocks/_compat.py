"""Make MXNet 1.7 to 1.9 and GluonCV 0.10.5 work with newer versions of Python, NumPy and PyTorch.

`restore_numpy_names` and `restore_distutils` must run before MXNet is imported, because its import
looks up the names that they restore. `patch_mxnet` must run afterwards. Some functions return a
list of the names that they changed. This file imports nothing from the package, so that it can be
loaded on its own.
"""
import atexit
import contextlib
import importlib.util
import math
import re
import sys
import types
from importlib.machinery import PathFinder


def _removed(*args, **kwargs):
    """A placeholder for functions that NumPy has removed but MXNet still looks up by name."""
    raise NotImplementedError('NumPy 1.20 removed this function: use numpy-financial')


def _numpy_names():
    """Return {name: value} for names that MXNet and GluonCV use but newer NumPy versions lack."""
    import numpy
    compat = types.ModuleType('numpy.compat')
    vars(compat)['basestring'] = str

    def in1d(ar1, ar2, **options):
        return numpy.isin(numpy.ravel(ar1), ar2, **options)
    names = {
        # Aliases of Python's builtins, removed in NumPy 1.24.
        'bool': bool, 'int': int, 'float': float,
        # Removed in NumPy 2.0.
        'PZERO': 0.0, 'NZERO': -0.0, 'PINF': math.inf, 'NINF': -math.inf, 'Inf': math.inf,
        'NAN': math.nan, 'NaN': math.nan, 'alltrue': numpy.all, 'sometrue': numpy.any,
        'product': numpy.prod, 'round_': numpy.round, 'msort': lambda a: numpy.sort(a, axis=0),
        'compat': compat,
        # NumPy 2.4 removed these names; 2.0 had already added trapezoid to replace trapz.
        'in1d': in1d, 'trapz': getattr(numpy, 'trapezoid', None),
    }
    return dict(names, **dict.fromkeys(('mirr', 'npv', 'pmt', 'ppmt', 'pv', 'rate'), _removed))


def restore_numpy_names():
    """Add the missing names from `_numpy_names` to NumPy, and return them as 'numpy.NAME'."""
    try:
        import numpy
    except ModuleNotFoundError:
        return []  # the import of MXNet will report that NumPy is missing
    names = _numpy_names()
    # Do not use hasattr: NumPy 1.20 to 1.23 warn when some of these names are read.
    missing = [name for name in names if name not in vars(numpy)]
    for name in missing:
        setattr(numpy, name, names[name])
    return ['numpy.' + name for name in missing]


def restore_distutils():
    """Provide `distutils.version`, which Python 3.12 removed, unless setuptools provides it."""
    # Do not use importlib.util.find_spec('distutils'), which would import setuptools.
    if 'distutils' in sys.modules or PathFinder.find_spec('distutils') or (
            importlib.util.find_spec('setuptools')):
        return []
    sys.modules.update(_small_distutils())
    return ['distutils.version']


@contextlib.contextmanager
def bypass_setuptools():
    """Provide our own `distutils.version` while MXNet is imported, and remove it afterwards.

    Otherwise, importing distutils would import setuptools, if it is installed. With the
    setuptools bundled with Python 3.11, this would take about a tenth of gluonblocks' import time.
    """
    if 'distutils' in sys.modules:
        yield
        return
    before = set(sys.modules)
    sys.modules.update(_small_distutils())
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            if name.partition('.')[0] == 'distutils':
                del sys.modules[name]


def _small_distutils():
    """Return {name: module} for minimal versions of `distutils` and `distutils.version`."""
    from packaging.version import Version
    package, version = types.ModuleType('distutils'), types.ModuleType('distutils.version')
    # Before Python 3.12, the standard library provides the other submodules of distutils.
    found = PathFinder.find_spec('distutils')
    vars(package).update(__path__=found.submodule_search_locations if found else [],
                         version=version)
    vars(version).update(LooseVersion=Version, StrictVersion=Version)
    return {'distutils': package, 'distutils.version': version}


class _Deferred(types.ModuleType):
    """A placeholder module that imports the real one when an attribute is read."""

    def __getattr__(self, name):
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def defer_scipy_stats():
    """Defer MXNet's import of scipy.stats until an attribute of the module is used.

    Importing scipy.stats accounts for a third of the time that `import mxnet` takes, but MXNet uses
    it only to calibrate quantized nets.
    """
    name = 'scipy.stats'
    if name in sys.modules or importlib.util.find_spec('scipy') is None:
        yield
        return
    sys.modules[name] = _Deferred(name)
    try:
        yield
    finally:
        if isinstance(sys.modules.get(name), _Deferred):
            del sys.modules[name]


def patch_mxnet():
    """Patch the parts of MXNet's Python code that fail with newer versions of NumPy."""
    import mxnet
    import numpy
    done = []
    # MXNet passes the parameters of operators, such as shapes, to its library as text. NumPy 2
    # formats a tuple of NumPy integers as '(np.int64(3),)', which the library cannot parse.
    if repr(numpy.int64(3)) != '3':
        for module in (mxnet._ctypes.ndarray, mxnet._ctypes.symbol):
            vars(module)['str'] = _plain_text
            done.append(module.__name__ + '.str')
        vars(mxnet.symbol.symbol)['_plain_text'] = _plain_text
        _rename(mxnet.symbol.var, 'str', '_plain_text')
        done.append('mxnet.symbol.var')
    if not hasattr(numpy.ndarray, 'tostring'):  # removed in NumPy 2.3
        for function in (mxnet.recordio.pack, mxnet.recordio.pack_img):
            _rename(function, 'tostring', 'tobytes')
            done.append('mxnet.recordio.' + function.__name__)
    # MXNet's asscalar may return an array of shape (1, 1), which NumPy 2.4 cannot convert to float.
    if tuple(map(int, numpy.__version__.split('.')[:2])) >= (2, 4):
        mxnet.nd.NDArray.asscalar = _asscalar
        done.append('mxnet.nd.NDArray.asscalar')
    return done


def _plain_text(value):
    """Return str(value), but with NumPy scalars written like Python numbers."""
    text = str(value)
    return re.sub(r'\bnp\.\w+\(([^()\'"]*)\)', r'\1', text) if 'np.' in text else text


def _rename(function, old, new):
    """Make `function` use the name `new` instead of `old`.

    Only the code of the function object is replaced, so that the change also affects modules that
    have already imported the function.
    """
    code = function.__code__
    function.__code__ = code.replace(co_names=tuple(
        new if name == old else name for name in code.co_names))


def _asscalar(self):
    """Return an array's only element as a NumPy scalar. Raises ValueError if its size is not 1."""
    if self.size != 1:
        raise ValueError('The current array is not a scalar')
    return self.asnumpy().reshape(-1)[0]


def make_blocks_copyable():
    """Make `copy.deepcopy` and `pickle` work for Gluon's blocks.

    A copy has no Trainer, and compiles its own graph. The patch also attaches gradient arrays to
    the copied weights. MXNet does not, so without the patch, the copy could not be trained.
    """
    import mxnet
    gluon = mxnet.gluon

    def state_of_block(self):
        mxnet.nd.waitall()  # with static_shape, MXNet may still be writing running averages
        state = dict(vars(self), _cached_op=None, _cached_op_args=[])
        state.pop('_traced', None)  # the compiled graphs of our nets
        if not isinstance(self, gluon.SymbolBlock):  # a SymbolBlock needs its graph
            state['_cached_graph'] = ()
        return state

    def set_state_of_parameter(self, state):
        vars(self).update(state)
        # Pickle restores all arrays on the CPU, so move them to their devices. Autograd must not
        # record the copies.
        with mxnet.autograd.pause():
            self._data, self._grad = [
                arrays and [array.as_in_context(ctx).detach() for array, ctx
                            in zip(arrays, self._ctx_list)] for arrays in (self._data, self._grad)]
        if self._grad:
            mxnet.autograd.mark_variables(self._data, self._grad, self.grad_req)
    gluon.HybridBlock.__getstate__ = state_of_block
    gluon.Parameter.__getstate__ = lambda self: dict(vars(self), _trainer=None)
    gluon.Parameter.__setstate__ = set_state_of_parameter
    return ['mxnet.gluon.HybridBlock.__getstate__', 'mxnet.gluon.Parameter.__getstate__']


def forget_failed_import(package):
    """Remove the submodules that a failed import of `package` left in `sys.modules`.

    Python removes only the package itself. The next import would find its submodules in
    `sys.modules`, and would therefore not set them as attributes of the package.
    """
    if package not in sys.modules:
        for name in [name for name in sys.modules if name.startswith(package + '.')]:
            del sys.modules[name]


def patch_gluoncv():
    """Make GluonCV 0.10.5 importable even if PyTorch 2 is installed.

    GluonCV checks the versions of MXNet and PyTorch when it is imported. Replace these checks, and
    report PyTorch as missing, which GluonCV accepts. Its MXNet models do not need PyTorch.
    """
    forget_failed_import('gluoncv')
    if 'gluoncv' in sys.modules:
        return

    def report_missing(*versions):
        raise ImportError("gluonblocks supports only GluonCV's MXNet models")

    def accept(*versions):
        pass
    check = sys.modules['gluoncv.check'] = types.ModuleType('gluoncv.check')
    vars(check).update(_require_pytorch_version=report_missing, _require_mxnet_version=accept,
                       _deprecate_python2=accept)


def wait_at_exit():
    """Make MXNet 1.7 finish its pending operations at exit, because it would otherwise abort."""
    import mxnet
    if not mxnet.__version__.startswith('1.7.'):
        return []

    def wait():
        try:
            mxnet.nd.waitall()
        except mxnet.base.MXNetError:  # from an operation whose result was never read
            pass
    atexit.register(wait)
    return ['wait-at-exit']
