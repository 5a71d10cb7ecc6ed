"""The page's colours have the contrast that WCAG 2 asks for, in both themes."""
import re

import pytest

from gluonblocks.report.style import STYLE, luminance


def contrast(a, b):
    low, high = sorted(luminance(bytes.fromhex(colour)) for colour in (a, b))
    return (high + 0.05) / (low + 0.05)


def themes():
    light, dark = [dict(re.findall(r'--(\w+): #(\w{6})', part))
                   for part in STYLE.split('* { box-sizing')[0].split('@media')]
    return {'light': light, 'dark': dark}


def test_the_contrast_of_black_and_white_is_21():
    assert contrast('000000', 'ffffff') == pytest.approx(21)
    assert contrast('777777', 'ffffff') == pytest.approx(4.48, abs=0.01)  # WCAG's known neighbour


@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_text_has_a_contrast_of_4_5(theme):
    colours = themes()[theme]
    for text in ('ink', 'soft', 'link'):
        for ground in ('ground', 'card'):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert contrast(colours['ink'], colours['mark']) >= 4.5


@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_lines_have_a_contrast_of_3(theme):
    colours = themes()[theme]
    for line in ('blue', 'vermillion', 'green', 'purple', 'orange', 'sky', 'yellow', 'faint'):
        assert contrast(colours[line], colours['card']) >= 3, line


def test_numbers_on_the_shades_of_the_matrix_have_a_contrast_of_4_5():
    pairs = re.findall(r'\.(?:hit|miss)\d \{ background: #(\w{6}); color: #(\w{6}); \}', STYLE)
    assert len(pairs) == 40
    for ground, text in pairs:
        assert contrast(ground, text) >= 4.5, (ground, text)
