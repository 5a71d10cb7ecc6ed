"""The web page in a real browser, opened from the disk and from a server."""
import functools
import http.server
import threading

import linear_onnx
import numpy as np
import pytest
from conftest import REPOSITORY
from picture_files import random_image, saved
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
from gluonblocks.export.web import write_page

SHIFT, CTRL = 8, 2


def test_the_page_opens_with_a_test_image_and_its_answer_or_without_images_to_draw(
        page, chromium, tmp_path, runtime):
    page.wait('find("sure").textContent')
    assert (seen(page) == GALLERY[0][0]).all()
    np.testing.assert_allclose(shown(page), expected(GALLERY[0][0]), atol=1e-5)
    write_page(linear_onnx.model(WEIGHT.T, BIAS, inside=True), INFO, [], str(tmp_path), runtime)
    bare = ready(chromium.open((tmp_path / 'index.html').as_uri()))
    assert box(bare, '#canvas')[2] > 200 and shown(bare) is None and bare.complaints() == []
    bare.close()


# ---- drawing


def test_a_drawing_is_answered_and_undone_and_cleared(page):
    click(page, '#tab-draw')
    p = answered(page, lambda: draw(page, [(.2, .3), (.5, .35), (.8, .3)]))
    first = seen(page)
    assert first[8:10, 7:22].min() > 150 and first[20:].max() == 0
    np.testing.assert_allclose(p, expected(first), atol=1e-5)
    draw(page, [(.2, .7), (.8, .7)])
    assert (seen(page) != first).any()
    click(page, '#undo')
    assert (seen(page) == first).all()
    click(page, '#clear')
    assert seen(page).max() == 0 and shown(page) is None
    click(page, '#undo')
    assert (seen(page) == first).all()
    # A slow answer does not come back after the canvas was cleared.
    page.run('''const quick = predict;
        predict = async (square) => {
            await new Promise((done) => setTimeout(done, 300));
            return quick(square);
        }; 0''')
    draw(page, [(.2, .5), (.8, .5)])
    click(page, '#clear')
    page.run('new Promise((done) => setTimeout(done, 900))')
    assert shown(page) is None
    assert page.run('softmax([1000, 1000, -1000])') == [.5, .5, 0]


def test_a_finger_draws_and_does_not_scroll(page):
    page.resize(360, 500)
    page.call('Emulation.setTouchEmulationEnabled', enabled=True)
    click(page, '#tab-draw')
    left, top, width, height = box(page, '#canvas')
    points = [{'x': left + width / 2, 'y': top + height * part} for part in (.7, .6, .5, .3)]
    for i, point in enumerate(points):
        page.call('Input.dispatchTouchEvent', touchPoints=[point],
                  type='touchMove' if i else 'touchStart')
    page.call('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])
    assert seen(page)[9:19, 13:15].min() > 150 and page.run('scrollY') == 0


def test_the_keyboard_alone_chooses_test_images_draws_and_takes_back(page):
    for _ in range(3):  # the link to the answer, the tabs, the test images
        page.press('Tab')
    p = answered(page, lambda: page.press('ArrowRight'))
    np.testing.assert_allclose(p, expected(GALLERY[1][0]), atol=1e-5)
    heard = page.wait('find("spoken").textContent')
    assert '% sure' in heard.replace('\xa0', ' ')
    page.press('Tab', modifiers=SHIFT)
    page.press('ArrowRight')
    assert page.run('document.activeElement.id') == 'tab-draw'
    page.press('Tab')
    for _ in range(2):
        page.press('ArrowUp', modifiers=SHIFT)
    assert seen(page).max() == 0, 'the brush has painted before Space was pressed'
    page.press(' ', hold=True)
    for _ in range(4):
        page.press('ArrowLeft')
    page.release(' ')
    page.press('ArrowDown', modifiers=SHIFT)
    drawn = seen(page)
    assert drawn[5:7, 10:14].min() > 150 and drawn[10:].max() == 0
    page.press('z', modifiers=CTRL)
    assert seen(page).max() == 0
    page.press('Enter')
    page.press('ArrowRight', modifiers=SHIFT)
    page.press('Enter')
    page.press('ArrowDown', modifiers=SHIFT)
    assert seen(page)[9:11, 10:14].min() > 150 and seen(page)[14:].max() == 0


def test_every_test_image_gets_its_answer(shared_page):
    click(shared_page, '#tab-gallery')
    for i, (image, name) in list(enumerate(GALLERY))[::-1]:
        p = answered(shared_page, lambda i=i: click(
            shared_page, '#images label:nth-child(%d)' % (i + 1)))
        np.testing.assert_allclose(p, expected(image), atol=1e-5)
        assert (seen(shared_page) == image).all()
        said = shared_page.run('find("truth").textContent')
        right = CLASSES[np.argmax(expected(image))] == name
        assert said == ('✓ Correct' if right else '✗ Wrong: the label is %s' % name)


def test_the_page_of_a_run_resizes_in_its_graph_and_answers_as_predict_does(
        chromium, runtime, run_of, tmp_path):
    export = gb.export_run(run_of(40), ['web'], out=str(tmp_path / 'out'), runtime=runtime)
    path = saved(tmp_path, random_image(30, 97, 3, 2))
    page = ready(chromium.open((tmp_path / 'out' / 'index.html').as_uri()))
    p = answered(page, lambda: page.choose_file('#file', path))
    there = dict(gb.predict_files(str(run_of(40)), [path], top=10)[0].classes)
    np.testing.assert_allclose(p, [there[name] for name in export.info['classes']], atol=1e-5)
    page.close()


@pytest.mark.parametrize('kind, transfer', [('drop', 'dataTransfer'), ('paste', 'clipboardData')])
def test_an_image_is_dropped_or_pasted_anywhere(page, kind, transfer):
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
    assert page.run('find("tab-picture").checked')


def test_an_unreadable_file_is_reported_and_a_dark_thing_on_bright_ground_noticed(page, tmp_path):
    (tmp_path / 'notes.png').write_text('no picture')
    answered(page, lambda: page.choose_file('#file', tmp_path / 'notes.png'))
    complaint = 'find("picture-error").innerText'
    assert 'cannot be read as an image' in page.run(complaint) and shown(page) is None
    wide = saved(tmp_path, random_image(2, 70000, 1, 22), 'wide.png')
    answered(page, lambda: page.choose_file('#file', wide))
    assert 'is too wide for this browser' in page.run(complaint) and shown(page) is None
    note = 'find("looks-inverted").hidden'
    answered(page, lambda: page.choose_file('#file', REPOSITORY + '/docs/boot_on_white.jpg'))
    assert page.run(complaint) == '' and page.run(note) is False
    answered(page, lambda: click(page, '#invert'))
    assert page.run(note) is True


# ---- the page as a page


def test_the_page_asks_no_host_and_its_policy_stops_what_is_not_its_own(page, tmp_path):
    path = saved(tmp_path, random_image(9, 9, 1, 1))
    answered(page, lambda: page.choose_file('#file', path))
    urls = page.requests()
    assert [url for url in urls if not url.startswith(('file:', 'blob:', 'data:'))] == []
    assert len([url for url in urls if url.startswith('file:')]) == 1
    assert page.complaints() == []
    page.run('''
        document.body.append(Object.assign(document.createElement("script"),
                                           {textContent: "window.wasRun = 1"}));
        document.body.append(Object.assign(document.createElement("img"),
                                           {src: "http://127.0.0.1:9/"}));
        fetch("http://127.0.0.1:9/").catch(() => 0)''')
    assert page.run('window.wasRun') is None
    said = ' '.join(entry['text'] for entry in page.complaints())
    for directive in ("script-src 'sha256-", 'img-src blob: data:', "'connect-src' was not"):
        assert directive in said


@pytest.mark.parametrize('tab', ['draw', 'picture', 'gallery'])
def test_axe_finds_nothing_and_no_width_scrolls_sideways(shared_page, tab):
    page = shared_page
    click(page, '#tab-' + tab)
    page.run('document.querySelector("details").open = true')
    motion = 'getComputedStyle(document.querySelector("#bars i"), "::before").transitionDuration'
    page.prefer(prefers_reduced_motion='no-preference')
    assert page.run(motion) != '0s'
    for scheme in ('light', 'dark'):
        page.prefer(prefers_color_scheme=scheme, prefers_reduced_motion='reduce')
        assert axe_findings(page) == []
    assert page.run(motion) == '0s'
    for width in (320, 768, 1280):
        page.resize(width, 740)
        wide = page.run('document.documentElement.scrollWidth')
        assert wide == page.run('document.documentElement.clientWidth') <= width
        left, _, w, _ = box(page, '#answer')
        assert left >= 0 and left + w <= width
    page.resize(320, 640)  # what can be touched is large enough on a phone
    sizes = page.run('''[...document.querySelectorAll(
        "button, input[type=range], .tabs label, #images label, .drop label, summary, .check")].map(
            (each) => {
                const {width, height} = each.getBoundingClientRect();
                return [each.id || each.className || each.textContent, width, height];
            }).filter(([, width]) => width)''')
    assert len(sizes) >= 5
    assert [each for each in sizes if min(each[1:]) < 36] == []
    page.resize(1280, 900)


def test_the_page_works_from_a_web_server_and_requests_itself_alone(chromium, page_folder):
    requested = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            requested.append(self.path)

    with http.server.ThreadingHTTPServer(
            ('127.0.0.1', 0), functools.partial(Handler, directory=str(page_folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = ready(chromium.open('http://127.0.0.1:%d/' % server.server_address[1]))
        page.wait('find("sure").textContent')
        np.testing.assert_allclose(shown(page), expected(GALLERY[0][0]), atol=1e-5)
        assert page.complaints() == [] and requested == ['/']
        page.close()
        server.shutdown()
