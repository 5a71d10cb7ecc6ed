"""Write a matplotlib figure as SVG with presentation attributes, which a style sheet can override.

Matplotlib's own SVG writer has two drawbacks: it uses `style` attributes, which a strict
Content-Security-Policy forbids, and its output depends on the user's global settings.
"""
from html import escape

from matplotlib.backend_bases import RendererBase
from matplotlib.colors import to_hex, to_rgba
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

_LETTERS = {Path.MOVETO: 'M', Path.LINETO: 'L', Path.CURVE3: 'Q', Path.CURVE4: 'C',
            Path.CLOSEPOLY: 'Z'}
_ANCHORS = {'left': ('start', 0), 'center': ('middle', 0.5), 'right': ('end', 1)}


def svg_of(figure, title='', text=''):
    """Return `figure` as an SVG document; screen readers announce its `title` and `text`."""
    renderer = SvgRenderer(figure.bbox.width, figure.bbox.height, figure.dpi)
    figure.draw(renderer)
    words = ''.join('<%s>%s</%s>' % (name, escape(value), name)
                    for name, value in (('title', title), ('desc', text)) if value)
    return ('<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" '
            'viewBox="0 0 %s %s" font-family="DejaVu Sans, sans-serif">%s%s</svg>'
            % (_short(renderer.width), _short(renderer.height), words, ''.join(renderer.elements)))


class SvgRenderer(RendererBase):
    """A matplotlib renderer, `width` by `height` pixels, that appends SVG to `elements`."""

    def __init__(self, width, height, dpi):
        super().__init__()
        self.width, self.height, self.dpi, self.elements = width, height, dpi, []

    def get_canvas_width_height(self):
        return self.width, self.height

    def points_to_pixels(self, points):
        return points * self.dpi / 72

    def draw_path(self, gc, path, transform, rgbFace=None):
        flip = Affine2D().scale(1, -1).translate(0, self.height)
        d = ''.join(_LETTERS[code] + ('' if code == Path.CLOSEPOLY else ' '.join(
            map(_short, vertices))) for vertices, code in path.iter_segments(
                transform + flip, simplify=False))
        alpha = gc.get_alpha() if gc.get_forced_alpha() else None
        fill = _paint('fill', rgbFace, alpha)
        stroke = _paint('stroke', gc.get_rgb() if gc.get_linewidth() else None, alpha)
        if not d or fill['fill'] == stroke['stroke'] == 'none':
            return
        stroke['stroke-width'] = _short(gc.get_linewidth())
        if gc.get_dashes()[1] is not None:
            stroke['stroke-dasharray'] = ' '.join(map(_short, gc.get_dashes()[1]))
        self._add('path', dict({'d': d}, **fill, **stroke))

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        # Let the browser align the text (left, centre or right) at its position, because glyph
        # widths in the browser's font may differ from those in matplotlib's font.
        anchor, fraction = _ANCHORS[mtext.get_ha() if mtext else 'left']
        width = self.get_text_width_height_descent(s, prop, ismath)[0]
        x, y = Affine2D().rotate_deg(-angle).translate(x, y).transform((fraction * width, 0))
        attributes = {'x': _short(x), 'y': _short(y), 'fill': to_hex(gc.get_rgb()[:3]),
                      'font-size': _short(self.points_to_pixels(prop.get_size_in_points()))}
        if prop.get_weight() not in ('normal', 400):
            attributes['font-weight'] = str(prop.get_weight())
        if anchor != 'start':
            attributes['text-anchor'] = anchor
        if angle:
            attributes['transform'] = 'rotate(%s %s %s)' % tuple(map(_short, (-angle, x, y)))
        self._add('text', attributes, escape(s.replace(r'\$', '$')))

    def _add(self, name, attributes, content=''):
        self.elements.append('<%s%s>%s</%s>' % (name, ''.join(
            ' %s="%s"' % item for item in attributes.items()), content, name))


def _paint(name, colour, alpha):
    """Return the SVG attributes for a fill or stroke: 'none' if `colour` is None or transparent."""
    rgba = to_rgba('none' if colour is None else tuple(colour))
    opacity = rgba[3] and (rgba[3] if alpha is None else alpha)
    if not opacity:
        return {name: 'none'}
    return dict({name: to_hex(rgba)}, **{name + '-opacity': _short(opacity)} if opacity < 1 else {})


def _short(number):
    return ('%.2f' % number).rstrip('0').rstrip('.') if number % 1 else '%d' % number
