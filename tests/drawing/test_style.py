"""How every picture looks, and how its numbers are written."""
import matplotlib
import pytest

from gluonblocks.drawing.style import (
    encode_figure,
    new_figure,
    plain,
    readable,
    shorten,
    styled,
    tick,
)


@pytest.mark.parametrize('number, text', [
    (6730, '6,730'), (1496.4, '1,496'), (33.4, '33.4'), (0.6421, '0.642'), (0.0001234, '0.000123'),
    (9.999, '10.0'), (999.9, '1,000'), (0.99996, '1.00'), (0, '0'), (-5, '-5.00'),
    (123456789, '123,456,789'), (1.5e15, '1.50 × 10^15'), (2e-9, '2.00 × 10^-9'),
    (float('nan'), '–'), (float('inf'), '∞'), (float('-inf'), '−∞')])
def test_numbers_are_read_without_exponents_as_long_as_that_can_be(number, text):
    assert readable(number) == text


@pytest.mark.parametrize('number, text', [(0.30, '0.3'), (10000, '10,000'), (88.5, '88.5'),
                                          (100, '100'), (0, '0')])
def test_at_an_axis_they_have_no_zeros_at_the_end(number, text):
    assert tick(number) == text


def test_a_long_name_keeps_its_beginning_and_its_end():
    assert shorten('ankle boot') == 'ankle boot'
    assert shorten('a class with a very long name, 7') == 'a class with…ong name, 7'
    assert len(shorten('x' * 99)) == 24


def test_the_users_own_settings_neither_count_nor_change():
    def picture():
        with styled():
            figure = new_figure(2, 2)
            figure.add_subplot().plot([1, 2], [3, 4])
            return encode_figure(figure, 'png'), encode_figure(figure, 'svg')
    expected = picture()
    with matplotlib.rc_context({'font.size': 30, 'axes.facecolor': 'red'}):
        assert picture() == expected
        assert matplotlib.rcParams['font.size'] == 30


def test_an_svg_has_text_and_no_date_and_the_same_bytes():
    with styled():
        figure = new_figure(2, 2)
        figure.suptitle('a title')
        content = encode_figure(figure, 'svg')
        assert content == encode_figure(figure, 'svg')
    assert b'a title</text>' in content and b'dc:date' not in content


def test_a_dollar_is_no_formula():
    with styled():
        figure = new_figure(2, 2)
        figure.suptitle(plain('$5 and $6'))
        assert b'$5 and $6</text>' in encode_figure(figure, 'svg')
