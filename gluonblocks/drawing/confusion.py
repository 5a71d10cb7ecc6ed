"""The confusion matrix as a picture. Needs matplotlib, which is imported where it is used."""
import io

import numpy as np

from ..files import write_file
from ..training.metrics import accuracy_of


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
    figure.savefig(content, format='png', dpi=120)
    write_file(path, content.getvalue())
