"""The page as a browser shows it, on a phone and on a desktop, light and dark."""
import pytest
from small_runs import start
from web_pages import axe_findings

import gluonblocks as gb


@pytest.fixture
def page(chromium, folder, little_data, tmp_path):
    start(folder, epochs=2, norm_stats=True)  # it still makes mistakes, which are pictures
    gb.write_report(folder, str(tmp_path / 'page.html'), ctx='cpu')
    opened = chromium.open((tmp_path / 'page.html').as_uri())
    opened.wait("document.readyState == 'complete'")
    yield opened
    opened.close()


def test_the_page_is_whole_asks_for_nothing_and_fits_every_width(page):
    for width, theme in ((360, 'light'), (360, 'dark'), (1280, 'light'), (1280, 'dark')):
        page.resize(width, 900)
        page.prefer(prefers_color_scheme=theme)
        assert page.run('document.documentElement.scrollWidth') <= width
        # The style sheet is taken, so its hash fits the policy, and the theme is followed.
        ground = page.run('getComputedStyle(document.body).backgroundColor')
        assert ground == ('rgb(20, 22, 26)' if theme == 'dark' else 'rgb(246, 247, 249)')
        line = page.run("getComputedStyle(document.querySelector('.chart .s-blue')).stroke")
        assert line == ('rgb(74, 168, 232)' if theme == 'dark' else 'rgb(0, 114, 178)')
    images = page.run('[...document.images].map(i => i.complete && i.naturalWidth)')
    assert images and set(images) == {28}
    assert page.run("document.querySelectorAll('details[open]').length") == 4
    # A link of the navigation leads to its section, and the keyboard to what scrolls.
    page.run("document.querySelector('nav a[href=\"#layers\"]').click()")
    assert page.run("document.getElementById('layers').getBoundingClientRect().top") < 200
    assert page.run("[...document.querySelectorAll('.scroll')].every(e => e.tabIndex == 0)")
    assert page.complaints() == []
    assert all(url.startswith(('file:///', 'data:')) for url in page.requests())


@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_axe_finds_nothing_to_complain_of(page, theme):
    page.resize(360, 740)
    page.prefer(prefers_color_scheme=theme)
    assert axe_findings(page) == []
