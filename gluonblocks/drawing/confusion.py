"""Format a confusion matrix as text, or draw it as a PNG. Only drawing imports matplotlib."""
import numpy as np

from ..files import write_file
from ..models.summary import format_table
from ..training.metrics import accuracy_of, class_scores
from .style import FAINT, HEADLINE, INK, encode_figure, new_figure, plain, style_axes

# With more classes than this, the cells are too small to contain numbers.
MOST_NUMBERED = 25


def plot_confusion(matrix, names, path):
    """Draw a confusion matrix, and write it to the PNG file `path` atomically.

    Each cell shows an image count, and is shaded by that count's fraction of the row total. With
    more than 25 classes, the counts are omitted. `names` lists the class names. Raises
    ImportError if matplotlib is missing, and OSError if the file cannot be written.
    """
    write_file(path, encode_figure(draw_confusion(matrix, names)))


def draw_confusion(matrix, names):
    """Return the matplotlib figure that `plot_confusion` saves."""
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import PercentFormatter
    number = len(names)
    numbered = number <= MOST_NUMBERED
    side = number * (0.52 if numbered else 0.13)
    figure = new_figure(max(side, 2.5) + 2.5, max(side, 2.5) + 1.7)
    ax = style_axes(figure.add_subplot())
    fractions = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    # Shade each cell by the square root of its fraction, so that rare mistakes are visible.
    shade = PowerNorm(0.5, vmin=0, vmax=1)
    image = ax.imshow(fractions, cmap='Blues', norm=shade, origin='upper',
                      interpolation='antialiased')
    size = 9.5 if numbered else 6
    labels = [plain(name, most=24) for name in names]
    slanted = numbered and max(map(len, labels)) > 4
    ax.set_xticks(range(number), labels, fontsize=size, rotation=45 if slanted else 0 if numbered
                  else 90, ha='right' if slanted else 'center',
                  rotation_mode='anchor' if slanted else 'default')
    ax.set_yticks(range(number), labels, fontsize=size)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[['left', 'bottom']].set_visible(False)
    ax.set_xlabel('predicted class')
    ax.set_ylabel('true class')
    # An axes title would start to the right of the class names, and might be cut off.
    figure.suptitle('Confusion matrix: accuracy %.4f on %s images'
                    % (accuracy_of(matrix), f'{matrix.sum():,}'), **dict(HEADLINE, fontsize=10.5))
    for (i, j), count in np.ndenumerate(matrix) if numbered else ():
        if count:
            ax.text(j, i, str(count), ha='center', va='center', fontsize=8 if count < 1e5 else 6,
                    color='white' if shade(fractions[i, j]) > 0.55 else INK)
    bar = figure.colorbar(image, ax=ax, shrink=0.6, aspect=25, pad=0.02,
                          ticks=[0, 0.01, 0.05, 0.1, 0.25, 0.5, 1])
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1, symbol=' %', decimals=0))
    bar.ax.tick_params(color=FAINT, labelcolor=INK, labelsize=9.5)
    bar.set_label("fraction of the true class's images", color=INK, fontsize=9.5)
    bar.outline.set_visible(False)
    return figure


def format_confusion(matrix, names):
    """Return the accuracy, a table of per-class scores, and the confusion matrix, as text."""
    heads = ('class', 'images', 'precision', 'recall', 'most confused with')
    cells = [('true \\ predicted', *map(str, range(len(names))))]
    cells += [('%d %s' % (i, name), *map(str, matrix[i])) for i, name in enumerate(names)]
    return '\n'.join(['accuracy %.4f on %s images' % (accuracy_of(matrix), f'{matrix.sum():,}'), '',
                      format_table([heads] + class_rows(matrix, names), left=(0, 4)), '',
                      format_table(cells)])


def class_rows(matrix, names, unknown='-'):
    """Return a list of table rows, one per class; undefined scores are shown as `unknown`."""
    rows = []
    for i, score in enumerate(class_scores(matrix, names)):
        other = score.confused_with
        rows.append((score.name, f'{score.count:,}', *(
            unknown if value is None else '%.3f' % value
            for value in (score.precision, score.recall)),
            unknown if other is None else '%s (%d)' % (other, np.delete(matrix[i], i).max())))
    return rows
