"""What newer Python and NumPy lack is put back. Most cases in a new process, as at import."""
import json
import os
import struct
import subprocess
import sys
import types

import mxnet as mx
import numpy as np
import pytest

from gluonblocks import _compat

# What newer NumPy lacks -> an expression with it, and what that is.
MENDED = {
    'bool': ('numpy.bool is bool', 'True'),
    'int': ('numpy.int is int', 'True'),
    'float': ('numpy.float is float', 'True'),
    'PZERO': ('numpy.PZERO', '0.0'),
    'NZERO': ('numpy.NZERO', '-0.0'),
    'PINF': ('numpy.PINF', 'inf'),
    'NINF': ('numpy.NINF', '-inf'),
    'Inf': ('numpy.Inf', 'inf'),
    'NAN': ('numpy.NAN', 'nan'),
    'NaN': ('numpy.NaN', 'nan'),
    'alltrue': ('[bool(numpy.alltrue(a)) for a in ([1, 1], [1, 0])]', '[True, False]'),
    'sometrue': ('[bool(numpy.sometrue(a)) for a in ([0, 0], [1, 0])]', '[False, True]'),
    'product': ('int(numpy.product([2, 3]))', '6'),
    'round_': ('float(numpy.round_(2.34, 1))', '2.3'),
    'msort': ('numpy.msort([[3, 1], [2, 4]]).tolist()', '[[2, 1], [3, 4]]'),
    'compat': ('numpy.compat.basestring is str', 'True'),
    'in1d': ('numpy.in1d([[1, 2], [3, 4]], [2, 3], invert=True).tolist()',
             '[True, False, False, True]'),
    'trapz': ('float(numpy.trapz([1, 2, 4]))', '4.5'),
    **{name: ('numpy.%s(1)' % name, 'NumPy 1.20 removed this function: use numpy-financial')
       for name in ('mirr', 'npv', 'pmt', 'ppmt', 'pv', 'rate')},
}

# A NumPy that lacks all of them, as the newest does.
FORGET = """
import json, numpy, numpy.ma  # which uses NumPy 2's own bool as it loads
theirs = vars(numpy).get('__getattr__')
if not hasattr(numpy, 'trapezoid'):  # its new name, since NumPy 2.0
    numpy.trapezoid = numpy.trapz
def __getattr__(name):
    if name in %r:
        raise AttributeError(name)
    return theirs(name)
for name in %r:
    vars(numpy).pop(name, None)
numpy.__getattr__ = __getattr__
""" % (sorted(MENDED), sorted(MENDED))


def test_the_names_that_numpy_dropped_are_put_back(python):
    values = json.loads(python(FORGET + """
import gluonblocks
def value(expression):
    try:
        return repr(eval(expression))
    except NotImplementedError as error:
        return str(error).split('; ')[-1]
print(json.dumps({name: value(expression) for name, (expression, _) in %r.items()}))""" % MENDED))
    assert values == {name: want for name, (_, want) in MENDED.items()}


def test_numpy_is_not_asked_for_a_name_that_it_would_warn_about(monkeypatch):
    def warn(name):  # NumPy 1.20 to 1.23 return it after a DeprecationWarning
        if name == 'int':
            raise DeprecationWarning(name)
        raise AttributeError(name)
    monkeypatch.delitem(vars(np), 'int')
    monkeypatch.setattr(np, '__getattr__', warn)
    assert _compat.restore_numpy_names() == ['numpy.int'] and np.int is int


def test_distutils_is_put_back_where_python_has_none(python):
    assert python("""
import importlib.util, sys
from importlib.machinery import PathFinder
for owner in (importlib.util, PathFinder):
    def find(name, *args, found=owner.find_spec):
        return None if name in ('distutils', 'setuptools') else found(name, *args)
    owner.find_spec = find
sys.modules.pop('distutils', None)
import gluonblocks
from distutils.version import LooseVersion
print(LooseVersion('1.9') < LooseVersion('1.17'), sys.modules['distutils'].__spec__)""") == (
        'True None')


def test_importing_mxnet_imports_no_setuptools_and_leaves_distutils_as_it_was(python):
    assert python("""
import sys
import gluonblocks
restored = 'distutils.version' in gluonblocks._runtime.patches  # by us, because Python has none
print('setuptools' in sys.modules, ('distutils' in sys.modules) == restored)""") == 'False True'


def test_labels_and_images_are_packed_into_a_record(monkeypatch):
    label, content = [1.0, 2.5], b'an image'
    packed = mx.recordio.pack(mx.recordio.IRHeader(0, label, 7, 0), content)
    # The flag is the number of labels; then a label and two ids that are not used, then they all.
    assert packed == struct.pack('IfQQ', 2, 0, 7, 0) + struct.pack('2f', *label) + content
    encoded = np.array([1, 2, 3], np.uint8)  # by OpenCV, which need not be installed
    monkeypatch.setattr(mx.recordio, 'cv2', types.SimpleNamespace(
        IMWRITE_PNG_COMPRESSION=16, imencode=lambda *args: (True, encoded)))
    packed = mx.recordio.pack_img(mx.recordio.IRHeader(0, 3.0, 7, 0), None, img_fmt='.png')
    assert packed == struct.pack('IfQQ', 0, 3.0, 7, 0) + b'\1\2\3'


@pytest.mark.filterwarnings('ignore:Conversion of an array')  # NumPy 1.25 to 2.3
def test_one_number_of_any_shape_becomes_a_scalar_and_several_do_not():
    for shape in ((1,), (1, 1), (1, 1, 1)):
        X = mx.nd.full(shape, 2.5)
        assert isinstance(_compat._asscalar(X), np.float32) and _compat._asscalar(X) == 2.5
        assert (float(X.asscalar()), int(X.asscalar()), bool(X)) == (2.5, 2, True)
    with pytest.raises(ValueError, match='not a scalar'):
        _compat._asscalar(mx.nd.ones((2, 1)))


@pytest.mark.parametrize('value, text', [
    (np.int64(3), '3'), ((np.int64(3), 2, np.float32(0.5)), '(3, 2, 0.5)'),
    ([(np.int32(-1),), None], '[(-1,), None]'), ('np.float32', 'np.float32'),
    ("a 'np.str_('word')'", "a 'np.str_('word')'"), ((3, 'add'), "(3, 'add')")])
def test_numpys_numbers_are_told_to_the_library_as_pythons(value, text):
    assert _compat._plain_text(value) == text


def test_the_shape_of_a_symbol_or_of_a_layer_may_hold_numpys_integers():
    X, five = mx.sym.var('x'), np.int64(5)
    shape = mx.sym.var('w', shape=(five, np.prod([2, 2])), lr_mult=np.float32(0.5))
    assert shape.infer_shape()[1] == [(5, 4)] and shape.attr('__lr_mult__') == '0.5'
    _, shapes, _ = mx.gluon.nn.Dense(3, in_units=five)(X).infer_shape(x=(2, 5))
    assert shapes == [(2, 3)]


def test_scipy_stats_is_imported_when_it_is_first_used(tmp_path):
    (tmp_path / 'scipy').mkdir()
    (tmp_path / 'scipy' / '__init__.py').touch()
    (tmp_path / 'scipy' / 'stats.py').write_text('print("imported")\nentropy = 7')
    code = ('import gluonblocks\n'
            'from mxnet.contrib import quantization\n'
            'print("before")\n'
            'print(quantization.stats.entropy)\n'
            'import scipy.stats\n'
            'print(scipy.stats.entropy)\n')
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], check=True,
                          env=dict(os.environ, PYTHONPATH=os.pathsep.join(
                              [str(tmp_path), *filter(None, sys.path)])), stdout=subprocess.PIPE)
    assert done.stdout.decode().split() == ['before', 'imported', '7', '7']
