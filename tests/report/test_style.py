"""The page's colours have the contrast that WCAG 2 asks for, in both themes."""
import re

import pytest


@pytest.fixture(scope='module')
def style(trained_page):
    return trained_page.read_text().split('<style>')[1].split('</style>')[0]


@pytest.fixture(params=['light', 'dark'])
def colours(request, style):
    """The bytes of each named colour of a theme."""
    dark = r'@media screen and \(prefers-color-scheme: dark\) \{ (:root \{.*?\}) \}'
    text = re.sub(dark, '', style) if request.param == 'light' else ' '.join(
        re.findall(dark, style))
    found = {name: bytes.fromhex(value) for name, value in re.findall(
        r'--([\w-]+): #(\w{6});', text)}
    found.update((name, bytes(map(int, value.split()))) for name, value in re.findall(
        r'--([\w-]+): (\d+ \d+ \d+);', text))
    return found


def luminance(colour):
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
              for c in (byte / 255 for byte in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    low, high = sorted(map(luminance, (a, b)))
    return (high + 0.05) / (low + 0.05)


def test_text_has_a_contrast_of_4_5_and_lines_of_3(colours):
    assert contrast(bytes([119] * 3), bytes([255] * 3)) == pytest.approx(4.48, abs=0.01)  # WCAG's
    for text, ground in [('ink', 'ground'), ('ink', 'card'), ('ink', 'mark'), ('soft', 'ground'),
                         ('soft', 'card'), ('link', 'ground'), ('link', 'card')]:
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for line in ('blue', 'vermillion', 'green', 'purple', 'orange', 'sky', 'yellow', 'faint'):
        assert contrast(colours[line], colours['card']) >= 3, line


def test_numbers_on_the_shades_of_the_matrix_have_a_contrast_of_4_5(colours, style):
    shades = re.findall(r'\.(hit|miss)(\d) \{ background: rgb\(var\(--\w+\) / ([\d.]+)\)', style)
    assert len(shades) == 20
    for kind, n, part in shades:
        shade = [under + (over - under) * float(part)
                 for under, over in zip(colours['card'], colours[kind])]
        text = colours['on-shade']
        if kind == 'hit' and n >= '7':
            text = bytes(3) if n == '7' else colours['on-hit']
        assert contrast(text, shade) >= 4.5, (kind, n)
