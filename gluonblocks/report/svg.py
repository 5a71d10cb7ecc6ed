"""A matplotlib figure -> inline SVG that follows the page: its colours, its font, its theme.

Matplotlib writes colours and fonts as style attributes, which the page's security policy forbids,
for they could not be told from an attacker's. They become classes, whose colours the page's style
sheet has for light and dark, and presentation attributes.
"""
import io
import re
import xml.etree.ElementTree as ET
from typing import Any

from ..drawing import style
from .html import tag

# The page's names for the style's colours; its style sheet makes them darker or lighter, for
# contrast with its two grounds.
COLOURS = dict(zip(style.PALETTE, ('blue', 'vermillion', 'green', 'purple', 'orange', 'sky',
                                   'yellow')))
COLOURS.update({style.INK: 'ink', style.FAINT: 'faint', style.GRID: 'grid'})

# A picture is as wide as a phone, so that its text is not made smaller there.
_SETTINGS: Any = {'font.size': 11.5, 'axes.labelpad': 7, 'axes.unicode_minus': False,
                  'path.simplify': False, 'figure.facecolor': 'none', 'axes.facecolor': 'none'}

SMALL = {'width': 300, 'height': 180}

_LINK = '{http://www.w3.org/1999/xlink}href'
_PRESENTATION = {'fill-opacity', 'stroke-opacity', 'opacity', 'stroke-width', 'stroke-dasharray',
                 'stroke-dashoffset', 'stroke-linejoin', 'stroke-linecap', 'text-anchor',
                 'font-size'}
_NUMBER = re.compile(r'-?\d+\.\d+')


def draw(plot, name, title, text, width=420, height=255):
    """Inline SVG of what `plot(figure)` draws, `width` by `height` points, as a string.

    `name` is one that no other picture of the page has, `title` and `text` are for who does not
    see it. The same drawing gives the same bytes. Raises ImportError without matplotlib.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    with style.styled(), io.BytesIO() as content:
        matplotlib.rcParams.update(_SETTINGS)
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        canvas = FigureCanvasSVG(figure)
        plot(figure)
        # Not savefig, which draws everything twice.
        canvas.print_svg(content, metadata={'Date': None})
        return _clean(ET.fromstring(content.getvalue()), name, title, text, width)


def _clean(root, name, title, text, width):
    parts = {part: '%s-%s' % (name, part) for part in ('title', 'text')}
    ids = _short_ids(root, name)
    for parent in list(root.iter()):
        for child in list(parent):
            kind = child.tag.rpartition('}')[2]
            if kind in ('metadata', 'style') or kind in ('g', 'defs') and not len(child):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition('}')[2]
        _restyle(element)
        for key, value in list(element.attrib.items()):
            if key == 'id':
                element.attrib.pop('id')
                if value in ids:
                    element.set('id', ids[value])
            elif key == _LINK:
                element.attrib.pop(key)
                element.set('href', '#' + ids[value[1:]])
            elif key == 'clip-path':
                element.set(key, 'url(#%s)' % ids[value[5:-1]])
            elif key in ('d', 'x', 'y', 'transform', 'points', 'width', 'height'):
                element.set(key, _NUMBER.sub(_short, value))
        element.tail = None
        if not (element.text or '').strip():
            element.text = None
    inner = ''.join(ET.tostring(child, encoding='unicode') for child in root)
    return '<svg class="chart%s" role="img" viewBox="%s" aria-labelledby="%s %s">%s%s%s</svg>' % (
        ' wide' if width > SMALL['width'] else '', root.get('viewBox'), parts['title'],
        parts['text'], tag('title', title, id=parts['title']),
        tag('desc', text, id=parts['text']), inner)


def _short_ids(root, name):
    """From each id that something in the picture refers to, to a short one of this page alone."""
    used = {}
    for element in root.iter():
        for key in (_LINK, 'clip-path'):
            value = element.get(key)
            if value:
                used.setdefault(value[5:-1] if key == 'clip-path' else value[1:], None)
    return {old: '%s-%d' % (name, i) for i, old in enumerate(used)}


def _restyle(element):
    wanted = dict(part.strip().split(':', 1) for part in element.attrib.pop('style', '').split(';')
                  if ':' in part)
    wanted.update({key: element.attrib.pop(key) for key in ('fill', 'stroke')
                   if key in element.attrib})
    classes = []
    for key, value in wanted.items():
        key, value = key.strip(), value.strip()
        if key in ('fill', 'stroke'):
            if value in COLOURS:
                classes.append('%s-%s' % (key[0], COLOURS[value]))
            else:
                element.set(key, value)
        elif key == 'font':
            size = re.search(r'([\d.]+)px', value)
            element.set('font-size', size.group(1))
        elif key in _PRESENTATION:
            element.set(key, value.replace('px', ''))
    if element.tag == 'text' and not any(name.startswith('f-') for name in classes):
        classes.append('f-ink')
    if classes:
        element.set('class', ' '.join(classes))


def _short(match):
    return ('%.2f' % float(match.group())).rstrip('0').rstrip('.')
