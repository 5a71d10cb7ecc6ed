"""The confusion matrix as text, and as a picture: matplotlib is imported where it is used."""
import io
import warnings

import numpy as np

from ..files import write_file
from ..tables import format_table
from ..training.metrics import accuracy_of, class_scores


def plot_confusion(matrix, names, path):
    """Draw a confusion matrix into the PNG file `path`, which is never there half-written.

    The number in a cell is that of its images, the shade their share of the row; `names` has a
    name for each class. Raises ImportError without matplotlib, OSError where the file cannot be
    written.
    """
    from matplotlib.figure import Figure  # not pyplot: no window system, and no global state
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 2.5 + 0.55 * len(names)
    figure = Figure(figsize=(side, side), layout='constrained')
    ax = figure.add_subplot()
    ax.imshow(shares, cmap='Blues', vmin=0, vmax=1)
    ax.set_xticks(range(len(names)))
    ax.set_xticklabels(names, rotation=45, ha='right')
    ax.set_yticks(range(len(names)))
    ax.set_yticklabels(names)
    ax.set_xlabel('predicted')
    ax.set_ylabel('true')
    ax.set_title('accuracy %.4f' % accuracy_of(matrix))
    for (i, j), number in np.ndenumerate(matrix):
        if number:
            ax.text(j, i, number, ha='center', va='center', fontsize=8,
                    color='white' if shares[i, j] > 0.5 else 'black')
    content = io.BytesIO()
    with warnings.catch_warnings():
        # Letters that no font here has are drawn as boxes; a warning for each helps nobody.
        warnings.filterwarnings('ignore', 'Glyph .* missing')
        figure.savefig(content, format='png', dpi=120)
    write_file(path, content.getvalue())


def format_confusion(matrix, names):
    """Accuracy, a table of the classes, and the confusion matrix, as text."""
    rows = [('class', 'images', 'precision', 'recall', 'most confused with')]
    for i, score in enumerate(class_scores(matrix, names)):
        wrong = matrix[i, names.index(score.confused_with)] if score.confused_with else 0
        rows.append((score.name, f'{score.count:,}', _share(score.precision),
                     _share(score.recall), f'{score.confused_with} ({wrong})' if wrong else '-'))
    heads = [str(i) for i in range(len(names))]
    cells = [('true \\ predicted', *heads)]
    cells += [('%d %s' % (i, name), *map(str, matrix[i])) for i, name in enumerate(names)]
    return '\n'.join(['accuracy %.4f on %s images' % (accuracy_of(matrix), f'{matrix.sum():,}'),
                      '', format_table(rows, left=(0, 4)), '', format_table(cells)])


def _share(share):
    return '-' if share is None else '%.3f' % share
