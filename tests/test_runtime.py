"""What importing gluonblocks checks and prepares. Each case in a new process, as at import."""
import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY, environment

from gluonblocks import _runtime


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
     "pip install --no-deps '%s'" % _runtime.NUMPY),
    ('RuntimeError("_register_array_function failed")',
     "pip install --no-deps '%s'" % _runtime.NUMPY),
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


def test_the_numpy_that_is_named_is_the_one_that_is_required():
    with open(os.path.join(REPOSITORY, 'pyproject.toml'), encoding='utf-8') as f:
        assert '    "%s",\n' % _runtime.NUMPY in f.read()


def ends_with(code, *options, **env):
    """The exit code, stdout and stderr of Python code in a new process that is started so."""
    done = subprocess.run([sys.executable, *options, '-c', code], capture_output=True, text=True,
                          env=environment(**env), timeout=60)
    return done.returncode, done.stdout, done.stderr


USE = """
try:
    import gluonblocks
except ImportError as error:
    print(error)
else:
    import mxnet
    print(mxnet.nd.ones((4, 4)).sum().asscalar())"""


@pytest.mark.parametrize('name', ['OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS',
                                  'MXNET_CPU_WORKER_NTHREADS', 'MXNET_CPU_PRIORITY_NTHREADS'])
@pytest.mark.parametrize('value', ['abc', '100000', '-1', '1.5', '2,3', '9' * 20])
def test_a_thread_count_that_mxnet_does_not_survive_is_said(name, value):
    code, out, err = ends_with(USE, **{name: value})
    assert code == 0
    assert 'the environment variable %s is %r' % (name, value) in out
    assert 'a whole number from' in out and 'unset ' + name in out


def test_no_workers_are_said_and_not_waited_for():
    code, out, err = ends_with(USE, MXNET_CPU_WORKER_NTHREADS='0')
    assert code == 0 and 'a whole number from 1 to' in out


@pytest.mark.parametrize('env', [
    {'OMP_NUM_THREADS': '1024'}, {'OMP_NUM_THREADS': ' 2 '}, {'OMP_NUM_THREADS': ''},
    {'MXNET_OMP_MAX_THREADS': '0'}, {'MXNET_CPU_WORKER_NTHREADS': '4'}])
def test_a_thread_count_that_mxnet_takes_is_let_through(env):
    assert ends_with(USE, **env)[:2] == (0, '16.0\n')


def test_without_docstrings_the_import_says_why():
    code, out, err = ends_with(USE, '-OO')
    assert code == 0 and 'started with -OO (or PYTHONOPTIMIZE=2)' in out


def test_without_assertions_it_works():
    assert ends_with(USE, '-O')[:2] == (0, '16.0\n')


def test_warnings_that_are_errors_do_not_break_the_import():
    code, out, err = ends_with(USE, '-W', 'error')
    assert (code, out) == (0, '16.0\n'), err


def test_what_numpy_will_drop_is_not_told_to_the_user_of_mxnet():
    code, out, err = ends_with(USE, '-W', 'default')
    assert code == 0 and 'numpy' not in err.lower()


def test_the_users_warning_filters_are_as_they_were_after_the_import():
    code, out, err = ends_with(
        'import numpy, warnings; before = list(warnings.filters)\nimport gluonblocks\n'
        'print(warnings.filters[:len(before)] == before)', '-W', 'error')
    assert out == 'True\n', err


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


def run_theirs(tmp_path, use, *options):
    """`python -m theirs`, a package that imports ours before Python has found its own module."""
    (tmp_path / 'theirs').mkdir()
    (tmp_path / 'theirs' / '__init__.py').write_text('import gluonblocks as gb\n')
    (tmp_path / 'theirs' / '__main__.py').write_text(
        'import sys\nfrom theirs import gb\nprint("theirs", sys.argv[1:])\n' + use)
    (tmp_path / 'mxnet.py').write_text('raise ' + NO_MXNET)
    env = environment()
    env['PYTHONPATH'] = os.pathsep.join([str(tmp_path), REPOSITORY])
    return subprocess.run([sys.executable, '-m', 'theirs', *options], capture_output=True,
                          text=True, env=env)


def test_another_package_that_uses_none_of_ours_runs_without_mxnet(tmp_path):
    done = run_theirs(tmp_path, '', '--port', '80')
    assert (done.returncode, done.stdout, done.stderr) == (0, "theirs ['--port', '80']\n", '')


@pytest.mark.parametrize('use', ['gb.BatchNorm', 'from gluonblocks import train_model'])
def test_another_package_that_uses_ours_is_told_what_is_missing(tmp_path, use):
    done = run_theirs(tmp_path, use, '--port', '80')
    assert done.returncode == 1 and done.stdout == "theirs ['--port', '80']\n"
    assert 'ImportError: MXNet could not be imported: No module named' in done.stderr
    assert _runtime.install_command() in done.stderr and 'usage:' not in done.stderr


@pytest.mark.gluoncv
def test_gluoncv_works_on_this_runtime(python):
    assert python('import gluonblocks, gluoncv, mxnet; '
                  'net = gluoncv.model_zoo.get_model("cifar_resnet20_v1"); net.initialize(); '
                  'print(net(mxnet.nd.zeros((2, 3, 32, 32))).shape)') == '(2, 10)'


def test_an_engine_that_mxnet_does_not_have_is_said():
    code, out, err = ends_with(USE, MXNET_ENGINE_TYPE='Turbo')
    assert code == 0
    assert "MXNET_ENGINE_TYPE is 'Turbo', but must be one of ThreadedEnginePerDevice, " in out
