"""A web page of a net whose answers NumPy can tell, and a browser that opens it."""
import os

import numpy as np
import pytest
from browser import Browser, find_browser
from tiny_onnx import linear_onnx

from gluonblocks.export.npm import PackageError, read_package
from gluonblocks.export.web import RUNTIME, write_page

CLASSES = ['t-shirt', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag',
           'ankle boot']
INFO = {'classes': CLASSES, 'input': [1, 28, 28], 'resize': None, 'scaling': 'x / 255',
        'ground': 'dark', 'preprocessing': 'outside', 'model': 'linear', 'dataset': 'synthetic',
        'accuracy': 0.875}
RNG = np.random.RandomState(3)
# Coarse weights: as a trained net does, it sees shapes and no single pixels.
WEIGHT = np.kron(RNG.randn(7, 7, 10), np.ones((4, 4, 1))).reshape(784, 10) / 40
BIAS = RNG.randn(10)
GALLERY = [(np.kron(RNG.randint(0, 256, (7, 7)), np.ones((4, 4))).astype(np.uint8), name)
           for name in CLASSES * 2]


class FakeRuntime:
    """Three small files in the place of ONNX Runtime Web's, for tests that run nothing."""

    files = {'dist/ort.wasm.min.js': b'"ort";', 'dist/ort-wasm-simd-threaded.mjs': b'"mjs";',
             'dist/ort-wasm-simd-threaded.wasm': b'\0asm'}


@pytest.fixture
def fake_runtime(monkeypatch):
    monkeypatch.setattr('gluonblocks.export.web.read_package',
                        lambda package, source: FakeRuntime.files)
    return FakeRuntime


@pytest.fixture(scope='session')
def chromium(tmp_path_factory):
    """A browser, once for all tests. It may be missing where $GLUONBLOCKS_TEST_BROWSER is unset."""
    path = find_browser()
    if not path:
        pytest.skip('there is no Chromium here to open a page with: apt-get install chromium')
    browser = Browser(path, tmp_path_factory.mktemp('profile'))
    yield browser
    browser.close()


@pytest.fixture(scope='session')
def runtime():
    """The files of ONNX Runtime Web are here, or can be fetched."""
    npm_package(RUNTIME, os.environ.get('GLUONBLOCKS_ORT_WEB') or None)


def npm_package(package, source=None):
    try:
        return read_package(package, source)
    except PackageError as error:
        if os.environ.get('GLUONBLOCKS_TEST_BROWSER'):
            raise
        pytest.skip('%s' % error)


@pytest.fixture(scope='session')
def page_file(tmp_path_factory, runtime):
    path = tmp_path_factory.mktemp('page') / 'index.html'
    write_page(linear_onnx(WEIGHT, BIAS, 28), INFO, GALLERY, str(path))
    return path


@pytest.fixture
def page(chromium, page_file):
    """The page, opened from the disk and ready."""
    opened = chromium.open(page_file.as_uri())
    assert opened.wait('document.documentElement.dataset.state != "loading" && '
                       'document.documentElement.dataset.state') == 'ready'
    yield opened
    opened.close()
