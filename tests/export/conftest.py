"""A browser, and the page of `web_pages` opened in it."""
import os

import pytest
from tiny_onnx import linear_onnx
from web_pages import BIAS, GALLERY, INFO, WEIGHT, npm_package, ready

from gluonblocks.export.web import RUNTIME, write_page


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
def runtime():
    """The files of ONNX Runtime Web are here, or can be fetched."""
    npm_package(RUNTIME, os.environ.get('GLUONBLOCKS_ORT_WEB') or None)


@pytest.fixture(scope='session')
def page_file(tmp_path_factory, runtime):
    path = tmp_path_factory.mktemp('page') / 'index.html'
    write_page(linear_onnx(WEIGHT, BIAS, 28), INFO, GALLERY, str(path))
    return path


@pytest.fixture
def page(chromium, page_file):
    """The page, opened from the disk and ready."""
    opened = ready(chromium.open(page_file.as_uri()))
    yield opened
    opened.close()


@pytest.fixture(scope='session')
def shared_page(chromium, page_file):
    """As `page`, for tests that leave nothing behind but what the next test chooses anew."""
    return ready(chromium.open(page_file.as_uri()))
