"""A matplotlib figure -> inline SVG that follows the page: its colours, its font, its theme.

Matplotlib writes colours and fonts as style attributes, which the page's security policy forbids,
for they could not be told from an attacker's. They become classes, whose colours the page's style
sheet has for light and dark, and presentation attributes.
"""
import io
import re
import xml.etree.ElementTree as ET

from .html import tag

# Okabe and Ito's colours, which the colour-blind tell apart. They stand for the page's classes of
# these names; its style sheet makes them darker or lighter, for contrast with its two grounds.
COLOURS = {'#0072b2': 'blue', '#d55e00': 'vermillion', '#009e73': 'green', '#cc79a7': 'purple',
           '#e69f00': 'orange', '#56b4e9': 'sky', '#f0e442': 'yellow', '#000000': 'ink',
           '#999999': 'faint', '#dddddd': 'grid'}
SERIES = list(COLOURS)[:7]
INK, FAINT, GRID = list(COLOURS)[7:]

SETTINGS = {'svg.fonttype': 'none', 'svg.hashsalt': 'gluonblocks', 'font.size': 11,
            'axes.edgecolor': FAINT, 'axes.labelcolor': INK, 'text.color': INK,
            'xtick.color': FAINT, 'ytick.color': FAINT, 'xtick.labelcolor': INK,
            'ytick.labelcolor': INK, 'grid.color': GRID, 'grid.linewidth': 0.8,
            'axes.spines.top': False, 'axes.spines.right': False, 'axes.unicode_minus': False,
            'axes.grid': True, 'axes.axisbelow': True, 'lines.linewidth': 1.8,
            'lines.markersize': 4, 'path.simplify': False, 'figure.constrained_layout.use': True}

_SPACE = 'http://www.w3.org/2000/svg'
_LINK = '{http://www.w3.org/1999/xlink}href'
_PRESENTATION = {'fill-opacity', 'stroke-opacity', 'opacity', 'stroke-width', 'stroke-dasharray',
                 'stroke-dashoffset', 'stroke-linejoin', 'stroke-linecap', 'text-anchor',
                 'font-size'}
_NUMBER = re.compile(r'-?\d+\.\d+')


def draw(plot, name, title, text, width=460, height=270):
    """Inline SVG of what `plot(figure)` draws, `width` by `height` points, as a string.

    `name` is one that no other picture of the page has, `title` and `text` are for who does not
    see it. The same drawing gives the same bytes. Raises ImportError without matplotlib.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    # What a user has set for pictures of his own is not meant for the page.
    with matplotlib.rc_context(), io.BytesIO() as content:
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        FigureCanvasSVG(figure)
        plot(figure)
        figure.savefig(content, format='svg', transparent=True, metadata={
            'Date': None, 'Creator': None, 'Format': None, 'Type': None})
        return _clean(ET.fromstring(content.getvalue()), name, title, text)


def _clean(root, name, title, text):
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
    return '<svg class="chart" role="img" viewBox="%s" aria-labelledby="%s %s">%s%s%s</svg>' % (
        root.get('viewBox'), parts['title'], parts['text'], tag('title', title, id=parts['title']),
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
    style = element.attrib.pop('style', '')
    # matplotlib writes a few of these as attributes
    wanted = dict(part.strip().split(':', 1) for part in style.split(';') if ':' in part)
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
