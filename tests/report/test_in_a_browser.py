"""The page as a browser shows it, on a phone and on a desktop, light and dark."""
import pytest
from web_pages import axe_findings


@pytest.fixture(scope='module')
def opened(chromium, trained_page):
    page = chromium.open(trained_page.as_uri())
    page.wait("document.readyState == 'complete'")
    yield page
    page.close()


def test_the_page_is_complete_asks_for_nothing_and_fits_every_width(opened):
    for width, theme in ((360, 'light'), (360, 'dark'), (1280, 'light'), (1280, 'dark')):
        opened.resize(width, 900)
        opened.prefer(prefers_color_scheme=theme)
        assert opened.run('document.documentElement.scrollWidth') <= width
        # The browser accepts the style sheet, so its hash fits the policy, and follows the theme.
        ground = opened.run('getComputedStyle(document.body).backgroundColor')
        assert ground == ('rgb(20, 22, 26)' if theme == 'dark' else 'rgb(246, 247, 249)')
        line = opened.run("getComputedStyle(document.querySelector('[stroke=\"#0072b2\"]')).stroke")
        assert line == ('rgb(74, 168, 232)' if theme == 'dark' else 'rgb(0, 114, 178)')
        size = opened.run("getComputedStyle(document.querySelector('.chart text')).fontSize")
        assert size == ('13px' if width == 360 else '11.5px')
        if theme == 'dark':  # at each width; axe checks contrast, names, roles and order
            assert axe_findings(opened) == []
    opened.resize(360, 740)
    opened.prefer(prefers_color_scheme='light')
    assert axe_findings(opened) == []
    images = opened.run('[...document.images].map(i => i.complete && i.naturalWidth)')
    assert images and set(images) == {28}
    # An image that is not a square keeps its shape.
    assert opened.run("getComputedStyle(document.images[0]).objectFit") == 'contain'
    assert opened.run("document.querySelectorAll('details[open]').length") == 4
    # A link of the navigation leads to its section, and the keyboard to what scrolls.
    opened.run("document.querySelector('nav a[href=\"#layers\"]').click()")
    assert opened.run("document.getElementById('layers').getBoundingClientRect().top") < 200
    assert opened.run("[...document.querySelectorAll('.scroll')].every(e => e.tabIndex == 0)")
    assert opened.complaints() == []
    assert all(url.startswith(('file:///', 'data:')) for url in opened.requests())
