"""The page's colours have the contrast that WCAG 2 asks for, in both themes."""
import re

import pytest

DARK = r'@media screen and \(prefers-color-scheme: dark\) \{ (:root \{.*?\}) \}'


def luminance(colour):
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
              for c in (byte / 255 for byte in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    low, high = sorted(map(luminance, (a, b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_text_and_numbers_have_a_contrast_of_4_5_and_lines_of_3(trained_page, theme):
    assert contrast(bytes([119] * 3), bytes([255] * 3)) == pytest.approx(4.48, abs=0.01)  # WCAG's
    style = trained_page.read_text().split('<style>')[1].split('</style>')[0]
    text = re.sub(DARK, '', style) if theme == 'light' else ' '.join(re.findall(DARK, style))
    colours = {name: bytes.fromhex(value)
               for name, value in re.findall(r'--([\w-]+): #(\w{6});', text)}
    colours.update((name, bytes(map(int, value.split())))
                   for name, value in re.findall(r'--([\w-]+): (\d+ \d+ \d+);', text))
    for word, ground in [('ink', 'ground'), ('ink', 'card'), ('ink', 'mark'), ('soft', 'ground'),
                         ('soft', 'card'), ('link', 'ground'), ('link', 'card')]:
        assert contrast(colours[word], colours[ground]) >= 4.5, (word, ground)
    for line in ('blue', 'vermillion', 'green', 'purple', 'orange', 'sky', 'yellow', 'faint'):
        assert contrast(colours[line], colours['card']) >= 3, line
    shades = re.findall(r'\.(hit|miss)(\d) \{ background: rgb\(var\(--\w+\) / ([\d.]+)\)', style)
    assert len(shades) == 20
    for kind, n, part in shades:
        shade = [under + (over - under) * float(part)
                 for under, over in zip(colours['card'], colours[kind])]
        number = {'hit7': bytes(3), 'hit8': colours['on-hit'], 'hit9': colours['on-hit']}.get(
            kind + n, colours['on-shade'])
        assert contrast(number, shade) >= 4.5, (kind, n)
