"""Matplotlib's drawing as a part of the page: no style attributes, the page's colours, words."""
import xml.etree.ElementTree as ET

import pytest

from gluonblocks.drawing.style import PALETTE
from gluonblocks.report.svg import draw


def plot(figure):
    axes = figure.add_subplot()
    axes.plot([1, 2, 3], [0.12, 0.5, 0.25], color=PALETTE[0], marker='o')
    axes.set_xlabel('a < b')


@pytest.fixture
def svg():
    return ET.fromstring(draw(plot, 'x', 'Title & more', 'What is <seen>'))


def test_a_picture_is_drawn_the_same_whatever_was_drawn_and_set_before(svg):
    import matplotlib
    with matplotlib.rc_context({'font.size': 30, 'lines.linewidth': 9, 'svg.hashsalt': None}):
        draw(plot, 'y', 'other', 'other')
        again = draw(plot, 'x', 'Title & more', 'What is <seen>')
    assert again == draw(plot, 'x', 'Title & more', 'What is <seen>')


def test_it_has_a_title_and_a_description_that_it_refers_to(svg):
    assert svg.get('role') == 'img' and svg.get('aria-labelledby') == 'x-title x-text'
    assert [(part.tag, part.get('id'), part.text) for part in svg[:2]] == [
        ('title', 'x-title', 'Title & more'), ('desc', 'x-text', 'What is <seen>')]


def test_colours_are_classes_and_there_is_no_style(svg):
    for element in svg.iter():
        assert 'style' not in element.attrib and element.tag not in ('style', 'metadata')
        for key in ('fill', 'stroke'):
            assert element.get(key, 'none') == 'none', ET.tostring(element)
    assert [element for element in svg.iter() if 's-blue' in (element.get('class') or '')]


def test_text_stays_text_in_the_colour_of_the_page(svg):
    texts = [element for element in svg.iter('text')]
    assert 'a < b' in [element.text for element in texts]
    assert all('f-ink' in element.get('class') for element in texts)
    assert all(float(element.get('font-size')) > 8 for element in texts)
