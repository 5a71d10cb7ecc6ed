"""Image files on the web page, compared with Python's reading of them."""
import functools

import numpy as np
import pytest
from picture_files import random_image, saved
from PIL import Image
from web_pages import answered, expected, seen

from gluonblocks.data.pictures import read_image


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


# Each with how far a grey value may be off from Python's.
PICTURES = {
    'grey.png': (0, lambda: random_image(28, 28, 1, 1), {}),
    'wide.png': (0, lambda: random_image(30, 97, 3, 2), {}),
    'half-even.png': (0, lambda: random_image(112, 50, 3, 8), {}),  # 12.5 pixels wide
    'half-odd.png': (0, lambda: random_image(54, 112, 3, 21), {}),  # 13.5 pixels high
    'tiny.png': (0, lambda: random_image(3, 2, 3, 6), {}),
    'large.png': (0, lambda: random_image(901, 1203, 3, 9), {}),  # of two strips
    'tall.png': (0, lambda: random_image(70000, 2, 3, 22), {}),  # taller than a canvas can be
    'palette.png': (0, lambda: random_image(60, 60, 3, 10).convert('P'), {}),
    'grey.gif': (0, lambda: random_image(90, 80, 1, 13), {}),
    'lossless.webp': (0, lambda: random_image(100, 120, 3, 14), {'lossless': True}),
    'photo.jpg': (1, lambda: random_image(240, 320, 3, 15), {}),
    'turned.jpg': (1, lambda: random_image(150, 220, 3, 17), {'exif': turned()}),
    'transparent.png': (1, lambda: random_image(120, 90, 4, 19), {}),
    'two-parts.png': (1, lambda: random_image(77, 55, 2, 20), {}),
}


@pytest.mark.parametrize('invert', [False, True], ids=['as-it-is', 'inverted'])
def test_an_image_file_gets_the_answer_that_it_gets_in_python(shared_page, tmp_path, invert):
    page = shared_page
    page.run('find("invert").checked = %s' % str(invert).lower())
    for name, (allowed, make, how) in PICTURES.items():
        path = saved(tmp_path, make(), name, **how)
        image = read_image(path, invert=invert)
        p = answered(page, functools.partial(page.choose_file, '#file', path))
        assert np.argmax(p) == np.argmax(expected(image)), name
        assert np.abs(p - expected(image)).max() < 1e-3, name
        assert np.abs(seen(page).astype(int) - image).max() <= allowed, name
