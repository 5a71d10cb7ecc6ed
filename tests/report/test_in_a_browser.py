"""The page as a browser shows it, on a phone and on a desktop, light and dark."""
import pytest
from browser import PROGRAM, Browser
from small_runs import start

import gluonblocks as gb

pytestmark = pytest.mark.skipif(PROGRAM is None, reason='no Chromium on this machine')


@pytest.fixture
def path(folder, little_data, tmp_path):
    start(folder, epochs=2, norm_stats=True)  # it still makes mistakes, which are pictures
    gb.write_report(folder, str(tmp_path / 'page.html'), ctx='cpu')
    return tmp_path / 'page.html'


def test_the_page_is_whole_asks_for_nothing_and_fits_every_width(path):
    with Browser() as browser:
        for width, dark in ((360, False), (360, True), (1280, False), (1280, True)):
            browser.look(width, dark=dark)
            browser.go(path)
            assert browser.ask('document.documentElement.scrollWidth') <= width
            # The style sheet is taken, so its hash fits the policy, and the theme is followed.
            ground = browser.ask('getComputedStyle(document.body).backgroundColor')
            assert ground == ('rgb(20, 22, 26)' if dark else 'rgb(246, 247, 249)')
            line = browser.ask("getComputedStyle(document.querySelector('.chart .s-blue')).stroke")
            assert line == ('rgb(74, 168, 232)' if dark else 'rgb(0, 114, 178)')
        images = browser.ask('[...document.images].map(i => i.complete && i.naturalWidth)')
        assert images and set(images) == {28}
        assert browser.ask("document.querySelectorAll('details[open]').length") == 4
        # A link of the navigation leads to its section, and the keyboard to what scrolls.
        browser.ask("document.querySelector('nav a[href=\"#layers\"]').click()")
        assert browser.ask("document.getElementById('layers').getBoundingClientRect().top") < 200
        assert browser.ask("[...document.querySelectorAll('.scroll')].every(e => e.tabIndex == 0)")
        assert browser.complaints == []
        assert all(url.startswith(('file:///', 'data:')) for url in browser.requests)
