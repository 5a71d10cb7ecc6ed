"""A run of three epochs on few images, and pages of runs, read back."""
import contextlib
import shutil

import pytest
from conftest import smaller
from reading import read_page
from small_runs import start

import gluonblocks as gb
from gluonblocks import files
from gluonblocks.report import norms


@contextlib.contextmanager
def fewer():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files.os, 'fsync', lambda handle: None)
        smaller(patch, num_train=60, num_test=20)
        yield


@pytest.fixture(autouse=True)
def few_images():
    """A synthetic data set of 60 and 20 images, and no waiting for the disk."""
    with fewer():
        yield


@pytest.fixture(scope='session')
def trained(tmp_path_factory):
    """The folder of a run that confuses many images, and whose last epoch is not its best."""
    folder = str(tmp_path_factory.mktemp('trained') / 'run')
    with fewer():
        start(folder, lr=0.1, seed=2, norm_stats=True)
    return folder


@pytest.fixture(scope='session')
def trained_page(trained, tmp_path_factory):
    """The path of the page of `trained`."""
    path = tmp_path_factory.mktemp('page') / 'page.html'
    with fewer():
        gb.write_report(trained, str(path), ctx='cpu')
    return path


@pytest.fixture
def undrawn(monkeypatch):
    """A page's charts of norm layers, which take long to draw, are left empty."""
    monkeypatch.setattr(norms, 'draw', lambda *args: '')


@pytest.fixture
def run(trained, undrawn, tmp_path):
    """A copy of `trained` that a test may change, without its record of norm layers."""
    return shutil.copytree(trained, str(tmp_path / 'run'), ignore=shutil.ignore_patterns('norms*'))


@pytest.fixture
def page(few_images, tmp_path):
    """Write the page of runs; returns it, read."""
    def write(*runs, **how):
        gb.write_report([str(run) for run in runs], str(tmp_path / 'page.html'), ctx='cpu', **how)
        return read_page(tmp_path / 'page.html')
    return write
