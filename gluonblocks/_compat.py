"""Permanent corrections of MXNet 1.7 to 1.9 and GluonCV 0.10.5 for newer Python, NumPy and PyTorch.

`put_back_numpy_names` and `put_back_distutils` must run before MXNet's import, which looks the
names up, the others after it. A function that returns a list names what it changed. This file
imports nothing from the package, so that it can be loaded alone.
"""
import atexit
import importlib.machinery
import importlib.util
import math
import re
import sys
import types


def _financial(name):
    """A stand-in for a function that MXNet copies by its name, and NumPy dropped for good."""
    def dropped(*args, **kwargs):
        raise NotImplementedError('NumPy dropped %s in 1.20; numpy-financial has it' % name)
    dropped.__name__ = name
    return dropped


def _numpy_names():
    """What MXNet 1.x and GluonCV 0.10.5 look up in NumPy and newer NumPy lacks: {name: value}."""
    import numpy
    compat = types.ModuleType('numpy.compat')
    vars(compat)['basestring'] = str

    def in1d(ar1, ar2, **how):
        return numpy.isin(numpy.ravel(ar1), ar2, **how)
    names = {
        # Dropped by 1.24; they were the builtins.
        'bool': bool, 'int': int, 'float': float,
        # Dropped by 2.0.
        'PZERO': 0.0, 'NZERO': -0.0, 'PINF': math.inf, 'NINF': -math.inf, 'Inf': math.inf,
        'NAN': math.nan, 'NaN': math.nan, 'alltrue': numpy.all, 'sometrue': numpy.any,
        'product': numpy.prod, 'round_': numpy.round, 'msort': lambda a: numpy.sort(a, axis=0),
        'compat': compat,
        # Dropped by 2.4; trapezoid is there since 2.0.
        'in1d': in1d, 'trapz': getattr(numpy, 'trapezoid', None),
    }
    names.update((name, _financial(name)) for name in ('mirr', 'npv', 'pmt', 'ppmt', 'pv', 'rate'))
    return names


def put_back_numpy_names():
    """Add to NumPy the names of `_numpy_names` that it lacks; replace none."""
    try:
        import numpy
    except ModuleNotFoundError:
        return []  # MXNet's import tells
    names = _numpy_names()
    # Not by hasattr: NumPy 1.20 to 1.23 still have some of them, but warn when asked for one.
    missing = [name for name in names if name not in vars(numpy)]
    for name in missing:
        setattr(numpy, name, names[name])
    return ['numpy.' + name for name in missing]


def put_back_distutils():
    """Provide `distutils.version` where Python has none (3.12 on, without setuptools' own)."""
    if 'distutils' in sys.modules or importlib.util.find_spec('distutils') is not None:
        return []
    try:
        from packaging.version import Version
    except ModuleNotFoundError:
        raise ImportError(
            "MXNet could not be imported: it looks for distutils, which this Python lacks, and\n"
            'packaging, which stands in for it, is not installed:  pip install packaging')
    package, version = types.ModuleType('distutils'), types.ModuleType('distutils.version')
    # An empty path makes it a package, of which any other submodule is still missing.
    vars(package).update(__path__=[], version=version)
    vars(version).update(LooseVersion=Version, StrictVersion=Version)
    sys.modules.update({'distutils': package, 'distutils.version': version})
    return ['distutils.version']


def mend_mxnet():
    """Mend MXNet's own Python code where it relies on what newer NumPy's arrays no longer do."""
    import mxnet
    import numpy
    done = []
    # From 2.0 on a tuple with a NumPy number in it is '(np.int64(3),)' as text, not '(3,)', and
    # MXNet hands the parameters of its operators, shapes among them, to its library as text.
    if repr(numpy.int64(3)) != '3':
        for module in (mxnet._ctypes.ndarray, mxnet._ctypes.symbol):
            vars(module)['str'] = _plain_text
            done.append(module.__name__ + '.str')
    if not hasattr(numpy.ndarray, 'tostring'):  # dropped by 2.3
        for function in (mxnet.recordio.pack, mxnet.recordio.pack_img):
            _call_tobytes(function)
            done.append('mxnet.recordio.' + function.__name__)
    # From 2.4 on an array with axes is no number any more, not even one of a single element; 1.25
    # to 2.3 warn. asscalar gave such an array for every shape but () and (1,).
    if _version(numpy) >= (2, 4):
        mxnet.nd.NDArray.asscalar = _asscalar
        done.append('mxnet.nd.NDArray.asscalar')
    return done


def _version(module):
    """The first two numbers of a module's version."""
    return tuple(int(number) for number in module.__version__.split('.')[:2])


def _plain_text(value):
    """`value` as text, the NumPy numbers within it as Python's."""
    text = str(value)
    return re.sub(r'\bnp\.\w+\(([^()\'"]*)\)', r'\1', text) if 'np.' in text else text


def _call_tobytes(function):
    """Have `function` call tobytes in place of tostring, which was the same by an older name.

    Changed within its code, it is changed for those too who imported it by its name.
    """
    code = function.__code__
    function.__code__ = code.replace(co_names=tuple(
        'tobytes' if name == 'tostring' else name for name in code.co_names))


def _asscalar(self):
    """The one element of this array, of any shape, as a NumPy scalar; ValueError for more."""
    if self.size != 1:
        raise ValueError('The current array is not a scalar')
    return self.asnumpy().reshape(-1)[0]


def forget_failed_import(package):
    """Drop the submodules that a failed import of `package` left behind.

    Python removes only the package itself. The next import would find the submodules done, and
    not make them attributes of the package again.
    """
    if package not in sys.modules:
        for name in [name for name in sys.modules if name.startswith(package + '.')]:
            del sys.modules[name]


class _CorrectedGluonCV(importlib.machinery.SourceFileLoader):
    """Finds and loads two modules of GluonCV, corrected; it touches no other module.

    GluonCV 0.10.5 refuses to be imported beside PyTorch 2, which its MXNet networks do not need.
    Its check now reports that PyTorch is missing, which GluonCV accepts; nothing else in it asks.
    Its data sets have Pillow fill up damaged pictures, everybody's; now they do not.
    """

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        """The entry of sys.meta_path that is asked for every module to be imported."""
        spec = None
        if name in ('gluoncv.check', 'gluoncv.data.mhp'):
            spec = importlib.machinery.PathFinder.find_spec(name, path, target)
            if spec:
                spec.loader = cls(name, spec.origin)
        return spec

    def exec_module(self, module):
        super().exec_module(module)
        if module.__name__ == 'gluoncv.check':
            module._require_pytorch_version = _report_missing_pytorch
        else:
            module.ImageFile.LOAD_TRUNCATED_IMAGES = False


def _report_missing_pytorch(*versions):
    raise ImportError('gluonblocks has GluonCV use MXNet only')


def correct_gluoncv():
    """Make GluonCV work beside PyTorch 2 and leave Pillow strict, whoever imports it."""
    if 'gluoncv.data.mhp' in sys.modules:  # imported before
        sys.modules['gluoncv.data.mhp'].ImageFile.LOAD_TRUNCATED_IMAGES = False
    forget_failed_import('gluoncv')
    if _CorrectedGluonCV not in sys.meta_path:
        sys.meta_path.insert(0, _CorrectedGluonCV)


def wait_at_exit():
    """Let MXNet 1.7 finish what it computes before Python ends; otherwise it aborts the process."""
    import mxnet
    if not mxnet.__version__.startswith('1.7.'):
        return []

    def wait():
        try:
            mxnet.nd.waitall()
        except mxnet.base.MXNetError:  # of an operation whose result nobody asked for
            pass
    atexit.register(wait)
    return ['wait-at-exit']
