"""A net as a web page: it runs in the browser, from one file or from a folder on any web server."""
import base64
import gzip
import hashlib
import html
import json
import os
import re

import numpy as np

from .._version import __version__
from ..files import read_file, write_file
from .npm import NpmPackage, PackageError, read_package

# ONNX Runtime Web. Other versions are not known to run from a file on the disk: 1.22 does not.
RUNTIME = NpmPackage(
    'onnxruntime-web', '1.30.0', 33106585,
    'sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==',
    {'dist/ort.wasm.min.js':
         'faece07e84faa9001f5104bbe4e5c70861d06cb2376a0dea1fa0ad33a67adc81',
     'dist/ort-wasm-simd-threaded.mjs':
         'e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b',
     'dist/ort-wasm-simd-threaded.wasm':
         '3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2'})

SIDE = 28  # of the squares that pictures are fitted into, as read_image does it

_SCRIPT, _MODULE, _WASM = (os.path.basename(path) for path in RUNTIME.files)
_OURS = ('resize.js', 'picture.js', 'net.js', 'draw.js', 'answer.js', 'app.js')
_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'page')

# Nothing but what is named here is loaded or run.
_POLICY = ("default-src 'none'; script-src {scripts} 'wasm-unsafe-eval'; style-src {styles}; "
           "img-src blob: data:; connect-src {connect}; base-uri 'none'; form-action 'none'")


def write_page(onnx_bytes, info, gallery, path, runtime=None):
    """Write the net as one HTML file to `path`, which works by a double click: with all inside.

    Arguments: `onnx_bytes` is an ONNX file with one input, float32 (N, 1, H, W), and one output,
    logits (N, classes). `info` is what the export's metadata say, a dict: `classes` (a list of
    names), `input` ([1, H, W]), `resize` (the side that 28 x 28 pictures are resized to, or None),
    `model` and `dataset`; `ground`, `accuracy` and whatever else it has is told where it is there.
    `gallery` holds test images to pick from, each (uint8 (28, 28), the name of its class).
    `runtime` says where the files of ONNX Runtime Web lie, as `read_package` takes it (None: the
    environment variable GLUONBLOCKS_ORT_WEB, and else they are fetched once and kept).

    Raises ValueError for a net that the page cannot feed, PackageError (an OSError) where the
    files of ONNX Runtime Web are not to be had, OSError where the page cannot be written.
    """
    page = _page_data(info, gallery)
    files = _runtime_files(runtime)
    style = _ours('style.css')
    scripts = [files[_SCRIPT].decode()] + [_ours(name) for name in _OURS]
    packed = {_WASM: files[_WASM], _MODULE: files[_MODULE], 'model.onnx': onnx_bytes}
    carried = ['<script type="text/plain" data-file="%s">%s</script>' % (
        name, base64.b64encode(gzip.compress(content, mtime=0)).decode())
        for name, content in packed.items()]
    policy = _POLICY.format(scripts=' '.join(map(_hash, scripts)) + ' blob:',
                            styles=_hash(style), connect="'none'")
    write_file(path, _html(
        info, page, policy, '<style>%s</style>' % style,
        carried + ['<script>%s</script>' % script for script in scripts]))


def write_site(onnx_bytes, info, gallery, folder, runtime=None):
    """Write the net as a folder of files that any web server can give out, in any place.

    All addresses in it are relative, and nothing is asked of another host. A browser does not read
    such a folder from the disk: `python -m http.server` serves it. Arguments and errors: see
    `write_page`.
    """
    page = _page_data(info, gallery)
    files = dict(_runtime_files(runtime), **{'model.onnx': onnx_bytes})
    files.update((name, _ours(name).encode()) for name in _OURS + ('style.css',))
    policy = _POLICY.format(scripts="'self'", styles="'self'", connect="'self'")
    # The last, so that a page that can be opened has its files.
    files['index.html'] = _html(
        info, page, policy, '<link rel="stylesheet" href="style.css">',
        ['<script src="%s"></script>' % name for name in (_SCRIPT,) + _OURS])
    os.makedirs(folder, exist_ok=True)
    for name, content in files.items():
        write_file(os.path.join(folder, name), content)


def _runtime_files(runtime):
    """{name: bytes} of ONNX Runtime Web's three files."""
    source = runtime if runtime is not None else os.environ.get('GLUONBLOCKS_ORT_WEB') or None
    try:
        found = read_package(RUNTIME, source)
    except PackageError as error:
        raise PackageError('%s: as `runtime`, or in the environment variable GLUONBLOCKS_ORT_WEB'
                           % error)
    return {os.path.basename(path): content for path, content in found.items()}


def _page_data(info, gallery):
    """What the scripts need to know, for JSON; ValueError for a net that they cannot feed."""
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
            'runtime': {'mjs': _MODULE, 'wasm': _WASM}}


def _html(info, page, policy, style, scripts):
    """The page, bytes: `style` and `scripts` are HTML, everything of `info` is escaped here."""
    known, other = ('dark', 'bright') if page['ground'] else ('bright', 'dark')
    about = '%s, trained on %s.' % (info['model'], info['dataset'])
    if info.get('accuracy') is not None:
        about += ' It is right on %.1f %% of the test images.' % (100 * float(info['accuracy']))
    caption = 'Its input, %d × %d' % (SIDE, SIDE)
    if page['inputSide'] != SIDE:
        caption += ' pixels, resized to %d × %d' % (page['inputSide'], page['inputSide'])
    words = {
        'title': '%s · %s' % (info['model'], info['dataset']),
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
        'version': RUNTIME.version,
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
                  _ours('page.html')).encode()


def _facts(info):
    """(label, value) of what is known of the net, for people."""
    labels = [('model', 'Model'), ('dataset', 'Data set'), ('accuracy', 'Test accuracy'),
              ('gluonblocks', 'gluonblocks'), ('weights_sha256', 'SHA-256 of the weights'),
              ('data_sha256', 'SHA-256 of the data')]
    return [(label, str(info[key])) for key, label in labels if info.get(key) is not None]


def _licence(info):
    owners = ['ONNX Runtime: Copyright (c) Microsoft Corporation']
    if info['dataset'] == 'fashion-mnist':
        owners.append('Fashion-MNIST, the test images: Copyright (c) 2017 Zalando SE')
    title, _, terms = _ours('licence.txt').partition('\n')
    # The terms are set as paragraphs, so that they fit a phone.
    terms = '\n\n'.join(' '.join(part.split()) for part in terms.strip().split('\n\n'))
    return '%s\n\n%s\n\n%s' % (title, '\n'.join(owners), terms)


def _is_bright(info):
    return info.get('ground', 'dark') == 'bright'


def _ours(name):
    return read_file(os.path.join(_FOLDER, name), 2 ** 20).decode()


def _hash(text):
    """How a Content-Security-Policy names a script or style that stands in the page."""
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
