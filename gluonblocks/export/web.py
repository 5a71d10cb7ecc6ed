"""A net as a web page, one file: it runs in the browser, from the disk or from any web server."""
import base64
import gzip
import os
import re

from ..drawing.pages import render_page
from ..files import read_file, write_file
from .description import Written
from .npm import NpmPackage, fetch, unpack
from .onnx import engine, finish, to_onnx

# ONNX Runtime Web. Other versions are not known to run from a file on the disk: 1.22 does not.
RUNTIME = NpmPackage(
    'onnxruntime-web', '1.30.0', 33106585,
    'sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfK'
    'YQ==')
SCRIPT, MODULE, WASM = ('dist/ort.wasm.min.js', 'dist/ort-wasm-simd-threaded.mjs',
                        'dist/ort-wasm-simd-threaded.wasm')
MODEL, PAGE = 'model.onnx', 'index.html'
SIDE = 28  # of the squares that images are fitted into, as read_image does it
PER_CLASS = 2  # test images in the gallery

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'page')
_OURS = ('picture.js', 'net.js', 'draw.js', 'answer.js', 'app.js')
_FACTS = [('model', 'Model'), ('dataset', 'Data set'), ('accuracy', 'Test accuracy'),
          ('gluonblocks', 'gluonblocks'), ('weights_sha256', 'SHA-256 of the weights'),
          ('data_sha256', 'SHA-256 of the data')]


def write(net, folder, options):
    """The format 'web': index.html."""
    if not net.is_classifier or net.shape[0] != 1 or net.picture_size != (SIDE, SIDE):
        raise ValueError('the page reads grey images of 28 x 28 pixels and tells their class, but '
                         'the net takes %s: leave out the format web' % (net.shape,))
    write_page(finish(to_onnx(net), net, True), net.info, _gallery(net), folder, options.runtime)
    if net.test.first(1).pictures is None:  # then the net within the page is verified, on floats
        return Written([PAGE], engine(finish(to_onnx(net), net, False)))
    return Written([PAGE], engine(net_of_page(os.path.join(folder, PAGE))), takes_pictures=True)


def net_of_page(path):
    """The bytes of the ONNX file that the page at `path` carries."""
    with open(path, encoding='utf-8') as f:
        text = re.search('<script[^>]* data-file="%s">([^<]*)<' % MODEL, f.read()).group(1)
    return gzip.decompress(base64.b64decode(text))


def write_page(onnx_bytes, info, gallery, folder, runtime=None):
    """Write a net as a web page into `folder`: index.html, with everything inside.

    It works by a double click and from any web server, and asks no host for anything.

    `onnx_bytes` is an ONNX file with one input, uint8 (N, 28, 28), and one output, logits
    (N, classes). `info` is an export's, see `export_run`: 'classes', 'input' and 'model'; others
    are shown if they are there. `gallery` has test images to choose from, each (uint8 (28, 28), the
    name of its class or None); the page opens with the first and its answer. `runtime` is the
    archive of ONNX Runtime Web that `npm pack` writes (None: npm fetches it).

    Raises OSError if ONNX Runtime Web is unavailable.
    """
    runtime_files = unpack(fetch(RUNTIME, runtime), [SCRIPT, MODULE, WASM])
    carried = {'runtime.mjs': runtime_files[MODULE], 'runtime.wasm': runtime_files[WASM],
               MODEL: onnx_bytes}
    dataset, tabs = info.get('dataset'), [('draw', 'Draw'), ('picture', 'Picture')]
    text = render_page(
        _FOLDER, 'page.html.j2',
        scripts=[runtime_files[SCRIPT].decode(), '\n'.join(map(_own, _OURS))],
        title='%s · %s' % (info['model'], dataset) if dataset else info['model'],
        info=info, dataset=dataset, accuracy=info.get('accuracy'), side=SIDE,
        tabs=[('gallery', 'Test images')] * bool(gallery) + tabs, gallery=gallery,
        facts=[(label, info[key]) for key, label in _FACTS if info.get(key) is not None],
        runtime=RUNTIME.version,
        carried={name: base64.b64encode(gzip.compress(content, mtime=0)).decode()
                 for name, content in carried.items()})
    write_file(os.path.join(folder, PAGE), text.encode())


def _gallery(net):
    """Test images to choose from, the first of each class: (uint8 (H, W), its class or None)."""
    classes = net.info['classes']
    found = [[] for _ in classes]
    for batch in net.test:
        if batch.pictures is None:
            return []
        if batch.labels is None:
            return [(picture, None) for picture in batch.pictures[:PER_CLASS * len(classes)]]
        for picture, label in zip(batch.pictures, batch.labels):
            found[int(label)].append(picture)
    # One of each class, and then the next of each.
    return [(pictures[i], name) for i in range(PER_CLASS)
            for name, pictures in zip(classes, found) if i < len(pictures)]


def _own(name):
    """The text of a file that goes into the page."""
    return read_file(os.path.join(_FOLDER, name), 2 ** 20).decode()
