"""The style shared by all plots: colours, sizes, and number formats.

Plots receive their style as arguments, which override matplotlib's global settings. We do not
change those settings, because they belong to the user and are shared by all threads. Matplotlib is
imported only when a plot is drawn.
"""
import io
import math

# Okabe and Ito's colours (https://jfly.uni-koeln.de/color/), which people with any kind of colour
# blindness can tell apart. Lines use them in this order.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, YELLOW = PALETTE = (
    '#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#f0e442')
INK, FAINT, GRID = '#222222', '#767676', '#dddddd'
FONT = 'DejaVu Sans'  # included in matplotlib

WIDTH = 8.4  # inches; a figure as wide as a page
DPI = 150
FEW = 30  # lines with more points than this are drawn without markers

# Keyword arguments for suptitle, set_title, legend and plot, in that order.
HEADLINE = {'x': 0.012, 'ha': 'left', 'fontsize': 11.5, 'fontweight': 'bold', 'color': INK}
TITLE = {'loc': 'left', 'fontsize': 10.5, 'fontweight': 'bold', 'color': INK}
LEGEND = {'frameon': False, 'fontsize': 9, 'labelcolor': INK}
LINE = {'linewidth': 1.8, 'linestyle': '-', 'markersize': 4}


def new_figure(width=WIDTH, height=3.2, dpi=DPI, background='white'):
    """Return a new figure, `width` by `height` inches; notebooks do not show it automatically."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor=background, constrained_layout={
        'w_pad': 0.04167, 'h_pad': 0.04167, 'wspace': 0.06, 'hspace': 0.08})
    FigureCanvasAgg(figure)
    return figure


def style_axes(ax, size=9.5):
    """Apply the shared plot style to empty axes, with `size`-point labels; return `ax`."""
    ax.set_facecolor('none')
    ax.set_prop_cycle(color=PALETTE)
    ax.grid(True, color=GRID, linewidth=0.8, linestyle='-', alpha=1)
    ax.set_axisbelow(True)
    ax.margins(0.05)
    for side, spine in ax.spines.items():
        spine.set(visible=side in ('left', 'bottom'), color=FAINT, linewidth=0.8)
    ax.tick_params(which='both', color=FAINT, labelcolor=INK, labelsize=size, direction='out',
                   top=False, right=False)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set(color=INK, fontsize=size, fontweight='normal')
    return ax


def encode_figure(figure, kind='png'):
    """Encode `figure` as PNG or SVG bytes; identical figures give identical bytes."""
    own_font(figure)
    if kind == 'svg':
        from .svg import svg_of
        return b'<?xml version="1.0" encoding="utf-8"?>\n' + svg_of(figure).encode()
    content = io.BytesIO()
    # Omit matplotlib's version from the PNG, so that different versions can write identical files.
    figure.canvas.print_png(content, metadata={'Software': None})
    return content.getvalue()


def own_font(figure):
    """Use matplotlib's bundled font, without TeX, for all text in `figure`."""
    from matplotlib.text import Text
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            axis.get_ticklabels(which='both')  # creates the labels, so that findobj finds them
    for text in figure.findobj(Text):
        text.set(fontfamily=FONT, usetex=False)


def readable(number, digits=3):
    """Format `number` with `digits` significant digits, as in '33.4' or '0.000120'.

    All digits of the integer part are shown, as in '6,730'. Scientific notation is used
    only if the magnitude is below 1e-6 or at least 1e12. NaN becomes '–'.
    """
    if math.isnan(number):
        return '–'
    if math.isinf(number):
        return '∞' if number > 0 else '−∞'
    value, exponent = ('%.*e' % (digits - 1, number)).split('e')
    power = int(exponent)  # after rounding: 9.999 is '10.0'
    if number and not -6 <= power < 12:
        return '%s × 10^%d' % (value, power)
    return f'{number:,.{max(0, digits - 1 - power)}f}' if number else '0'


def tick(number):
    """Format a number as a tick label: like `readable`, but without trailing zeros."""
    text = readable(number, 6)
    return text.rstrip('0').rstrip('.') if '.' in text and '^' not in text else text


def number_axis(axis):
    """Format the tick labels of a matplotlib axis with `tick`, as in '6,730'."""
    from matplotlib.ticker import FuncFormatter, NullFormatter
    axis.set_major_formatter(FuncFormatter(lambda number, _: tick(number)))
    axis.set_minor_formatter(NullFormatter())


def marker(points):
    """Return 'o' (dot markers) for a line with few `points`, otherwise '' (no markers)."""
    return 'o' if len(points) <= FEW else ''


def plain(text, most=None):
    """Escape user-supplied text for matplotlib, and shorten it to at most `most` characters.

    Shortening removes the middle, because names with the same beginning often differ at the end.
    Dollar signs are escaped, so that they do not start a formula. Characters that are missing from
    the font become boxes.
    """
    from matplotlib.font_manager import findfont, get_font
    if most and len(text) > most:
        half = (most - 1) // 2
        text = '%s…%s' % (text[:most - 1 - half], text[-half:])
    font = get_font(findfont(FONT))
    text = ''.join(c if c.isspace() or font.get_char_index(ord(c)) else '□' for c in text)
    return text.replace('$', r'\$')
