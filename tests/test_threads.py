"""How many threads MXNet gets. Each case in a new process, as it works at import."""
import math
import os
import sys

import pytest

from gluonblocks import _threads


def test_mxnet_gets_one_thread_for_each_core(monkeypatch):
    monkeypatch.setattr(_threads, 'physical_cores', lambda: 17)
    monkeypatch.setenv('OMP_NUM_THREADS', '')  # which is put back after the test
    monkeypatch.delenv('MXNET_OMP_MAX_THREADS', raising=False)
    monkeypatch.delitem(sys.modules, 'mxnet.base')  # as before its import
    assert _threads.set_threads() == ['OMP_NUM_THREADS=17']
    assert os.environ['OMP_NUM_THREADS'] == '17'


@pytest.mark.parametrize('threads', ['1', '3'])
def test_mxnets_library_takes_the_number_that_is_set(python, threads):
    assert python('import gluonblocks; from mxnet.base import _LIB; '
                  'print(_LIB.omp_get_max_threads())', OMP_NUM_THREADS=threads) == threads


@pytest.mark.parametrize('variable', ['OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS'])
def test_the_users_thread_count_stays(python, variable):
    code = 'import gluonblocks, os; print(os.environ.get("OMP_NUM_THREADS", "unset"))'
    other = str(_threads.physical_cores() + 1)
    assert python(code, **{variable: other}) == (
        other if variable == 'OMP_NUM_THREADS' else 'unset')


def test_affinity_limits_the_threads(python):
    assert python('import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); '
                  'import gluonblocks; print(os.environ["OMP_NUM_THREADS"])') == '1'


MXNET_FIRST = """
import os, warnings
from gluonblocks import _threads  # so MXNet is loaded by now
del os.environ['OMP_NUM_THREADS']
os.sched_getaffinity = lambda pid: set(range(1000, 1000 + %d))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter('always')
    _threads.set_threads()
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
    assert _threads.physical_cores(folder, cpus, limit) == cores


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
    assert _threads._container_limit(str(tmp_path / 'proc'), str(tmp_path / 'sys')) == limit


@pytest.mark.parametrize('env, size', [({}, '1000000000'), ({'MXNET_CPU_PARALLEL_SIZE': '5'}, '5')])
def test_copies_from_numpy_stay_in_one_thread_unless_the_user_chose(python, env, size):
    assert python('import gluonblocks, os; print(os.environ["MXNET_CPU_PARALLEL_SIZE"])',
                  **env) == size


@pytest.mark.parametrize('env, copies', [({}, '1'), ({'MXNET_CPU_TEMP_COPY': '3'}, '3'),
                                         ({'MXNET_CPU_WORKER_NTHREADS': '2'}, 'None')])
def test_operators_share_one_workspace_unless_the_user_chose(monkeypatch, python, env, copies):
    monkeypatch.delenv('MXNET_CPU_TEMP_COPY')  # which this process has set
    assert python('import gluonblocks, os; print(os.environ.get("MXNET_CPU_TEMP_COPY"))',
                  **env) == copies
