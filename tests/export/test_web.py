"""The format 'web': the page's content, and where ONNX Runtime Web comes from."""
import base64
import gzip
import hashlib
import html
import io
import re

import numpy as np
import pytest
from mxnet.gluon import nn
from PIL import Image
from web_pages import CLASSES, GALLERY, INFO, archive_of, scripts_of

import gluonblocks as gb
from gluonblocks.data import datasets
from gluonblocks.export import write
from gluonblocks.export.npm import NpmPackage, fetch, unpack
from gluonblocks.export.web import net_of_page, write_page

ONNX = b'a net'


@pytest.fixture
def page_text(tmp_path, fake_runtime):
    def write(info=INFO, gallery=GALLERY):
        write_page(ONNX, info, gallery, str(tmp_path))
        return (tmp_path / 'index.html').read_text()
    return write


def classes_of(text):
    return [html.unescape(name) for name in re.findall('<li><span>(.*?)</span>', text)]


def gallery_of(text):
    """The test images of a page, each (uint8 (28, 28), the name of its class)."""
    return [(np.asarray(Image.open(io.BytesIO(base64.b64decode(png)))), html.unescape(name))
            for name, png in re.findall(
                'name="image" value="(.*?)".*?src="data:image/png;base64,(.*?)"', text, re.S)]


def test_the_page_carries_the_net_and_the_runtime_and_its_policy_names_only_them(page_text):
    text = page_text()
    assert text == page_text()
    scripts = scripts_of(text)
    embedded = {attributes.split('"')[-2]: gzip.decompress(base64.b64decode(content))
                for attributes, content in scripts if 'data-file' in attributes}
    assert embedded == {'model.onnx': ONNX, 'runtime.wasm': b'\0asm', 'runtime.mjs': b'"mjs";'}
    run = [content for attributes, content in scripts if not attributes]
    assert run[0] == '"ort";' and len(run) == 2
    hashes = [base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
              for content in run + re.findall('<style>(.*?)</style>', text, re.S)]
    policy, = re.findall('http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    policy = html.unescape(policy)
    assert sorted(re.findall(r"'sha256-([^']+)'", policy)) == sorted(hashes)
    assert "default-src 'none'" in policy and 'unsafe-inline' not in policy
    # An SVG's name is an address that nobody asks for.
    assert set(re.findall(r'https?://[^\s"\'<]+', text)) == {'http://www.w3.org/2000/svg'}
    assert not re.findall(r'<[^>]* src=(?!"data:)', text.partition('<script')[0])


def test_names_are_text_and_never_markup(page_text):
    evil = '</script><script>alert(1)</script>"\'&amp;{{csp}}'
    text = page_text(dict(INFO, classes=[evil] * 10, model=evil, dataset=evil),
                     [(GALLERY[0][0], evil)])
    assert len(scripts_of(text)) == len(scripts_of(page_text()))
    assert classes_of(text) == [evil] * 10
    title, = re.findall('<title>(.*?)</title>', text)
    assert html.unescape(title) == '%s · %s' % (evil, evil)
    assert [name for _, name in gallery_of(text)] == [evil]


def test_the_page_tells_what_is_known_of_the_net_and_leaves_out_the_rest(page_text):
    text = page_text(dict(INFO, model='lenet_bn', dataset='fashion-mnist'))
    flat = ' '.join(text.split())
    assert ('lenet_bn, trained on fashion-mnist. It classifies 87.5 % of the test images correctly.'
            in flat)
    assert classes_of(text) == CLASSES
    assert 'Copyright (c) Microsoft Corporation' in text and 'Zalando SE' in text
    assert 'Permission is hereby granted, free of charge' in text
    resized = page_text(dict(INFO, resize=96, input=[1, 96, 96]))
    assert 'pixels, resized to 96 × 96' in resized and 'Zalando' not in resized
    bare = page_text({'classes': ['a', 'b'], 'input': [1, 28, 28], 'model': 'net'}, [])
    assert 'It classifies' not in bare and 'None' not in bare and 'resized' not in bare


def test_a_run_becomes_a_verified_page_with_two_test_images_of_each_class(
        run_of, tmp_path, fake_runtime):
    export = gb.export_run(run_of(), ['onnx', 'web'], out=str(tmp_path))
    inside = net_of_page(str(tmp_path / 'index.html'))
    assert b'inside' in inside
    _, test_iter = datasets.get_dataset('synthetic').load(1, seed=0)
    gallery = gallery_of((tmp_path / 'index.html').read_text())
    first = list(test_iter.labels).index(0)
    assert (gallery[0][0] == test_iter.images[first]).all()
    names = [name for _, name in gallery]
    assert sorted(names) == sorted(2 * ['class %d' % i for i in range(10)])
    assert names[:10] == ['class %d' % i for i in range(10)]
    verified = export.formats[1].verified
    assert verified.largest_difference < 1e-4 and verified.images == 40


@pytest.mark.parametrize('data, shown', [
    (None, 6), (np.random.RandomState(0).randint(0, 256, (9, 28, 28)).astype(np.uint8), 6),
    (np.random.RandomState(0).rand(9, 1, 28, 28), 0)], ids=['random', 'uint8', 'float'])
def test_a_net_without_a_run_shows_unlabelled_images_if_they_are_uint8(
        data, shown, tmp_path, fake_runtime):
    net = nn.Dense(3)
    net.initialize()
    gb.export_net(net, (1, 28, 28), path=str(tmp_path / 'out'), formats=['web'], data=data)
    text = (tmp_path / 'out' / 'index.html').read_text()
    assert [name for _, name in gallery_of(text)] == [''] * shown
    assert ('value="gallery" checked' in text) == (shown > 0)


@pytest.mark.parametrize('shape, said', [((3, 28, 28), r'\(3, 28, 28\)'),
                                         ((1, 32, 30), r'\(1, 32, 30\)')])
def test_a_net_that_the_page_cannot_feed_is_refused_and_nothing_is_left(
        shape, said, tmp_path, fake_runtime, monkeypatch):
    monkeypatch.setattr(write, 'outputs_of', None)  # it is refused before the net runs
    net = nn.Dense(3)
    net.initialize()
    with pytest.raises(ValueError, match=said):
        gb.export_net(net, shape, path=str(tmp_path / 'out'), formats=['web'])
    assert list(tmp_path.iterdir()) == []


FILES = {'dist/a.js': b'"a";', 'dist/b.wasm': b'\0asm' * 100}
ARCHIVE = archive_of(dict(FILES, **{'package.json': b'{}'}))
PACKAGE = NpmPackage(
    'some-package', '1.2.3', len(ARCHIVE),
    'sha512-' + base64.b64encode(hashlib.sha512(ARCHIVE).digest()).decode())


def fake_npm(tmp_path, monkeypatch, script):
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin' / 'npm').write_text('#!/bin/sh\n' + script)
    (tmp_path / 'bin' / 'npm').chmod(0o755)
    monkeypatch.setenv('PATH', '%s:/usr/bin:/bin' % (tmp_path / 'bin'))


def test_a_package_is_packed_by_npm_or_read_from_a_file(tmp_path, monkeypatch):
    (tmp_path / 'here.tgz').write_bytes(ARCHIVE)
    assert unpack(fetch(PACKAGE, tmp_path / 'here.tgz'), list(FILES)) == FILES
    fake_npm(tmp_path, monkeypatch, 'test "$1 $2" = "pack some-package@1.2.3" && '
             'cp %s some-package-1.2.3.tgz' % (tmp_path / 'here.tgz'))
    assert unpack(fetch(PACKAGE), ['dist/a.js']) == {'dist/a.js': FILES['dist/a.js']}


@pytest.mark.parametrize('content', [
    archive_of(dict(FILES, **{'dist/a.js': b'evil'})), ARCHIVE[:-10], ARCHIVE + b'more', b''])
def test_another_content_is_refused(tmp_path, content):
    (tmp_path / 'here.tgz').write_bytes(content)
    with pytest.raises(OSError, match='some-package 1.2.3 is unavailable: .*here.tgz'):
        fetch(PACKAGE, tmp_path / 'here.tgz')


@pytest.mark.parametrize('script, said', [(None, 'npm is not installed'),
                                          ('echo no network >&2; exit 1', 'npm pack: no network')])
def test_an_unavailable_package_says_what_to_do(tmp_path, monkeypatch, script, said):
    if script:
        fake_npm(tmp_path, monkeypatch, script)
    else:
        monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(OSError, match=said) as error:
        fetch(PACKAGE)
    assert 'Run "npm pack some-package@1.2.3" on a machine with npm' in str(error.value)
