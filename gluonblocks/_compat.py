"""What MXNet 1.7 to 1.9 looks for in Python and NumPy, and newer ones lack: put back.

Each function changes only what is not there, and returns what it put in place, in words. The first
two have to be called before MXNet's own import, which looks the names up; the last one after it.
This file imports nothing of the package: the benchmarks take it alone.
"""
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
