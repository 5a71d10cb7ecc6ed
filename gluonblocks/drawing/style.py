"""How every picture looks: colours, sizes, and numbers that can be read.

Needs matplotlib, which is imported where it is used.
"""
import contextlib
import io
import math
from typing import Any, Dict

# Okabe and Ito's colours, which people with any kind of colour blindness tell apart
# (https://jfly.uni-koeln.de/color/), in the order in which lines take them.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, YELLOW = PALETTE = (
    '#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#f0e442')
INK, FAINT, GRID = '#222222', '#767676', '#dddddd'

WIDTH, HALF = 8.4, 4.2  # of a figure as wide as a page, and of half of one, in inches
DPI = 150
MANY_EPOCHS = 30  # a line with more points has no dots

SETTINGS: Dict[Any, Any] = {
    'font.family': 'DejaVu Sans', 'font.size': 9.5, 'axes.titlesize': 10.5,
    'axes.titleweight': 'bold', 'axes.titlelocation': 'left', 'figure.titlesize': 11.5,
    'figure.titleweight': 'bold', 'legend.fontsize': 9, 'axes.edgecolor': FAINT, 'axes.labelcolor':
    INK, 'text.color': INK, 'xtick.color': FAINT, 'ytick.color': FAINT, 'xtick.labelcolor': INK,
    'ytick.labelcolor': INK, 'grid.color': GRID, 'grid.linewidth': 0.8, 'axes.grid': True,
    'axes.axisbelow': True, 'axes.spines.top': False, 'axes.spines.right': False,
    'lines.linewidth': 1.8, 'lines.markersize': 4, 'legend.frameon': False,
    'figure.constrained_layout.use': True, 'figure.constrained_layout.wspace': 0.06,
    'figure.constrained_layout.hspace': 0.08, 'savefig.dpi': DPI,
    # An SVG file has the same names each time, and text that can be searched and copied.
    'svg.hashsalt': 'gluonblocks', 'svg.fonttype': 'none'}


@contextlib.contextmanager
def styled():
    """A context in which matplotlib draws in this style; what the user has set comes back after.

    What is drawn in it does not depend on that either.
    """
    import matplotlib
    from cycler import cycler
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        matplotlib.rcParams['axes.prop_cycle'] = cycler(color=PALETTE)
        yield


def new_figure(width=WIDTH, height=3.2):
    """A figure of `width` by `height` inches. Not by pyplot, which would show it in a notebook and
    needs a window system."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def encode_figure(figure, kind='png'):
    """The bytes of `figure` as a file of the `kind` png or svg, the same for the same figure.

    To be called within `styled`.
    """
    content = io.BytesIO()
    # Neither the date nor the version of matplotlib, which differ where the picture does not.
    nothing = {'png': ('Software',), 'svg': ('Date', 'Creator')}[kind]
    figure.savefig(content, format=kind, metadata=dict.fromkeys(nothing))
    return content.getvalue()


def readable(number, digits=3):
    """A number as text, with `digits` digits that count, but no exponent: 6,730, 33.4, 0.00012.

    Whole thousands keep all their digits; what is too large or small to be read so is in powers
    of ten, and what is no number is '–'.
    """
    if math.isnan(number):
        return '–'
    if math.isinf(number):
        return '∞' if number > 0 else '−∞'
    value, exponent = ('%.*e' % (digits - 1, number)).split('e')
    power = int(exponent)  # of the rounded number: 9.999 is 10.0
    if number and not -6 <= power < 12:
        return '%s × 10^%d' % (value, power)
    return f'{number:,.{max(0, digits - 1 - power)}f}' if number else '0'


def number_axis(axis):
    """Have an axis of matplotlib write its numbers plainly, with thousands set apart."""
    from matplotlib.ticker import FuncFormatter, NullFormatter
    axis.set_major_formatter(FuncFormatter(lambda number, _: tick(number)))
    axis.set_minor_formatter(NullFormatter())


def tick(number):
    """A number at an axis: as `readable`, without zeros at its end."""
    text = readable(number, 6)
    return text.rstrip('0').rstrip('.') if '.' in text and '^' not in text else text


def epoch_axis(ax, epochs):
    """Have the x axis of `ax` be that of `epochs`, whole numbers, of which there is one at least.

    It returns how lines over them are drawn: with dots, if there are few.
    """
    from matplotlib.ticker import MaxNLocator
    ax.set_xlabel('epoch')
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    margin = 0.5 if len(epochs) == 1 else 0.03 * (epochs[-1] - epochs[0])
    ax.set_xlim(epochs[0] - margin, epochs[-1] + margin)
    return {'marker': 'o' if len(epochs) <= MANY_EPOCHS else ''}


def shorten(text, most=24):
    """A text of `most` characters at most: of a longer one the middle is left out, for names that
    begin alike often end otherwise."""
    half = (most - 1) // 2
    return text if len(text) <= most else '%s…%s' % (text[:most - 1 - half], text[-half:])


def plain(text):
    """A text as it is: matplotlib takes what stands between two '$' for a formula."""
    return text.replace('$', r'\$')
