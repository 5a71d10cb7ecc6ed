"""The web page as a page: its policy, its widths, its accessibility, and as a site."""
import functools
import http.server
import threading

import numpy as np
import pytest
from picture_files import A, saved
from tiny_onnx import linear_onnx
from web_pages import (
    BIAS,
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
)

from gluonblocks.export.web import write_site


def test_nothing_is_asked_of_any_host_before_or_after_the_page_is_there(page, tmp_path):
    before = page.requests()
    answered(page, lambda: draw(page, [(.2, .3), (.8, .3)]))
    answered(page, lambda: page.choose_file('#file', saved(tmp_path, A, 'photo.jpg')))
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
