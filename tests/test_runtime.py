"""What importing gluonblocks checks and prepares."""
import math
import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY, environment

from gluonblocks import _runtime
from gluonblocks.machine import cpus as machine_cpus

NO_MXNET = 'ModuleNotFoundError("No module named \'mxnet\'", name="mxnet")'


USE = """
import gluonblocks
try:
    gluonblocks.BatchNorm
except ImportError as error:
    print(error)
else:
    import mxnet
    print(mxnet.nd.ones((4, 4)).sum().asscalar())"""


def test_the_import_brings_nothing_slow_and_leaves_the_users_warning_filters(python):
    slow = ('gluoncv', 'matplotlib', 'tqdm', 'pandas', 'torch', 'PIL', 'IPython', 'jinja2')
    assert python('import numpy, sys, warnings; before = list(warnings.filters)\n'
                  'import gluonblocks\nprint([m for m in %r if m in sys.modules], '
                  'warnings.filters[:len(before)] == before)' % (slow,)) == '[] True'


@pytest.mark.parametrize('error, remedy', [
    (NO_MXNET, _runtime.install_command()),
    ('ModuleNotFoundError("No module named \'requests\'", name="requests")',
     'pip install requests'),
    ('AttributeError("module \'numpy\' has no attribute \'in1d\'")',
     "pip install --no-deps '%s'" % _runtime.NUMPY),
    ('OSError("libgomp.so.1: cannot open")', 'apt-get install libgomp1 libquadmath0')])
def test_without_mxnet_the_import_works_and_each_name_says_what_to_install(
        tmp_path, python, error, remedy):
    (tmp_path / 'mxnet.py').write_text('raise ' + error)
    said = python('import sys\nsys.path.insert(0, %r)\n%s' % (str(tmp_path), USE))
    assert said.startswith('MXNet ') and eval(error).args[0] in said and remedy in said


@pytest.mark.parametrize('system, machine, python, numpy_2, said', [
    ('linux', 'x86_64', (3, 12), False, 'pip install mxnet==1.9.1'),
    ('linux', 'x86_64', (3, 12), True, 'pip install --no-deps mxnet==1.9.1'),
    ('linux', 'x86_64', (3, 13), False, 'pip install --no-deps mxnet==1.9.1'),
    ('darwin', 'arm64', (3, 12), False, 'docker run --platform linux/arm64'),
    ('win32', 'AMD64', (3, 12), False, 'docker run --platform linux/amd64')])
def test_the_line_that_installs_mxnet_depends_on_the_machine(monkeypatch, system, machine, python,
                                                             numpy_2, said):
    monkeypatch.setattr(_runtime, '_has_numpy_2', lambda: numpy_2)
    monkeypatch.setattr(_runtime.sys, 'platform', system)
    monkeypatch.setattr(_runtime.platform, 'machine', lambda: machine)
    monkeypatch.setattr(_runtime.sys, 'version_info', python)
    text = _runtime.install_command()
    monkeypatch.undo()
    assert said in text


def test_the_numpy_that_is_named_is_the_one_that_is_required():
    with open(os.path.join(REPOSITORY, 'pyproject.toml'), encoding='utf-8') as f:
        assert '    "%s",\n' % _runtime.NUMPY in f.read()


@pytest.mark.parametrize('name', sorted(_runtime.COUNTS))
def test_a_number_of_threads_that_would_abort_mxnet_is_refused(monkeypatch, name):
    monkeypatch.delitem(sys.modules, 'mxnet.base')  # as before its import
    for value in ('1024', ' 2 ', ''):
        monkeypatch.setenv(name, value)
        _runtime.check_environment()
    for value in ('abc', '100000', '-1', '1.5', '2,3', '9' * 20):
        monkeypatch.setenv(name, value)
        with pytest.raises(ImportError, match='(?s)variable %s\nmust be .* unset it' % name):
            _runtime.check_environment()


@pytest.mark.parametrize('options, env, said', [
    (['-OO'], {}, 'started with -OO (or\nPYTHONOPTIMIZE=2)'),
    (['-W', 'error'], {}, '16.0\n'),
    ([], {'MXNET_CPU_WORKER_NTHREADS': '0'}, 'an integer from 1 to')])
def test_settings_of_python_and_mxnet_that_would_break_the_import_are_handled(options, env, said):
    done = subprocess.run([sys.executable, *options, '-c', USE], capture_output=True, text=True,
                          env=environment(**env), timeout=60)
    assert done.returncode == 0 and said in done.stdout, done.stderr
    assert 'numpy' not in done.stderr.lower()  # nothing about what NumPy will drop


def test_after_a_failed_import_of_mxnet_ours_works_and_knows_that_the_library_is_loaded(python):
    assert python("""
import os, sys
sys.modules['mxnet.gluon'] = None  # fails after most submodules; newer NumPy makes it fail earlier
try:
    import mxnet
except (AttributeError, ImportError):
    sys.modules.pop('mxnet.gluon')
import gluonblocks, mxnet
net = gluonblocks.get_model('lenet_bn')
net.initialize()
print(net(mxnet.nd.zeros((2, 1, 28, 28))).shape, mxnet.util.is_np_array(),
      os.environ.get('OMP_NUM_THREADS'))""") == '(2, 10) False None'


@pytest.mark.skipif(not os.path.exists('/proc/self/maps'), reason='needs Linux')
def test_a_loaded_library_may_be_in_a_folder_whose_name_is_not_utf_8(tmp_path, python):
    assert python('''
import ctypes, os, shutil
from safetensors import _safetensors_rust as loaded
folder = os.fsencode(%r) + b'/j\\xfcrgen'
os.mkdir(folder)
library = shutil.copy(os.fsencode(loaded.__file__), folder)
ctypes.CDLL(os.fsdecode(library))
os.environ['OMP_NUM_THREADS'] = '2'
import gluonblocks
print(gluonblocks._runtime.error)''' % str(tmp_path)) == 'None'


@pytest.mark.gluoncv
def test_gluoncv_works_on_this_runtime(python):
    assert python('import gluonblocks, gluoncv, mxnet; '
                  'net = gluoncv.model_zoo.get_model("cifar_resnet20_v1"); net.initialize(); '
                  'print(net(mxnet.nd.zeros((2, 3, 32, 32))).shape)') == '(2, 10)'


@pytest.mark.parametrize('chosen, want', [
    ({}, '17'), ({'OMP_NUM_THREADS': '3'}, '3'), ({'MXNET_OMP_MAX_THREADS': '3'}, '')])
def test_mxnet_gets_one_thread_for_each_core_unless_the_user_chose(monkeypatch, chosen, want):
    monkeypatch.setattr(_runtime, 'physical_cores', lambda: 17)
    monkeypatch.delitem(sys.modules, 'mxnet.base')  # as before its import
    for name in ('OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS'):
        monkeypatch.setenv(name, chosen.get(name, ''))
    assert _runtime.set_threads() == ([] if chosen else ['OMP_NUM_THREADS=17'])
    assert os.environ['OMP_NUM_THREADS'] == want


def test_the_environment_that_mxnet_needs_is_set_before_its_library_loads(python):
    assert python("""
import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
for name in ('OMP_NUM_THREADS', 'MXNET_CPU_PARALLEL_SIZE', 'MXNET_CPU_TEMP_COPY'):
    os.environ.pop(name, None)
import gluonblocks
from mxnet.base import _LIB
print(_LIB.omp_get_max_threads(), os.environ['MXNET_CPU_PARALLEL_SIZE'],
      os.environ['MXNET_CPU_TEMP_COPY'])""") == '1 1000000000 1'


@pytest.mark.parametrize('cpus, warns', [(4, True), (1, False)])
def test_an_mxnet_imported_first_that_leaves_cores_idle_is_warned_about(monkeypatch, recwarn, cpus,
                                                                        warns):
    for name in ('OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS'):
        monkeypatch.delenv(name, raising=False)
    for module in (_runtime, machine_cpus):
        monkeypatch.setattr(module, 'available_cpus', lambda: list(range(1000, 1000 + cpus)))
    monkeypatch.setattr(_runtime.platform, 'machine', lambda: 'x86_64')
    monkeypatch.setattr(machine_cpus, 'container_limit', lambda: math.inf)
    assert _runtime.set_threads() == [] and 'OMP_NUM_THREADS' not in os.environ
    said = [str(warning.message) for warning in recwarn.list]
    assert bool(said) == warns and all('uses only 2 of 4 cores: import gluonblocks first' in text
                                       for text in said)


@pytest.mark.parametrize('cpus, limit, cores', [
    ([0, 1, 2, 3], math.inf, 2),  # two cores of two threads each
    ([0, 1], math.inf, 2),        # affinity: one thread of each core
    ([0, 2], math.inf, 1),        # affinity: both threads of one core
    ([0, 1, 2, 3], 1.0, 1),       # a container of one CPU
    ([0, 1, 2, 3], 1.5, 2),       # a fraction rounds up
    ([0, 1, 2, 3], 0.1, 1),       # and is at least one
    ([7, 8, 9], math.inf, 3)])    # no topology to be read: each is a core
def test_physical_cores(tmp_path, cpus, limit, cores):
    for cpu, text in {0: '0,2', 1: '1,3', 2: '0,2', 3: '1,3'}.items():
        folder = tmp_path / ('cpu%d' % cpu) / 'topology'
        folder.mkdir(parents=True)
        (folder / 'thread_siblings_list').write_text(text + '\n')
    assert machine_cpus.physical_cores(str(tmp_path), cpus, limit) == cores


@pytest.mark.parametrize('cgroup, files, limit', [
    ('0::/a/b', {'a/cpu.max': '150000 100000', 'a/b/cpu.max': 'max 100000'}, 1.5),
    ('0::/a', {}, math.inf),
    ('5:cpu,cpuacct:/a\n6:memory:/z',
     {'cpu/a/cpu.cfs_quota_us': '50000', 'cpu/a/cpu.cfs_period_us': '100000'}, 0.5),
    ('5:cpu:/a', {'cpu/a/cpu.cfs_quota_us': '-1', 'cpu/a/cpu.cfs_period_us': '100000'}, math.inf),
    ('', {}, math.inf)])
def test_container_limit(tmp_path, cgroup, files, limit):
    (tmp_path / 'proc/self').mkdir(parents=True)
    (tmp_path / 'proc/self/cgroup').write_text(cgroup)
    for name, text in files.items():
        path = tmp_path / 'sys' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert machine_cpus.container_limit(str(tmp_path / 'proc'), str(tmp_path / 'sys')) == limit


@pytest.mark.parametrize('running, env, want', [
    (3, {}, '1000'), (1, {}, None),  # beside two others on two CPUs, alone
    (3, {'own': 'RRR'}, None), (3, {'own': 'RSS'}, '1000'),  # the states of this process's threads
    (3, {'GOMP_SPINCOUNT': '7'}, '7'), (3, {'OMP_WAIT_POLICY': 'active'}, None),
    (3, {'OMP_NUM_THREADS': '1'}, None), (3, {'loaded': 'libgomp.so.1'}, None)])
def test_waiting_threads_sleep_soon_if_others_use_the_cores_and_the_user_has_not_chosen(
        monkeypatch, running, env, want):
    for name in ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY', 'MXNET_OMP_MAX_THREADS'):
        monkeypatch.delenv(name, raising=False)
    for name, value in {'OMP_NUM_THREADS': '2', **env}.items():
        monkeypatch.setenv(name, value)
    files = {'/proc/loadavg': '0.1 0.1 0.1 %d/99 7' % running,
             '/proc/self/maps': env.get('loaded', 'libc.so.6')}
    files.update((str(i), '%d (a) b) %s 1 2' % (i, state))
                 for i, state in enumerate(env.get('own', 'R')))
    monkeypatch.setattr(machine_cpus.glob, 'glob', lambda pattern: sorted(set(files) & set('012')))
    for module in (_runtime, machine_cpus):
        monkeypatch.setattr(module, 'read_text', files.get)
    monkeypatch.setattr(machine_cpus.os, 'cpu_count', lambda: 2)
    said = _runtime.set_spinning()
    assert os.environ.get('GOMP_SPINCOUNT') == want
    assert said == (['GOMP_SPINCOUNT=1000'] if want == '1000' else [])
