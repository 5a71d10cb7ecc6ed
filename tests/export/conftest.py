"""Runs, exports and a page in a browser that many tests share."""
import functools

import linear_onnx
import pytest
from conftest import replace_dataset, replace_recipe
from web_pages import BIAS, GALLERY, INFO, WEIGHT, archive_of, npm_archive, ready

import gluonblocks as gb
from gluonblocks.data.datasets import load_data_synthetic
from gluonblocks.export import verify, web, write


def smaller(patch):
    replace_dataset(patch, 'synthetic', functools.partial(
        load_data_synthetic, num_train=64, num_test=40))


@pytest.fixture(scope='module', autouse=True)
def small():
    """Small data, and no time for measuring speed."""
    with pytest.MonkeyPatch.context() as patch:
        smaller(patch)
        patch.setattr(write, 'milliseconds', functools.partial(verify.milliseconds, seconds=0))
        yield


@pytest.fixture(scope='session')
def run_of(tmp_path_factory):
    """Train lenet_bn for an epoch, once for each size of images: the run's folder."""
    @functools.lru_cache(maxsize=None)
    def train(resize=None):
        folder = tmp_path_factory.mktemp('runs') / 'run'
        with pytest.MonkeyPatch.context() as patch:
            smaller(patch)
            replace_recipe(patch, 'lenet_bn', resize=resize)
            gb.train_model('lenet_bn', epochs=1, batch_size=8, seed=0, dataset='synthetic',
                           ctx='cpu', out=str(folder))
        return folder
    return train


@pytest.fixture
def fake_runtime(monkeypatch):
    """Three small files instead of ONNX Runtime Web's, for tests that run nothing."""
    content = archive_of({web.SCRIPT: b'"ort";', web.MODULE: b'"mjs";', web.WASM: b'\0asm'})
    monkeypatch.setattr(web, 'fetch', lambda package, archive: content)


@pytest.fixture(scope='session')
def runtime(tmp_path_factory):
    """The path of the archive of ONNX Runtime Web."""
    path = tmp_path_factory.mktemp('npm') / web.RUNTIME.archive
    path.write_bytes(npm_archive(web.RUNTIME))
    return str(path)


@pytest.fixture(scope='session')
def page_folder(tmp_path_factory, runtime):
    """A folder with index.html of the net of `web_pages`."""
    folder = tmp_path_factory.mktemp('page')
    web.write_page(linear_onnx.model(WEIGHT.T, BIAS, inside=True), INFO, GALLERY, str(folder),
                   runtime)
    return folder


@pytest.fixture
def page(chromium, page_folder):
    """The page, opened from the disk and ready."""
    opened = ready(chromium.open((page_folder / 'index.html').as_uri()))
    yield opened
    opened.close()


@pytest.fixture(scope='session')
def shared_page(chromium, page_folder):
    """As `page`, for tests that leave nothing behind that the next test does not choose again."""
    return ready(chromium.open((page_folder / 'index.html').as_uri()))
