"""What the web page answers for pictures, in a real browser, opened from the disk."""
import functools

import numpy as np
import pytest
from conftest import REPOSITORY
from picture_files import saved
from PIL import Image
from tiny_onnx import linear_answer, linear_onnx
from web_pages import (
    CLASSES,
    GALLERY,
    INFO,
    answered,
    click,
    expected,
    ready,
    seen,
    shown,
)

import gluonblocks as gb
from gluonblocks.data.batches import BatchLoader
from gluonblocks.data.pictures import read_image
from gluonblocks.export.web import write_page


def pick(page, i):
    click(page, '#images li:nth-child(%d) button' % (i + 1))


def smooth(height, width, channels, seed):
    """A random picture with shapes in it, uint8 (height, width, channels)."""
    rng = np.random.RandomState(seed)
    coarse = rng.randint(0, 256, (5, 5, channels)).astype(np.uint8)
    picture = np.stack([np.asarray(Image.fromarray(coarse[..., c]).resize((width, height)))
                        for c in range(channels)], axis=-1)
    noise = rng.randint(-20, 21, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def turned(picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {'picture': picture, 'exif': exif}


def of(height, width, channels=3, seed=0):
    array = smooth(height, width, channels, seed)
    return Image.fromarray(array[..., 0] if channels == 1 else array)


PICTURES = {  # name of the file -> what Pillow writes into it
    'same-size.png': lambda: of(28, 28, 1, 1),
    'grey.png': lambda: of(280, 280, 1, 2),
    'colour.png': lambda: of(300, 300, 3, 3),
    'wide.png': lambda: of(97, 400, 3, 4),
    'tall.png': lambda: of(401, 103, 3, 5),
    'tiny.png': lambda: of(5, 3, 3, 6),
    'a-line.png': lambda: of(1, 90, 3, 7),
    'half-even.png': lambda: of(112, 50, 3, 8),  # 12.5 pixels wide
    'half-odd.png': lambda: of(54, 112, 3, 21),  # 13.5 pixels high
    'large.png': lambda: of(1201, 1603, 3, 9),
    'palette.png': lambda: of(60, 60, 3, 10).convert('P'),
    'two-colours.png': lambda: of(64, 80, 1, 11).convert('1'),
    'colour.bmp': lambda: of(70, 50, 3, 12),
    'grey.gif': lambda: of(90, 80, 1, 13),
    'lossless.webp': lambda: dict(picture=of(100, 120, 3, 14), lossless=True),
    'photo.jpg': lambda: of(240, 320, 3, 15),
    'fine.jpg': lambda: dict(picture=of(200, 200, 3, 16), quality=95, subsampling=0),
    'turned.jpg': lambda: turned(of(150, 220, 3, 17), 6),
    'mirrored.jpg': lambda: turned(of(220, 150, 3, 18), 2),
    'transparent.png': lambda: of(120, 90, 4, 19),
    'two-parts.png': lambda: of(77, 55, 2, 20),
}
EXACT = [name for name in PICTURES if not name.endswith('.jpg') and 'trans' not in name
         and 'two-parts' not in name]


def write(folder, name):
    what = PICTURES[name]()
    return saved(folder, name=name, **(what if isinstance(what, dict) else {'picture': what}))


@pytest.mark.parametrize('invert', [False, True], ids=['as-it-is', 'inverted'])
@pytest.mark.parametrize('name', PICTURES)
def test_a_picture_file_gets_the_answer_that_it_gets_in_python(shared_page, tmp_path, name, invert):
    page = shared_page
    path = write(tmp_path, name)
    image = read_image(path, invert=invert)
    page.run('document.getElementById("invert").checked = %s' % str(invert).lower())
    p = answered(page, lambda: page.choose_file('#file', path))
    assert np.argmax(p) == np.argmax(expected(image))
    assert np.abs(p - expected(image)).max() < 1e-3
    off = np.abs(seen(page).astype(int) - image)
    assert off.max() <= (0 if name in EXACT else 1)


def test_every_image_of_the_gallery_gets_its_answer(shared_page):
    page = shared_page
    click(page, '#tab-gallery')
    for i, (image, name) in enumerate(GALLERY):
        p = answered(page, functools.partial(pick, page, i))
        np.testing.assert_allclose(p, expected(image), atol=1e-5)
        assert (seen(page) == image).all()
        told = page.run('document.getElementById("truth").textContent')
        right = CLASSES[np.argmax(expected(image))] == name
        assert told == ('✓ Right' if right else '✗ Wrong: it is labelled %s' % name)


@pytest.mark.parametrize('resize', [None, 40])
def test_the_page_of_a_run_answers_as_predict_does(chromium, runtime, make_run, tmp_path, resize):
    folder, _ = make_run(resize=resize)
    export = gb.export_run(str(folder), ['web'])
    paths = [write(tmp_path, name) for name in PICTURES]
    answers = gb.predict_files(str(folder), paths, top=10)
    page = ready(chromium.open((folder / 'export' / 'index.html').as_uri()))
    for path, answer in zip(paths, answers):
        p = answered(page, functools.partial(page.choose_file, '#file', path))
        told = dict(answer.classes)
        assert export.info['classes'][np.argmax(p)] == answer.classes[0][0]
        assert np.abs(p - [told[name] for name in export.info['classes']]).max() < 1e-3
    page.close()


@pytest.mark.parametrize('resize', [96, 14, 20])
def test_a_net_of_larger_or_smaller_images_gets_the_resizing_of_its_training(
        chromium, tmp_path, runtime, resize):
    rng = np.random.RandomState(resize)
    images = rng.randint(0, 256, (4, 28, 28)).astype(np.uint8)
    weight, bias = rng.randn(resize ** 2, 10) / resize, rng.randn(10)
    info = dict(INFO, input=[1, resize, resize], resize=resize)
    write_page(linear_onnx(weight, bias, resize), info, [(image, 'bag') for image in images],
               str(tmp_path / 'index.html'))
    (X, _), = BatchLoader(images, np.zeros(4, np.int32), 4, resize=resize)
    page = ready(chromium.open((tmp_path / 'index.html').as_uri()))
    click(page, '#tab-gallery')
    for i, x in enumerate(X.asnumpy()):
        p = answered(page, functools.partial(pick, page, i))
        np.testing.assert_allclose(p, linear_answer(x * 255, weight, bias), atol=1e-5)
    page.close()


@pytest.mark.parametrize('kind, transfer', [('drop', 'dataTransfer'), ('paste', 'clipboardData')])
def test_a_picture_is_dropped_or_pasted_anywhere(page, tmp_path, kind, transfer):
    event = {'drop': 'DragEvent', 'paste': 'ClipboardEvent'}[kind]
    p = answered(page, lambda: page.run('''(async () => {
        const canvas = Object.assign(document.createElement("canvas"), {width: 50, height: 50});
        canvas.getContext("2d").fillRect(0, 0, 50, 50);
        const blob = await new Promise((done) => canvas.toBlob(done));
        const data = new DataTransfer();
        data.items.add(new File([blob], "a.png", {type: "image/png"}));
        document.body.dispatchEvent(new %s("%s", {%s: data, bubbles: true, cancelable: true}));
    })()''' % (event, kind, transfer)))
    assert p is not None and seen(page).max() == 0
    assert page.run('document.getElementById("tab-picture").ariaSelected') == 'true'


def test_a_file_that_is_no_picture_is_told_and_the_next_is_answered(page, tmp_path):
    (tmp_path / 'notes.png').write_text('no picture')
    answered(page, lambda: page.choose_file('#file', tmp_path / 'notes.png'))
    assert 'cannot be read as a picture' in page.run(
        'document.getElementById("picture-error").innerText')
    assert shown(page) is None
    path = write(tmp_path, 'grey.png')
    assert answered(page, lambda: page.choose_file('#file', path)) is not None
    assert page.run('document.getElementById("picture-error").hidden')


def test_a_dark_thing_on_bright_ground_is_noticed_until_it_is_turned_round(page):
    note = 'document.getElementById("looks-inverted").hidden'
    answered(page, lambda: page.choose_file('#file', REPOSITORY + '/docs/boot_on_white.jpg'))
    assert page.run(note) is False
    answered(page, lambda: click(page, '#invert'))
    assert page.run(note) is True
    answered(page, lambda: click(page, '#invert'))
    answered(page, lambda: page.choose_file('#file', REPOSITORY + '/docs/boot.png'))
    assert page.run(note) is True
