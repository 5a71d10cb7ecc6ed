"""What importing gluonblocks mends. Each case in a new process, as it works at import."""
import json

import pytest
from conftest import run_python

from gluonblocks import _runtime

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
    'mirr': ('numpy.mirr([1])', 'numpy-financial has it'),
    'npv': ('numpy.npv(1)', 'numpy-financial has it'),
    'pmt': ('numpy.pmt(1)', 'numpy-financial has it'),
    'ppmt': ('numpy.ppmt(1)', 'numpy-financial has it'),
    'pv': ('numpy.pv(1)', 'numpy-financial has it'),
    'rate': ('numpy.rate(1)', 'numpy-financial has it'),
}

# A NumPy that lacks all of them, as the newest does, but for what is in `given`.
FORGET = """
import json, numpy, numpy.ma  # which uses NumPy 2's own bool as it loads
theirs, given, asked = vars(numpy).get('__getattr__'), {}, set()
def __getattr__(name):
    if name not in %r:
        return theirs(name)
    asked.add(name)
    if name in given:
        return given[name]
    raise AttributeError(name)
for name in %r:
    vars(numpy).pop(name, None)
numpy.__getattr__ = __getattr__
""" % (sorted(MENDED), sorted(MENDED))


@pytest.fixture(scope='module')
def values():
    """Each name put back -> the value of its expression in MENDED, as text."""
    return json.loads(run_python(FORGET + """
import gluonblocks
def value(expression):
    try:
        return repr(eval(expression))
    except NotImplementedError as error:
        return str(error).split('; ')[-1]
print(json.dumps({name: value(expression) for name, (expression, _) in %r.items()}))""" % MENDED))


@pytest.mark.parametrize('name', sorted(MENDED))
def test_a_name_that_numpy_dropped_is_put_back(values, name):
    assert values[name] == MENDED[name][1]


# Without gluonblocks, MXNet's library gets the names only when it asks for them.
ASKED = """
import importlib.util
spec = importlib.util.spec_from_file_location('runtime', %r)
runtime = importlib.util.module_from_spec(spec)
spec.loader.exec_module(runtime)
runtime.put_back_distutils()
""" % _runtime.__file__ + FORGET + """
given.update(runtime._numpy_names())
import mxnet as mx
"""


def test_mxnet_looks_up_every_name_but_one_that_is_gluoncvs(python):
    asked = json.loads(python(ASKED + """
mx.np.pad(mx.np.ones((1, 1, 1, 1)), ((0, 0), (0, 0), (1, 1), (1, 1)), mode='constant')
mx.gluon.contrib.estimator.EarlyStoppingHandler(mx.metric.Accuracy(), mode='max')
mx.test_utils.is_cd_run()
print(json.dumps(sorted(asked)))"""))
    assert set(MENDED) - set(asked) == {'float', 'int'}


@pytest.mark.gluoncv
def test_gluoncv_looks_up_the_names_that_are_the_builtins(python):
    asked = json.loads(python(ASKED + """
asked.clear()
from gluoncv import model_zoo
model_zoo.get_model('faster_rcnn_resnet50_v1b_voc', pretrained_base=False)
model_zoo.get_model('hrnet_w18_small_v1_s')
print(json.dumps(sorted(asked)))"""))
    assert {'float', 'int'} <= set(asked)


def test_a_name_that_numpy_has_is_not_replaced(python):
    assert python('import numpy; numpy.bool = numpy.bool_; import gluonblocks; '
                  'print(numpy.bool is numpy.bool_)') == 'True'


def test_distutils_is_put_back_where_python_has_none(python):
    code = """
import importlib.util, sys
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *args: None if name == 'distutils' else find_spec(name)
sys.modules.pop('distutils', None)
import gluonblocks
from distutils.version import LooseVersion
print(LooseVersion('1.9') < LooseVersion('1.17'), sys.modules['distutils'].__spec__)"""
    assert python(code) == 'True None'


def test_distutils_is_not_replaced(python):
    assert python("""
import importlib.machinery, sys, types
from gluonblocks import _runtime
mine = sys.modules['distutils'] = types.ModuleType('distutils')
mine.__spec__ = importlib.machinery.ModuleSpec('distutils', None)
_runtime.put_back_distutils()
print(sys.modules['distutils'] is mine)""") == 'True'


def test_the_import_brings_nothing_slow(python):
    slow = ('gluoncv', 'matplotlib', 'tqdm', 'pandas', 'torch', 'PIL', 'IPython')
    assert python('import gluonblocks, sys; print([m for m in %r if m in sys.modules])'
                  % (slow,)) == '[]'


NO_MXNET = 'ModuleNotFoundError("No module named \'mxnet\'", name="mxnet")'


def failing_mxnet(tmp_path, error):
    (tmp_path / 'mxnet.py').write_text('raise %s' % error)
    return """
import sys
sys.path.insert(0, %r)
try:
    import gluonblocks
except ImportError as error:
    print(error)""" % str(tmp_path)


@pytest.mark.parametrize('error, remedy', [
    (NO_MXNET, _runtime.install_command()),
    ('ModuleNotFoundError("No module named \'requests\'", name="requests")',
     'pip install requests'),
    ('AttributeError("module \'numpy\' has no attribute \'in1d\'")',
     "pip install --no-deps 'numpy>=2,<2.3'"),
    ('RuntimeError("_register_array_function failed")', "pip install --no-deps 'numpy>=2,<2.3'"),
])
def test_an_mxnet_that_cannot_be_imported_is_said_with_the_remedy(python, tmp_path, error, remedy):
    said = python(failing_mxnet(tmp_path, error))
    assert said.startswith('MXNet could not be imported: ' + eval(error).args[0])
    assert remedy in said


@pytest.mark.parametrize('system, machine, python, said', [
    ('linux', 'x86_64', (3, 12), 'pip install mxnet==1.9.1'),
    ('linux', 'x86_64', (3, 13), 'pip install --no-deps mxnet==1.9.1'),
    ('darwin', 'x86_64', (3, 8), 'pip install mxnet==1.9.1'),
    ('darwin', 'arm64', (3, 12), 'docker run --platform linux/amd64'),
    ('win32', 'AMD64', (3, 12), 'docker run --platform linux/amd64'),
])
def test_what_installs_mxnet(monkeypatch, system, machine, python, said):
    monkeypatch.setattr(_runtime.sys, 'platform', system)
    monkeypatch.setattr(_runtime.platform, 'machine', lambda: machine)
    monkeypatch.setattr(_runtime.sys, 'version_info', python)
    text = _runtime.install_command()
    monkeypatch.undo()
    assert said in text


def test_a_missing_system_library_is_said_with_the_remedy(python, tmp_path):
    said = python(failing_mxnet(tmp_path, 'OSError("libgomp.so.1: cannot open")'))
    assert 'libgomp.so.1' in said and 'apt-get install libgomp1 libquadmath0' in said


@pytest.mark.gluoncv
def test_gluoncv_works_on_this_runtime(python):
    assert python('import gluonblocks, gluoncv, mxnet; '
                  'net = gluoncv.model_zoo.get_model("cifar_resnet20_v1"); net.initialize(); '
                  'print(net(mxnet.nd.zeros((2, 3, 32, 32))).shape)') == '(2, 10)'
