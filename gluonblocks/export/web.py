"""Write a single HTML file that runs a net in the browser, even when opened from disk."""
import base64
import gzip
import os
import re

from ..drawing.pages import render_page
from ..files import read_file, write_file
from .description import Written
from .npm import NpmPackage, fetch, unpack
from .onnx import check as check_onnx
from .onnx import engine, finish, to_onnx

# The version of ONNX Runtime Web is pinned because some versions, such as 1.22, do not run when the
# page is a local file.
RUNTIME = NpmPackage(
    'onnxruntime-web', '1.30.0', 33106585,
    'sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfK'
    'YQ==')
SCRIPT, MODULE, WASM = ('dist/ort.wasm.min.js', 'dist/ort-wasm-simd-threaded.mjs',
                        'dist/ort-wasm-simd-threaded.wasm')
MODEL, PAGE = 'model.onnx', 'index.html'
SIDE = 28  # height and width in pixels of the square that images are fitted into
PER_CLASS = 2  # number of test images of each class in the gallery

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'page')
_SCRIPTS = ('picture.js', 'net.js', 'draw.js', 'answer.js', 'app.js')
_FACTS = [('model', 'Model'), ('dataset', 'Data set'), ('accuracy', 'Test accuracy'),
          ('gluonblocks', 'gluonblocks'), ('weights_sha256', 'SHA-256 of the weights'),
          ('data_sha256', 'SHA-256 of the data')]


def check(net):
    """Raise ValueError unless `net` classifies 28 x 28 grey images and can be exported to ONNX."""
    if not net.is_classifier or net.shape[0] != 1 or net.picture_size != (SIDE, SIDE):
        raise ValueError('the web format requires a classifier of 28 x 28 greyscale images, found '
                         'a net with input shape %s: omit this format' % (net.shape,))
    check_onnx(net)


def write(net, folder, options):
    """Write index.html; return a `Written`."""
    write_page(finish(to_onnx(net), net, True), net.info, _gallery(net), folder, options.runtime)
    if net.test.first(1).pixels is None:  # verify the net without preprocessing instead
        return Written([PAGE], engine(finish(to_onnx(net), net, False)))
    return Written([PAGE], engine(net_of_page(os.path.join(folder, PAGE))), takes_pixels=True)


def net_of_page(path):
    """Return the bytes of the ONNX file embedded in the page at `path`."""
    with open(path, encoding='utf-8') as f:
        text = re.search('<script[^>]* data-file="%s">([^<]*)<' % MODEL, f.read()).group(1)
    return gzip.decompress(base64.b64decode(text))


def write_page(onnx_bytes, info, gallery, folder, runtime=None):
    """Write index.html into `folder`: a self-contained web page that runs a net.

    The page can be opened from disk or from any web server, and makes no network requests.
    `onnx_bytes` is an ONNX file with one input, uint8 (N, 28, 28), and one output, the logits
    (N, classes). `info` must contain 'classes', 'input' and 'model'; the page also shows other
    entries from `export_run` if present. `gallery` lists test images as (uint8 (28, 28), class name
    or None); the page opens with the prediction for the first. `runtime` is the path of an ONNX
    Runtime Web archive made with `npm pack` (None: download it with npm). Raises OSError if ONNX
    Runtime Web is unavailable.
    """
    runtime_files = unpack(fetch(RUNTIME, runtime), [SCRIPT, MODULE, WASM])
    embedded = {'runtime.mjs': runtime_files[MODULE], 'runtime.wasm': runtime_files[WASM],
                MODEL: onnx_bytes}
    dataset, tabs = info.get('dataset'), [('draw', 'Draw'), ('picture', 'Image file')]
    text = render_page(
        _FOLDER, 'page.html.j2',
        scripts=[runtime_files[SCRIPT].decode(), '\n'.join(
            read_file(os.path.join(_FOLDER, name), 2 ** 20).decode() for name in _SCRIPTS)],
        title='%s · %s' % (info['model'], dataset) if dataset else info['model'],
        info=info, dataset=dataset, accuracy=info.get('accuracy'), side=SIDE,
        tabs=[('gallery', 'Test images')] * bool(gallery) + tabs, gallery=gallery,
        facts=[(label, info[key]) for key, label in _FACTS if info.get(key) is not None],
        runtime=RUNTIME.version,
        embedded={name: base64.b64encode(gzip.compress(content, mtime=0)).decode()
                  for name, content in embedded.items()})
    write_file(os.path.join(folder, PAGE), text.encode())


def _gallery(net):
    """Return up to `PER_CLASS` test images per class: [(uint8 (H, W), class name or None), ...]."""
    classes = net.info['classes']
    found = [[] for _ in classes]
    for batch in net.test:
        if batch.pixels is None:
            return []
        if batch.labels is None:
            return [(image, None) for image in batch.pixels[:PER_CLASS * len(classes)]]
        for image, label in zip(batch.pixels, batch.labels):
            found[int(label)].append(image)
    # Return the first image of each class, then the second image of each class.
    return [(images[i], name) for i in range(PER_CLASS)
            for name, images in zip(classes, found) if i < len(images)]
