"""Tiny idx files in the place of Fashion-MNIST's, and commands run as a user would."""
import contextlib
import functools
import importlib.util
import os
import shutil
import subprocess
import sys

# pytest-xdist's processes have a core each: MXNet's threads would wait actively for each other.
# They inherit the environment of this one, in which gluonblocks would set a thread for each core.
os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np
import pytest
from browser import Browser, find_browser

import gluonblocks as gb
from gluonblocks import files
from gluonblocks.data import datasets, fashion_mnist
from gluonblocks.graphs import operators as cpp
from gluonblocks.graphs.kernels import build
from gluonblocks.machine.compiled import Unavailable, find_compiler
from gluonblocks.models.registry import MODELS
from tools.attacks.fixtures import SHAPES, write_data

MXNET = sys.modules['mxnet'].__version__
# The test files that cannot run here, by the reason.
left_out = {}
if not importlib.util.find_spec('onnxruntime'):  # which does not go with the oldest NumPys
    left_out['tests of ONNX files: pip install onnxruntime'] = [
        'commands/test_export.py', 'export/checkpoints', 'export/operators', *(
            'export/test_%s.py' % name for name in (
                'card', 'onnx', 'page', 'run', 'standalone', 'web'))]
if not importlib.util.find_spec('nbclient'):  # which does not go with the oldest NumPys either
    left_out['tests that execute notebooks: pip install nbclient'] = ['notebooks/test_execution.py']
BROWSER = find_browser()
if not BROWSER:
    left_out['tests that open a page in Chromium: apt-get install chromium'] = []
collect_ignore = sum(left_out.values(), [])

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def pytest_report_header():
    """The versions that scripts/matrix.py records: of what runs, not of what pip meant to run."""
    return 'gluonblocks %s, NumPy %s, MXNet %s' % (gb.__version__, np.__version__, MXNET)


def pytest_collection_modifyitems(items):
    if not BROWSER:
        items[:] = [item for item in items if 'chromium' not in item.fixturenames]


def pytest_terminal_summary(terminalreporter):
    for reason in left_out:
        terminalreporter.write_line('left out: ' + reason)


@pytest.fixture(autouse=True)
def seed_everything():
    import mxnet as mx
    mx.random.seed(0)
    np.random.seed(0)


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A folder with four small idx files that stand for the real ones, and no other place."""
    for name in ('FILES', 'SYSTEM_ROOT'):  # which `write_data` sets, and which are put back
        monkeypatch.setattr(fashion_mnist, name, None)
    monkeypatch.delenv('MXNET_HOME', raising=False)
    return Tiny(tmp_path / 'tiny', write_data(str(tmp_path / 'tiny'), dict(SHAPES, **{
        'train-images-idx3-ubyte': (30, 28, 28), 'train-labels-idx1-ubyte': (30,)})))


class Tiny:
    def __init__(self, folder, arrays):
        self.folder, self.arrays = folder, arrays

    def path(self, name):
        return self.folder / (name + '.gz')

    def home(self):
        """A folder that serves as $MXNET_HOME with the files in their place."""
        place = self.folder.parent / 'mxnet-home' / 'datasets' / 'fashion-mnist'
        if not place.exists():
            shutil.copytree(str(self.folder), str(place))
        return place.parent.parent


@pytest.fixture
def train_script():
    """Start scripts/train.py with arguments; returns the process."""
    return lambda *args, **env: start_script('train.py', args, env)


def said(err):
    """The lines on stderr, but for the hint that the machine is busy, which tests do not rule."""
    return [line for line in err.strip().splitlines() if not line.startswith('hint: other ')]


@pytest.fixture
def python():
    """Run Python code in a new process; returns its stdout. The test fails if the code fails."""
    def run(code, **env):
        done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                              env=environment(**env))
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
    return run


def environment(**env):
    """The variables of a user who has set no number of threads, and `env`."""
    kept = {k: v for k, v in os.environ.items()
            if k not in ('OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS')}
    return dict(kept, PYTHONPATH=REPOSITORY, **env)


@pytest.fixture
def script():
    """Run a script with arguments to its end; returns its exit code, stdout and stderr."""
    def run(name, *args, **env):
        process = start_script(name, args, env)
        out, err = process.communicate(timeout=300)
        assert 'Traceback' not in err
        return process.returncode, out, err
    return run


def load_script(name):
    """The module of scripts/NAME.py."""
    path = os.path.join(REPOSITORY, 'scripts', name + '.py')
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def start_script(name, args, env):
    return subprocess.Popen([sys.executable, os.path.join(REPOSITORY, 'scripts', name)] +
                            [str(arg) for arg in args], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=dict(os.environ, **env))


def smaller(monkeypatch, **sizes):
    """Make the synthetic data set smaller, for a test."""
    replace_dataset(monkeypatch, 'synthetic',
                    functools.partial(datasets.load_data_synthetic, **sizes))


def replace_dataset(monkeypatch, name, load, **changes):
    """Have another function load the data set `name`, for a test."""
    monkeypatch.setitem(datasets.DATASETS.entries, name,
                        datasets.get_dataset(name)._replace(load=load, **changes))


def replace_recipe(monkeypatch, name, **changes):
    """Train the model `name` by another recipe, for a test."""
    model = MODELS.entries[name]
    monkeypatch.setitem(MODELS.entries, name,
                        model._replace(recipe=model.recipe._replace(**changes)))


@pytest.fixture
def registries(monkeypatch):
    """Forget after the test what it registers; returns the registries of models and data sets."""
    for registry in (MODELS, datasets.DATASETS):
        monkeypatch.setattr(registry, 'entries', dict(registry.entries))
    return MODELS, datasets.DATASETS


@pytest.fixture
def little_data(monkeypatch):
    """A synthetic epoch of four steps of 16, and no waiting for the disk."""
    monkeypatch.setattr(files.os, 'fsync', lambda handle: None)
    smaller(monkeypatch, num_train=60, num_test=20)


@pytest.fixture
def folder(tmp_path):
    """The path of a run's folder, which is not there yet."""
    return str(tmp_path / 'run')


@pytest.fixture
def make_run(tmp_path):
    """Train lenet_bn on a few images into a run folder; returns (folder, net)."""
    def make(dataset='synthetic', data_root=None, resize=None, name='run'):
        folder = tmp_path / name
        with pytest.MonkeyPatch.context() as patch:
            replace_recipe(patch, 'lenet_bn', resize=resize)
            replace_dataset(patch, dataset, lambda batch_size, root=None, **how: (
                datasets.load_data_synthetic(batch_size, num_train=64, num_test=16, **how)))
            net, _ = gb.train_model('lenet_bn', epochs=1, batch_size=8, seed=0,
                                    dataset=dataset, data_root=data_root, out=str(folder))
        return folder, net
    return make


@pytest.fixture(params=gb.list_models('book'))
def model_name(request):
    """A model of the book; tests/models/test_all_models.py has them all."""
    return request.param


@pytest.fixture(scope='session', autouse=True)
def compiled():
    """So that no command of a test is the first to train here, which says that it compiles."""
    with contextlib.suppress(Unavailable):
        build.library()


@pytest.fixture
def operators(monkeypatch):
    """The C++ operators, on. A test is skipped if MXNet or a compiler is missing, and fails if they
    do not compile, or compute other values."""
    monkeypatch.delenv('GLUONBLOCKS_OPERATORS', raising=False)
    try:
        build.find_interface()
        find_compiler()
    except Unavailable as error:
        pytest.skip(str(error))
    assert cpp.status().ready, cpp.status().reason


@pytest.fixture(scope='session')
def chromium(tmp_path_factory):
    """A browser, once for all tests."""
    browser = Browser(BROWSER, tmp_path_factory.mktemp('profile'))
    yield browser
    browser.close()


@pytest.fixture
def write_module(tmp_path, monkeypatch):
    """Write a module that Python finds, and imports anew; returns its path."""
    folder = tmp_path / 'modules'
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def write(name, text):
        path = folder / (name.replace('.', '/') + '.py')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        forget(name)
        return path

    before = set(sys.modules)
    yield write
    for name in set(sys.modules) - before:
        if str(folder) in (getattr(sys.modules[name], '__file__', None) or ''):
            forget(name)


def forget(name):
    """Have Python import a module anew."""
    sys.modules.pop(name, None)
