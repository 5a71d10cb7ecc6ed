"""A net as a web page: it runs in the browser, from one file or from a folder on any web server."""
import base64
import gzip
import os
import re

from ..files import write_file
from .formats import Written
from .npm import NpmPackage, PackageError, read_package
from .onnx import core_model, engine, finish
from .web_html import hash_of, own_file, page_data, page_html

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

_SCRIPT, _MODULE, _WASM = (os.path.basename(path) for path in RUNTIME.files)
_OURS = ('resize.js', 'picture.js', 'net.js', 'draw.js', 'answer.js', 'app.js')

# Nothing but what is named here is loaded or run.
_POLICY = ("default-src 'none'; script-src {scripts} 'wasm-unsafe-eval'; style-src {styles}; "
           "img-src blob: data:; connect-src {connect}; base-uri 'none'; form-action 'none'")

PAGE, SITE = 'index.html', 'site'
PER_CLASS = 2  # test images in the gallery


def write(job):
    """The format 'web': index.html, and the same as a folder for a web server, site/."""
    if job.config and job.picture_size != (28, 28):
        raise ValueError('the page reads pictures as 28 x 28 pixels, and the net was trained on '
                         '%d x %d: leave out the format web' % job.picture_size[::-1])
    job = job._replace(with_preprocessing=False,  # the page does it, bit by bit as we do
                       info=dict(job.info, preprocessing='outside'))
    content = finish(core_model(job), job)
    gallery = _gallery(job)
    write_page(content, job.info, gallery, os.path.join(job.folder, PAGE))
    site = os.path.join(job.folder, SITE)
    write_site(content, job.info, gallery, site)
    files = [PAGE] + [SITE + '/' + name for name in sorted(os.listdir(site))]
    return Written(files, engine(net_of_page(os.path.join(job.folder, PAGE))))


def net_of_page(path):
    """The bytes of the ONNX file that the page at `path` carries."""
    with open(path, encoding='utf-8') as f:
        text = re.search('<script[^>]* data-file="model.onnx">([^<]*)<', f.read()).group(1)
    return gzip.decompress(base64.b64decode(text))


def write_page(onnx_bytes, info, gallery, path, runtime=None):
    """Write the net as one HTML file to `path`, which works by a double click: with all inside.

    Arguments: `onnx_bytes` is an ONNX file with one input, float32 (N, 1, H, W), and one output,
    logits (N, classes). `info` is what the export's metadata say, a dict: `classes` (a list of
    names), `input` ([1, H, W]), `resize` (the side that 28 x 28 pictures are resized to, or None)
    and `model`; `dataset`, `ground`, `accuracy` and others are told where they are there.
    `gallery` holds test images to pick from, each (uint8 (28, 28), the name of its class or None).
    `runtime` says where the files of ONNX Runtime Web lie, as `read_package` takes it (None: the
    environment variable GLUONBLOCKS_ORT_WEB, and else they are fetched once and kept).

    Raises ValueError for a net that the page cannot feed, PackageError (an OSError) where the
    files of ONNX Runtime Web are not to be had, OSError where the page cannot be written.
    """
    page = page_data(info, gallery, {'mjs': _MODULE, 'wasm': _WASM})
    files = _runtime_files(runtime)
    style = own_file('style.css')
    scripts = [files[_SCRIPT].decode()] + [own_file(name) for name in _OURS]
    packed = {_WASM: files[_WASM], _MODULE: files[_MODULE], 'model.onnx': onnx_bytes}
    carried = ['<script type="text/plain" data-file="%s">%s</script>' % (
        name, base64.b64encode(gzip.compress(content, mtime=0)).decode())
        for name, content in packed.items()]
    policy = _POLICY.format(scripts=' '.join(map(hash_of, scripts)) + ' blob:',
                            styles=hash_of(style), connect="'none'")
    write_file(path, page_html(
        info, page, policy, '<style>%s</style>' % style,
        carried + ['<script>%s</script>' % script for script in scripts], RUNTIME.version))


def write_site(onnx_bytes, info, gallery, folder, runtime=None):
    """Write the net as a folder of files that any web server can give out, in any place.

    All addresses in it are relative, and nothing is asked of another host. A browser does not read
    such a folder from the disk: `python -m http.server` serves it. Arguments and errors: see
    `write_page`.
    """
    page = page_data(info, gallery, {'mjs': _MODULE, 'wasm': _WASM})
    files = dict(_runtime_files(runtime), **{'model.onnx': onnx_bytes})
    files.update((name, own_file(name).encode()) for name in _OURS + ('style.css',))
    policy = _POLICY.format(scripts="'self'", styles="'self'", connect="'self'")
    # The last, so that a page that can be opened has its files.
    files['index.html'] = page_html(
        info, page, policy, '<link rel="stylesheet" href="style.css">',
        ['<script src="%s"></script>' % name for name in (_SCRIPT,) + _OURS], RUNTIME.version)
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


def _gallery(job):
    """Test images to pick from, the first of each class: (uint8 (H, W), its class or None)."""
    classes = job.info['classes']
    found = {label: [] for label in range(len(classes))}
    for batch in job.test:
        if batch.pictures is None:
            return []
        if batch.labels is None:
            return [(picture, None) for picture in batch.pictures[:PER_CLASS * len(classes)]]
        for picture, label in zip(batch.pictures, batch.labels):
            if len(found[int(label)]) < PER_CLASS:
                found[int(label)].append(picture)
        if all(len(pictures) == PER_CLASS for pictures in found.values()):
            break
    # One of each class, and then the next of each.
    return [(pictures[i], classes[label]) for i in range(PER_CLASS)
            for label, pictures in found.items() if i < len(pictures)]
