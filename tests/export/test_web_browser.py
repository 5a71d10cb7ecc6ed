"""The web page in a real browser, opened from the disk."""
import functools
import http.server
import threading

import numpy as np
import pytest
from conftest import REPOSITORY
from picture_files import saved
from PIL import Image
from tiny_onnx import linear_answer, linear_onnx
from web_pages import (
    BIAS,
    CLASSES,
    GALLERY,
    INFO,
    WEIGHT,
    answered,
    axe_findings,
    box,
    click,
    draw,
    expected,
    ready,
    seen,
    shown,
)

import gluonblocks as gb
from gluonblocks.data.batches import BatchLoader
from gluonblocks.data.pictures import read_image
from gluonblocks.export.web import write_page, write_site

SHIFT, CTRL = 8, 2


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


def test_a_drawing_gets_the_answer_for_what_is_shown_of_it(page):
    p = answered(page, lambda: draw(page, [(.2, .3), (.5, .35), (.8, .3)]))
    drawn = seen(page)
    assert drawn[8:10, 7:22].min() > 150 and drawn[20:].max() == 0
    np.testing.assert_allclose(p, expected(drawn), atol=1e-5)


def test_a_finger_draws_and_does_not_scroll(page):
    page.resize(360, 500)
    page.call('Emulation.setTouchEmulationEnabled', enabled=True)
    left, top, width, height = box(page, '#canvas')
    points = [{'x': left + width / 2, 'y': top + height * part} for part in (.7, .6, .5, .3)]
    for i, point in enumerate(points):
        page.call('Input.dispatchTouchEvent', touchPoints=[point],
                  type='touchMove' if i else 'touchStart')
    page.call('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])
    page.wait('document.getElementById("answer").dataset.state == "done"')
    assert seen(page)[9:19, 13:15].min() > 150 and page.run('scrollY') == 0


def test_a_slow_answer_does_not_come_back_after_clear(page):
    page.run('''const quick = ask;
        ask = async (square) => {
            await new Promise((done) => setTimeout(done, 300));
            return quick(square);
        }; 0''')
    draw(page, [(.2, .3), (.8, .3)])
    click(page, '#clear')
    page.run('new Promise((done) => setTimeout(done, 900))')
    assert shown(page) is None


def test_large_logits_do_not_overflow(shared_page):
    assert shared_page.run('softmax([1000, 1000, -1000])') == [.5, .5, 0]


def test_undo_takes_the_last_stroke_back_and_clear_can_be_undone(page):
    answered(page, lambda: draw(page, [(.2, .3), (.8, .3)]))
    first = seen(page)
    draw(page, [(.2, .7), (.8, .7)])
    assert (seen(page) != first).any()
    click(page, '#undo')
    assert (seen(page) == first).all()
    click(page, '#clear')
    assert seen(page).max() == 0 and shown(page) is None
    click(page, '#undo')
    assert (seen(page) == first).all()


def test_the_keyboard_alone_reaches_draws_and_takes_back(page):
    for _ in range(3):  # the link to the answer, the tabs, the drawing area
        page.press('Tab')
    assert page.run('document.activeElement.id') == 'canvas'
    for _ in range(2):
        page.press('ArrowUp', modifiers=SHIFT)
    assert seen(page).max() == 0, 'the brush has painted before it was told to'
    page.press(' ', hold=True)
    for _ in range(4):
        page.press('ArrowLeft')
    page.release(' ')
    page.press('ArrowDown', modifiers=SHIFT)
    page.wait('document.getElementById("answer").dataset.state == "done"')
    drawn = seen(page)
    assert drawn[5:7, 10:14].min() > 150 and drawn[10:].max() == 0
    page.press('z', modifiers=CTRL)
    assert seen(page).max() == 0
    page.press('Enter')
    page.press('ArrowRight', modifiers=SHIFT)
    page.press('Enter')
    page.press('ArrowDown', modifiers=SHIFT)
    assert seen(page)[9:11, 10:14].min() > 150 and seen(page)[14:].max() == 0


def test_the_keyboard_goes_through_the_tabs_and_the_gallery(page):
    page.press('Tab')
    page.press('Tab')
    page.press('ArrowRight')
    assert page.run('document.activeElement.id') == 'tab-picture'
    page.press('ArrowRight')
    page.press('Tab')
    p = answered(page, lambda: page.press('Enter'))
    assert p is not None
    assert page.run('document.activeElement.getAttribute("aria-pressed")') == 'true'
    heard = page.wait('document.getElementById("spoken").textContent')
    assert '% sure' in heard.replace('\xa0', ' ')


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


def test_nothing_is_asked_of_any_host_before_or_after_the_page_is_there(page, tmp_path):
    before = page.requests()
    answered(page, lambda: draw(page, [(.2, .3), (.8, .3)]))
    answered(page, lambda: page.choose_file('#file', write(tmp_path, 'photo.jpg')))
    answered(page, lambda: click(page, '#images button'))
    after = page.requests()[len(before):]
    assert [url for url in before if not url.startswith(('file:', 'blob:'))] == []
    assert [url for url in after if not url.startswith('blob:')] == []  # the preview of the file
    assert len([url for url in before if url.startswith('file:')]) == 1
    assert page.complaints() == []


def test_the_policy_stops_a_script_and_a_request_that_are_not_the_pages_own(page):
    page.run('''
        document.body.append(Object.assign(document.createElement("script"),
                                           {textContent: "window.wasRun = 1"}));
        document.body.append(Object.assign(document.createElement("img"),
                                           {src: "http://127.0.0.1:9/"}));
        fetch("http://127.0.0.1:9/").catch(() => 0)''')
    assert page.run('window.wasRun') is None
    said = ' '.join(entry['text'] for entry in page.complaints())
    for directive in ("script-src 'sha256-", 'img-src blob: data:', "connect-src 'none'"):
        assert directive in said


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('tab', ['draw', 'picture', 'gallery'])
def test_axe_finds_nothing_to_complain_of(shared_page, tab, scheme):
    page = shared_page
    page.prefer(prefers_color_scheme=scheme, prefers_reduced_motion='reduce')
    answered(page, lambda: click(page, '#images button'))
    click(page, '#tab-' + tab)
    page.run('document.querySelector("details").open = true')
    assert axe_findings(page) == []


@pytest.mark.parametrize('width', [320, 360, 768, 1280])
@pytest.mark.parametrize('tab', ['draw', 'picture', 'gallery'])
def test_no_width_makes_the_page_scroll_sideways(shared_page, tab, width):
    page = shared_page
    page.resize(width, 740)
    answered(page, lambda: click(page, '#images button'))
    click(page, '#tab-' + tab)
    page.run('document.querySelector("details").open = true')
    wide = page.run('document.documentElement.scrollWidth')
    assert wide == page.run('document.documentElement.clientWidth') <= width
    left, _, w, _ = box(page, '#answer')
    assert left >= 0 and left + w <= width


def test_what_can_be_touched_is_large_enough_on_a_phone(shared_page):
    page = shared_page
    page.resize(320, 640)
    sizes = page.run('''[...document.querySelectorAll(
        "button, input[type=range], .drop label, summary, .check")].map((each) => {
            const {width, height} = each.getBoundingClientRect();
            return [each.id || each.className || each.textContent, width, height];
        }).filter(([, width]) => width)''')
    assert len(sizes) >= 7
    assert [each for each in sizes if min(each[1:]) < 36] == []


def test_where_motion_is_to_be_reduced_nothing_moves(page):
    motion = 'getComputedStyle(document.querySelector("#bars i"), "::before").transitionDuration'
    assert page.run(motion) != '0s'
    page.prefer(prefers_reduced_motion='reduce')
    assert page.run(motion) == '0s'


def test_the_site_works_from_a_web_server_in_any_folder(chromium, tmp_path, runtime):
    write_site(linear_onnx(WEIGHT, BIAS, 28), INFO, GALLERY,
               str(tmp_path / 'a' / 'site'))
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(
        ('127.0.0.1', 0), functools.partial(Handler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = ready(chromium.open('http://127.0.0.1:%d/a/site/' % server.server_address[1]))
    asked_first = len(asked)
    p = answered(page, lambda: click(page, '#images button'))
    np.testing.assert_allclose(p, expected(GALLERY[0][0]), atol=1e-5)
    assert page.complaints() == []
    assert all(path.startswith('/a/site/') for path in asked)
    assert len(asked) == asked_first, 'it asked for something after it was there'
    page.close()
    server.shutdown()
    server.server_close()


def test_the_site_opened_from_the_disk_tells_how_to_serve_it(chromium, tmp_path, runtime):
    write_site(linear_onnx(WEIGHT, BIAS, 28), INFO, [], str(tmp_path))
    page = chromium.open((tmp_path / 'index.html').as_uri())
    page.wait('document.documentElement && document.documentElement.dataset.state == "failed"')
    assert 'python -m http.server' in page.run('document.getElementById("status").innerText')
    page.close()
