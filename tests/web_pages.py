"""What tests do with an export's web page, and read off it."""
import base64

import numpy as np


def answered(page, act):
    """The probabilities of the classes that the page shows after `act()`; None for no answer."""
    before = page.run('document.getElementById("answer").dataset.run')
    act()
    # It changes with each answer, and the newest picture is the last to be answered.
    page.wait('(({dataset}) => dataset.run != %s)(document.getElementById("answer"))' % before)
    return shown(page)


def shown(page):
    values = page.run('[...document.querySelectorAll("#bars li")].map((bar) => '
                      '"probability" in bar.dataset ? Number(bar.dataset.probability) : null)')
    return None if None in values else np.array(values)


def seen(page):
    """The picture that the net gets: uint8 (28, 28)."""
    data = page.run('''(() => {
        const canvas = document.getElementById("seen");
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return btoa(String.fromCharCode(...data.filter((_, i) => i % 4 == 0)));
    })()''')
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(28, 28)


def click(page, selector):
    page.run('document.querySelector(%r).click()' % selector)


def box(page, selector):
    """(left, top, width, height) of an element in the window."""
    return page.run('(({left, top, width, height}) => [left, top, width, height])('
                    'document.querySelector(%r).getBoundingClientRect())' % selector)


def draw(page, points):
    """Draw a line with the mouse; each of `points` is (x, y), 0 to 1 of the drawing area."""
    left, top, width, height = box(page, '#canvas')
    page.drag([(left + x * width, top + y * height) for x, y in points])
