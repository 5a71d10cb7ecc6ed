"""What is in the files of an export's web page."""
import base64
import gzip
import hashlib
import re

import numpy as np
import pytest
from web_pages import CLASSES, GALLERY, INFO, Tags, page_data

from gluonblocks.export.npm import PackageError
from gluonblocks.export.web import write_page, write_site

ONNX = b'a net'


def page_text(tmp_path, info=INFO, gallery=GALLERY):
    write_page(ONNX, info, gallery, str(tmp_path / 'index.html'))
    return (tmp_path / 'index.html').read_text()


def policy_of(tags):
    (attributes, _), = [each for each in tags.of('meta') if 'http-equiv' in each[0]]
    return attributes['content']


def test_the_page_carries_the_net_and_the_runtime_inside(tmp_path, fake_runtime):
    tags = Tags(page_text(tmp_path))
    carried = {attributes['data-file']: gzip.decompress(base64.b64decode(text))
               for attributes, text in tags.of('script') if 'data-file' in attributes}
    assert carried == {'model.onnx': ONNX, 'ort-wasm-simd-threaded.wasm': b'\0asm',
                       'ort-wasm-simd-threaded.mjs': b'"mjs";'}
    assert '"ort";' in [text for _, text in tags.of('script')]


def test_the_page_names_no_address_of_the_net(tmp_path, fake_runtime):
    text = page_text(tmp_path)
    names = re.findall(r'https?://[^\s"\'<]+', text)
    assert set(names) == {'http://www.w3.org/2000/svg'}  # how SVG is named, and never asked for
    assert not [each for each in Tags(text).found if 'src' in each[1]]


def test_the_policy_names_each_script_and_style_of_the_page_and_no_other(tmp_path, fake_runtime):
    tags = Tags(page_text(tmp_path))
    policy = policy_of(tags)
    run = [text for attributes, text in tags.of('script') if 'type' not in attributes]
    hashes = ["'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
              for text in run + [text for _, text in tags.of('style')]]
    assert re.findall(r"'sha256-[^']+'", policy) == hashes
    assert "default-src 'none'" in policy and 'unsafe-inline' not in policy


def test_the_same_net_gives_the_same_page(tmp_path, fake_runtime):
    assert page_text(tmp_path) == page_text(tmp_path)


def test_names_are_text_and_never_markup(tmp_path, fake_runtime):
    evil = '</script><script>alert(1)</script>"\'&amp;{{csp}}'
    text = page_text(tmp_path, dict(INFO, classes=[evil] * 10, model=evil, dataset=evil),
                     [(GALLERY[0][0], evil)])
    tags = Tags(text)
    assert len(tags.of('script')) == len(Tags(page_text(tmp_path)).of('script'))
    assert page_data(tags)['classes'] == [evil] * 10
    assert page_data(tags)['gallery'][0]['name'] == evil
    assert tags.of('title')[0][1].strip() == '%s · %s' % (evil, evil)


def test_the_page_tells_model_data_accuracy_and_ground(tmp_path, fake_runtime):
    text = page_text(tmp_path, dict(INFO, model='lenet_bn', dataset='fashion-mnist'))
    assert 'lenet_bn, trained on fashion-mnist. It is right on 87.5 % of the test images.' in text
    assert 'The net knows bright things on dark ground.' in text
    bright = page_text(tmp_path, dict(INFO, ground='bright'))
    assert 'The net knows dark things on bright ground.' in bright
    assert page_data(Tags(bright))['ground'] == 255


def test_what_is_not_known_of_a_net_is_left_out(tmp_path, fake_runtime):
    text = page_text(tmp_path, {'classes': ['a', 'b'], 'input': [1, 28, 28], 'resize': None,
                                'model': 'net', 'dataset': 'data'}, [])
    assert 'It is right on' not in text and 'None' not in text


def test_the_licences_of_what_is_carried_are_in_the_page(tmp_path, fake_runtime):
    text = page_text(tmp_path, dict(INFO, dataset='fashion-mnist'))
    assert 'Copyright (c) Microsoft Corporation' in text and 'Zalando SE' in text
    assert 'Permission is hereby granted, free of charge' in text
    assert 'Zalando' not in page_text(tmp_path, dict(INFO, dataset='synthetic'))


def test_the_site_has_relative_addresses_only_and_a_file_for_each(tmp_path, fake_runtime):
    write_site(ONNX, INFO, GALLERY, str(tmp_path / 'new' / 'site'))
    folder = tmp_path / 'new' / 'site'
    tags = Tags((folder / 'index.html').read_text())
    named = [attributes['src'] for attributes, _ in tags.of('script') if 'src' in attributes]
    named += [attributes['href'] for attributes, _ in tags.of('link')
              if attributes['rel'] == 'stylesheet']
    data = page_data(tags)
    named += [data['model'], *data['runtime'].values(), 'index.html']
    assert sorted(path.name for path in folder.iterdir()) == sorted(named)
    assert (folder / 'model.onnx').read_bytes() == ONNX
    assert "script-src 'self' 'wasm-unsafe-eval'" in policy_of(tags)


@pytest.mark.parametrize('change, words', [
    ({'input': [3, 28, 28]}, 'pictures of 3 channels, but the web page gives grey ones only'),
    ({'input': [1, 32, 32]}, 'pictures of 32 x 32 pixels, but what it was trained on has 28 x 28'),
    ({'input': [1, 28, 28], 'resize': 96}, '28 x 28 pixels, but what it was trained on has 96'),
    ({'preprocessing': 'inside'}, 'has its preprocessing inside')])
def test_a_net_that_the_page_cannot_feed_is_refused_before_anything_is_written(
        tmp_path, fake_runtime, change, words):
    for write in (write_page, write_site):
        with pytest.raises(ValueError, match=words):
            write(ONNX, dict(INFO, **change), [], str(tmp_path / 'out'))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('image', [np.zeros((28, 28)), np.zeros((1, 28, 28), np.uint8)])
def test_an_image_of_the_gallery_of_another_kind_is_told_by_its_number(
        tmp_path, fake_runtime, image):
    with pytest.raises(ValueError, match=r'image 1 of the gallery is .* must be uint8'):
        write_page(ONNX, INFO, [GALLERY[0], (image, 'bag')], str(tmp_path / 'index.html'))


def test_a_runtime_that_is_not_there_is_told_with_the_two_places_to_name_it(tmp_path, monkeypatch):
    monkeypatch.setenv('GLUONBLOCKS_ORT_WEB', str(tmp_path / 'nothing'))
    with pytest.raises(PackageError) as error:
        write_page(ONNX, INFO, [], str(tmp_path / 'index.html'))
    for words in ('nothing', 'npm pack onnxruntime-web@1.30.0', '`runtime`', 'GLUONBLOCKS_ORT_WEB'):
        assert words in str(error.value)
    assert not (tmp_path / 'index.html').exists()


def test_the_classes_keep_their_order(tmp_path, fake_runtime):
    assert page_data(Tags(page_text(tmp_path)))['classes'] == CLASSES
