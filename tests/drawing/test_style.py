"""How every picture looks, how its numbers are written, and its two kinds of file."""
import xml.etree.ElementTree as ET

import matplotlib.style
import pytest
from matplotlib.figure import Figure

from gluonblocks.drawing.style import (
    BLUE,
    HEADLINE,
    LINE,
    encode_figure,
    new_figure,
    plain,
    readable,
    style_axes,
    tick,
)
from gluonblocks.drawing.svg import svg_of

SVG = '{http://www.w3.org/2000/svg}'


@pytest.mark.parametrize('number, text', [
    (6730, '6,730'), (1496.4, '1,496'), (33.4, '33.4'), (0.6421, '0.642'), (0.0001234, '0.000123'),
    (9.999, '10.0'), (999.9, '1,000'), (0.99996, '1.00'), (0, '0'), (-5, '-5.00'),
    (123456789, '123,456,789'), (1.5e15, '1.50 × 10^15'), (2e-9, '2.00 × 10^-9'),
    (float('nan'), '–'), (float('inf'), '∞'), (float('-inf'), '−∞')])
def test_numbers_have_no_exponents_unless_they_are_very_large_or_small(number, text):
    assert readable(number) == text


def test_numbers_at_an_axis_have_no_zeros_at_the_end():
    assert [tick(number) for number in (0.30, 10000, 88.5, 100, 0)] == [
        '0.3', '10,000', '88.5', '100', '0']


def test_a_long_name_keeps_its_beginning_and_its_end():
    assert plain('ankle boot', most=24) == 'ankle boot'
    assert plain('a class with a very long name, 7', most=24) == 'a class with…ong name, 7'


def picture():
    figure = new_figure(3, 2)
    axes = style_axes(figure.add_subplot())
    axes.plot([1, 2, 3], [0.12, float('nan'), 0.25], color=BLUE, marker='o', **LINE)
    axes.fill_between([1, 2], [0, 0], [0.1, 0.2], color=BLUE, alpha=0.5, linewidth=0)
    axes.set_xlabel('a < b')
    figure.suptitle(plain('$5 and $6'), **HEADLINE)
    return figure


@pytest.mark.parametrize('style', ['dark_background', {
    'font.size': 30, 'font.family': 'serif', 'axes.facecolor': 'red', 'svg.fonttype': 'path',
    'savefig.bbox': 'tight', 'lines.linewidth': 9}])
def test_the_users_settings_neither_count_nor_change(style):
    expected = [encode_figure(picture(), kind) for kind in ('png', 'svg')]
    with matplotlib.style.context(style):
        before = dict(matplotlib.rcParams)
        assert [encode_figure(picture(), kind) for kind in ('png', 'svg')] == expected
        assert dict(matplotlib.rcParams) == before


def test_an_svg_has_words_text_that_can_be_searched_and_colours_but_no_styles():
    svg = ET.fromstring(svg_of(picture(), 'Title & more', 'What is <seen>'))
    assert svg.get('role') == 'img'
    assert [(part.tag, part.text) for part in svg[:2]] == [
        (SVG + 'title', 'Title & more'), (SVG + 'desc', 'What is <seen>')]
    assert {'a < b', '$5 and $6', '1.5'} <= {each.text for each in svg.iter(SVG + 'text')}
    elements = list(svg.iter())
    assert not {key for element in elements for key in element.attrib} & {'style', 'id'}
    line, band = ([element for element in elements if element.get(key) == BLUE]
                  for key in ('stroke', 'fill'))
    assert any(element.get('fill-opacity') == '0.5' for element in band)
    # A NaN is a gap: the line of three points has no part that joins two.
    assert any(element.get('fill') == 'none' and 'L' not in element.get('d') for element in line)


def test_an_svg_stands_where_matplotlib_puts_it():
    figure = Figure(figsize=(2, 1), dpi=72)
    axes = figure.add_axes([0, 0, 1, 1])
    axes.set(xlim=(0, 2), ylim=(0, 1))
    axes.plot([0, 2], [0, 0.25], color=BLUE)
    axes.text(1, 0.5, 'middle', ha='center', va='baseline', rotation=90)
    svg = ET.fromstring(svg_of(figure))
    assert svg.get('viewBox') == '0 0 144 72'
    assert [element.get('d') for element in svg.iter(SVG + 'path')
            if element.get('stroke') == BLUE] == ['M0 72L144 54']
    text, = [element for element in svg.iter(SVG + 'text') if element.text == 'middle']
    assert text.get('text-anchor') == 'middle' and text.get('transform').startswith('rotate(-90 ')
