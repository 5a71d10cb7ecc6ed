"""Render the package's web pages with shared colours and a strict security policy."""
import base64
import hashlib
import io
import os

import jinja2
from markupsafe import Markup

from .. import __version__
from . import style

_HERE = os.path.dirname(os.path.abspath(__file__))
_COLOURS = dict(zip(
    ('blue', 'vermillion', 'green', 'purple', 'orange', 'sky', 'yellow', 'ink', 'faint', 'grid'),
    style.PALETTE + (style.INK, style.FAINT, style.GRID)))
# A page may use only its own style sheet and scripts, and may not load other files.
_POLICY = ("default-src 'none'; style-src %s; img-src blob: data:; base-uri 'none'; "
           "form-action 'none'")


def render_page(folder, template, scripts=(), filters=None, **content):
    """Render `template`, a page that extends base.html.j2, and return its HTML.

    `folder` contains `template` and the page's style.css. Values in `content` are escaped unless
    they are `Markup`. The page's security policy allows only its own style sheet and `scripts`, a
    list of JavaScript sources, which may run WebAssembly.
    """
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _HERE]), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    templates.filters.update(filters or {}, png=png)
    sheet = ''.join(templates.get_template(name).render(palette=_COLOURS)
                    for name in ('page.css', 'style.css'))
    sheet = ' '.join(sheet.split())
    policy = _POLICY % _source(sheet)
    if scripts:
        policy += "; script-src %s blob: 'wasm-unsafe-eval'" % ' '.join(map(_source, scripts))
    return templates.get_template(template).render(
        style=Markup(sheet), policy=policy, version=__version__,
        scripts=map(Markup, scripts), **content)


def png(image):
    """Encode an image, uint8 (H, W) or (H, W, 3), as a PNG in a data: URL."""
    from PIL import Image
    content = io.BytesIO()
    Image.fromarray(image).save(content, 'png')
    return 'data:image/png;base64,' + base64.b64encode(content.getvalue()).decode()


def _source(text):
    """Return the Content-Security-Policy source that allows an inline script or style sheet."""
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
