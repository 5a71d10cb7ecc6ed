"""What importing gluonblocks mends. Each case in a new process, as it works at import."""
import math

import pytest

from gluonblocks import _runtime

DROPPED = sorted(_runtime._NUMPY_NAMES)
FORGET = 'import numpy; [vars(numpy).pop(name, None) for name in %r]; ' % DROPPED


@pytest.mark.parametrize('name', DROPPED)
def test_a_name_that_numpy_dropped_is_put_back(python, name):
    code = FORGET + 'import gluonblocks; print(numpy.%s is %s)' % (name, name)
    assert python(code) == 'True'


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


def test_mxnet_gets_one_thread_for_each_core(python):
    threads = python('import gluonblocks, os; print(os.environ["OMP_NUM_THREADS"])')
    assert int(threads) == _runtime.physical_cores()


@pytest.mark.parametrize('variable', ['OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS'])
def test_the_users_thread_count_stays(python, variable):
    code = 'import gluonblocks, os; print(os.environ.get("OMP_NUM_THREADS", "unset"))'
    assert python(code, **{variable: '7'}) == ('7' if variable == 'OMP_NUM_THREADS' else 'unset')


def test_affinity_limits_the_threads(python):
    assert python('import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); '
                  'import gluonblocks; print(os.environ["OMP_NUM_THREADS"])') == '1'


MXNET_FIRST = """
import os, warnings
from gluonblocks import _runtime  # so MXNet is loaded by now
del os.environ['OMP_NUM_THREADS']
os.sched_getaffinity = lambda pid: set(range(1000, 1000 + %d))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter('always')
    _runtime.set_threads()
print([str(w.message) for w in caught], os.environ.get('OMP_NUM_THREADS'))"""


def test_mxnet_imported_first_on_half_the_cores_is_said_with_the_remedy(python):
    said = python(MXNET_FIRST % 4)
    assert 'uses 2 of 4 cores; import gluonblocks first, or set OMP_NUM_THREADS=4' in said
    assert said.endswith(' None')  # too late to set it


def test_mxnet_imported_first_on_all_cores_is_no_matter(python):
    assert python(MXNET_FIRST % 1) == '[] None'


def topology(tmp_path, siblings):
    for cpu, text in siblings.items():
        folder = tmp_path / ('cpu%d' % cpu) / 'topology'
        folder.mkdir(parents=True)
        (folder / 'thread_siblings_list').write_text(text + '\n')
    return str(tmp_path)


@pytest.mark.parametrize('cpus, limit, cores', [
    ([0, 1, 2, 3], math.inf, 2),  # two cores of two threads each
    ([0, 1], math.inf, 2),        # affinity: one thread of each core
    ([0, 2], math.inf, 1),        # affinity: both threads of one core
    ([0, 1, 2, 3], 1.0, 1),       # a container of one CPU
    ([0, 1, 2, 3], 1.5, 2),       # a fraction rounds up
    ([0, 1, 2, 3], 0.1, 1),       # and is at least one
    ([7, 8, 9], math.inf, 3),     # no topology to be read: each is a core
])
def test_physical_cores(tmp_path, cpus, limit, cores):
    folder = topology(tmp_path, {0: '0,2', 1: '1,3', 2: '0,2', 3: '1,3'})
    assert _runtime.physical_cores(folder, cpus, limit) == cores


@pytest.mark.parametrize('cgroup, files, limit', [
    ('0::/a/b', {'a/cpu.max': '150000 100000', 'a/b/cpu.max': 'max 100000'}, 1.5),
    ('0::/', {'cpu.max': '300000 100000'}, 3),
    ('0::/a', {}, math.inf),
    ('5:cpu,cpuacct:/a\n6:memory:/z',
     {'cpu/a/cpu.cfs_quota_us': '50000', 'cpu/a/cpu.cfs_period_us': '100000'}, 0.5),
    ('5:cpu:/a', {'cpu/a/cpu.cfs_quota_us': '-1', 'cpu/a/cpu.cfs_period_us': '100000'}, math.inf),
    ('', {}, math.inf),
])
def test_container_limit(tmp_path, cgroup, files, limit):
    (tmp_path / 'proc/self').mkdir(parents=True)
    (tmp_path / 'proc/self/cgroup').write_text(cgroup)
    for name, text in files.items():
        path = tmp_path / 'sys' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert _runtime._container_limit(str(tmp_path / 'proc'), str(tmp_path / 'sys')) == limit


def test_the_import_brings_nothing_slow(python):
    slow = ('gluoncv', 'matplotlib', 'tqdm', 'pandas', 'torch', 'PIL', 'IPython')
    assert python('import gluonblocks, sys; print([m for m in %r if m in sys.modules])'
                  % (slow,)) == '[]'


def failing_mxnet(tmp_path, error):
    (tmp_path / 'mxnet.py').write_text('raise %s' % error)
    return """
import sys
sys.path.insert(0, %r)
try:
    import gluonblocks
except ImportError as error:
    print(error)""" % str(tmp_path)


def test_a_missing_mxnet_is_said_with_the_remedy(python, tmp_path):
    said = python(failing_mxnet(tmp_path, 'ImportError("No module named mxnet")'))
    assert 'No module named mxnet' in said and 'pip install mxnet==1.9.1' in said


def test_a_missing_system_library_is_said_with_the_remedy(python, tmp_path):
    said = python(failing_mxnet(tmp_path, 'OSError("libgomp.so.1: cannot open")'))
    assert 'libgomp.so.1' in said and 'apt-get install libgomp1 libquadmath0' in said


def test_gluoncv_works_on_this_runtime(python):
    assert python('import gluonblocks, gluoncv, mxnet; '
                  'net = gluoncv.model_zoo.get_model("cifar_resnet20_v1"); net.initialize(); '
                  'print(net(mxnet.nd.zeros((2, 3, 32, 32))).shape)') == '(2, 10)'
