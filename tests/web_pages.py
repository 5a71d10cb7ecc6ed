"""A web page of a net whose answers NumPy can compute; what tests do with it and read off it."""
import base64
import functools
import io
import os
import re
import tarfile

import numpy as np
import pytest

from gluonblocks.export.npm import NpmPackage, fetch, unpack

AXE = NpmPackage(
    'axe-core', '4.14.1', 708405,
    'sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVG'
    'tQ==')
CLASSES = ['t-shirt', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag',
           'ankle boot']
INFO = {'classes': CLASSES, 'input': [1, 28, 28], 'resize': None, 'scaling': 'x / 255',
        'ground': 'dark', 'preprocessing': 'inside', 'model': 'linear', 'dataset': 'synthetic',
        'accuracy': 0.875}
RNG = np.random.RandomState(3)
# Coarse weights: like a trained net, this one sees shapes and not single pixels.
WEIGHT = np.kron(RNG.randn(7, 7, 10), np.ones((4, 4, 1))).reshape(784, 10) / 40
BIAS = RNG.randn(10)
GALLERY = [(np.kron(RNG.randint(0, 256, (7, 7)), np.ones((4, 4))).astype(np.uint8), name)
           for name in CLASSES * 2]


def expected(image):
    """The probabilities that the net of these weights gives for uint8 (28, 28)."""
    logits = image.reshape(-1) / 255 @ WEIGHT + BIAS
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


@functools.lru_cache(maxsize=None)
def npm_archive(package):
    """The archive of an npm package, bytes; without npm the test is skipped, but not in CI."""
    try:
        return fetch(package)
    except OSError as error:
        if os.environ.get('GLUONBLOCKS_TEST_BROWSER'):
            raise
        pytest.skip('%s' % error)


def archive_of(files):
    """The bytes of an archive, as npm has them, of {path: content}."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode='w:gz') as tar:
        for path, data in files.items():
            member = tarfile.TarInfo('package/' + path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


def axe_findings(page):
    """What axe-core, a checker of accessibility, finds wrong with the page."""
    page.run(unpack(npm_archive(AXE), ['axe.min.js'])['axe.min.js'].decode())
    return page.run('axe.run().then(({violations}) => violations.map(({id, nodes}) => '
                    'id + ": " + nodes.map((node) => node.html + node.failureSummary)))')


def ready(page):
    """Wait until the page has loaded its net, and count from then on how often it shows answers."""
    page.wait('document.readyState == "complete" && !!(find("status").hidden || '
              'find("status").classList.contains("failed"))')
    assert page.run('find("status").hidden'), page.run('find("status").innerText')
    page.run('var times = 0; { const original = show; '
             'show = (...args) => { original(...args); times++; }; }')
    return page


def answered(page, act):
    """The probabilities of the classes that the page shows after `act()`; None for no answer."""
    before = page.run('times')
    act()
    page.wait('times > %d && !isRunning' % before)
    return shown(page)


def shown(page):
    values = page.run('[...document.querySelectorAll("#bars li")].map((bar) => '
                      'bar.style.getPropertyValue("--p"))')
    return np.array(values, float) if all(values) else None


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
    # The browser hands out moves of the mouse once a frame.
    page.run('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')


def scripts_of(text):
    """(attributes, content) of each script of a page; as in a browser, "</script" ends one."""
    return re.findall('<script([^>]*)>(.*?)</script', text, re.DOTALL)
