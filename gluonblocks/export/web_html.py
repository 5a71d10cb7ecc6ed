"""The HTML of a net's web page."""
import base64
import hashlib
import html
import json
import os
import re

import numpy as np

from .. import __version__
from ..files import read_file

SIDE = 28  # of the squares that pictures are fitted into, as read_image does it

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'page')


def page_data(info, gallery, runtime):
    """What the page's scripts need to know, a dict for JSON; `runtime` goes into it as it is.

    Raises ValueError for a net that they cannot feed and for images of another kind.
    """
    channels, height, width = info['input']
    side = info.get('resize') or SIDE
    if channels != 1:
        raise ValueError('this net takes pictures of %d channels, but the web page gives grey ones '
                         'only, of 1; export it to another format' % channels)
    if (height, width) != (side, side):
        raise ValueError('this net takes pictures of %d x %d pixels, but what it was trained on '
                         'has %d x %d; export it with the input of its training'
                         % (height, width, side, side))
    if info.get('preprocessing', 'outside') != 'outside':
        raise ValueError('this net has its preprocessing inside, but the web page does it itself; '
                         'give the net without it')
    images = []
    for i, (image, name) in enumerate(gallery):
        image = np.asarray(image)
        if image.shape != (SIDE, SIDE) or image.dtype != np.uint8:
            raise ValueError('image %d of the gallery is %s of shape %s, but must be uint8 of '
                             'shape (%d, %d)' % (i, image.dtype, image.shape, SIDE, SIDE))
        images.append({'name': name, 'pixels': base64.b64encode(image.tobytes()).decode()})
    return {'classes': list(info['classes']), 'side': SIDE, 'inputSide': side,
            'ground': 255 if _is_bright(info) else 0, 'gallery': images, 'model': 'model.onnx',
            'runtime': runtime}


def page_html(info, page, policy, style, scripts, version):
    """The page, bytes. `style` and `scripts` are HTML, everything of `info` is escaped here.

    `page` is as `page_data` gives it, `version` that of ONNX Runtime Web.
    """
    known, other = ('dark', 'bright') if page['ground'] else ('bright', 'dark')
    about = title = str(info['model'])
    if info.get('dataset'):
        title += ' · %s' % info['dataset']
        about += ', trained on %s' % info['dataset']
    about += '.'
    if info.get('accuracy') is not None:
        about += ' It is right on %.1f %% of the test images.' % (100 * float(info['accuracy']))
    caption = 'Its input, %d × %d' % (SIDE, SIDE)
    if page['inputSide'] != SIDE:
        caption += ' pixels, resized to %d × %d' % (page['inputSide'], page['inputSide'])
    words = {
        'title': title,
        'about': about,
        'caption': caption,
        'generator': 'gluonblocks %s' % __version__,
        'csp': policy,
        'ground': 'The net knows %s things on %s ground.' % (known, other),
        'invert': 'The picture shows a %s thing on %s ground: turn it round' % (other, known),
        'looks_inverted': 'This picture is brighter at its border than inside. If it shows '
                          'something dark on bright ground, tick the box.',
        'brush': 40 if page['ground'] else 215,
        'side': SIDE,
        'version': version,
        'licence': _licence(info),
    }
    parts = {key: html.escape(str(value)) for key, value in words.items()}
    parts['facts'] = ''.join('<dt>%s</dt><dd>%s</dd>' % (html.escape(label), html.escape(value))
                             for label, value in _facts(info))
    parts['style'] = style
    # Within a script "<" could end it.
    parts['data'] = '<script type="application/json" id="page-data">%s</script>' % json.dumps(
        page).replace('<', '\\u003c')
    parts['scripts'] = '\n'.join(scripts)
    return re.sub(r'\{\{(\w+)\}\}', lambda hole: parts[hole.group(1)],
                  own_file('page.html')).encode()


def _facts(info):
    """(label, value) of what is known of the net, for people."""
    labels = [('model', 'Model'), ('dataset', 'Data set'), ('accuracy', 'Test accuracy'),
              ('gluonblocks', 'gluonblocks'), ('weights_sha256', 'SHA-256 of the weights'),
              ('data_sha256', 'SHA-256 of the data')]
    return [(label, str(info[key])) for key, label in labels if info.get(key) is not None]


def _licence(info):
    owners = ['ONNX Runtime: Copyright (c) Microsoft Corporation']
    if info.get('dataset') == 'fashion-mnist':
        owners.append('Fashion-MNIST, the test images: Copyright (c) 2017 Zalando SE')
    title, _, terms = own_file('licence.txt').partition('\n')
    # The terms are set as paragraphs, so that they fit a phone.
    terms = '\n\n'.join(' '.join(part.split()) for part in terms.strip().split('\n\n'))
    return '%s\n\n%s\n\n%s' % (title, '\n'.join(owners), terms)


def _is_bright(info):
    return info.get('ground', 'dark') == 'bright'


def own_file(name):
    """The text of a file of ours that goes into the page."""
    return read_file(os.path.join(_FOLDER, name), 2 ** 20).decode()


def hash_of(text):
    """How a Content-Security-Policy names a script or style that stands in the page."""
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
