"""What a trained net gets right and what it confuses: the confusion matrix and what it tells."""
import collections
import io

import mxnet as mx
import numpy as np
from mxnet.gluon.utils import split_and_load

from ..data.batches import DATASETS, get_class_names
from ..devices import get_ctx, try_gpu
from ..files import write_file
from .load import load_run

ClassScore = collections.namedtuple('ClassScore', 'name count precision recall confused_with')
ClassScore.__doc__ = """One class: its name, how many images are of it, which share of those that
the net took for it are of it (precision; None if it took none), which share of its own images the
net recognized (recall; None if there are none), and the name of the class that it most often took
them for instead (None if it never erred)."""

Evaluation = collections.namedtuple('Evaluation', 'config names matrix')
Evaluation.__doc__ = """A run on its test images: the run's configuration, the names of the classes,
and the confusion matrix, as `confusion_matrix` gives it."""


def confusion_matrix(data_iter, net, ctx=mx.cpu(), num_classes=10):
    """How often `net` took images of one class for another: int64 (num_classes, num_classes).

    Rows are the true classes, columns what the net took them for; the diagonal is right.
    `data_iter` gives (X, y), y of shape (N,); `net(X)` is (N, num_classes); `ctx` is a device or
    a list of devices, over which each batch is split.

    Raises ValueError if there is no data, or another number of classes.
    """
    matrix = np.zeros((num_classes, num_classes), np.int64)
    devices = [ctx] if isinstance(ctx, mx.Context) else ctx
    for batch in data_iter:
        for X, y in zip(*(split_and_load(z, devices, even_split=False) for z in batch)):
            y_hat = net(X)
            if y_hat.shape[1:] != (num_classes,):
                raise ValueError('the net makes an output of shape %s, which is not (N, %d)'
                                 % (y_hat.shape, num_classes))
            truth = y.asnumpy().astype(np.int64)
            if truth.min() < 0 or truth.max() >= num_classes:
                raise ValueError('there are labels from %d to %d, but the classes are 0 to %d'
                                 % (truth.min(), truth.max(), num_classes - 1))
            np.add.at(matrix, (truth, y_hat.argmax(axis=1).asnumpy().astype(np.int64)), 1)
    if not matrix.sum():
        raise ValueError('data_iter gave no batch, so there is nothing to evaluate')
    return matrix


def accuracy_of(matrix):
    """The share of images on the diagonal of a confusion matrix, from 0 to 1."""
    return matrix.trace() / matrix.sum()


def class_scores(matrix, names):
    """A `ClassScore` for each row of a confusion matrix; `names` has one for each."""
    scores = []
    for i, name in enumerate(names):
        count, taken, right = matrix[i].sum(), matrix[:, i].sum(), matrix[i, i]
        wrong = matrix[i].copy()
        wrong[i] = 0
        scores.append(ClassScore(name, int(count), right / taken if taken else None,
                                 right / count if count else None,
                                 names[wrong.argmax()] if wrong.any() else None))
    return scores


def format_evaluation(matrix, names):
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
                      '', _table(rows, left=(0, 4)), '', _table(cells, left=(0,))])


def plot_confusion(matrix, names, path):
    """Draw a confusion matrix into a PNG file at `path`, which is whole or not there.

    Shades are shares of a row, numbers are images. Needs matplotlib, imported here: raises
    ImportError where it is missing, OSError where the file cannot be written.
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


def evaluate_run(folder, ctx=None, weights='best', root=None):
    """The `Evaluation` of the run in `folder` on the test images of its data set.

    `ctx` is an mx.Context or a name for `get_ctx` (None: `try_gpu()`); `weights` is 'best', 'last'
    or 'final'; `root` is the folder of the data, where it is not the one that the run was trained
    on. Batches are those of the run's own evaluation, of the same size.

    Raises what `load_run` does, DataError for data that are missing or damaged, and ValueError
    for a device that is not there.
    """
    ctx = try_gpu() if ctx is None else get_ctx(ctx) if isinstance(ctx, str) else ctx
    net, config = load_run(folder, ctx=ctx, weights=weights)
    root = config['data_root'] if root is None else root
    where = {} if root is None else {'root': root}
    # The seed is for the training images, which nobody reads; without one it would be drawn.
    _, test_iter = DATASETS[config['dataset']](config['batch_size'], resize=config['resize'],
                                               seed=0, **where)
    names = get_class_names(config['dataset'], config['num_classes'])
    return Evaluation(config, names,
                      confusion_matrix(test_iter, net, ctx, config['num_classes']))


def evaluation_record(evaluation):
    """An `Evaluation` as a dict of numbers, strings and lists, for JSON."""
    config, names, matrix = evaluation
    return {'model': config['model'], 'dataset': config['dataset'], 'images': int(matrix.sum()),
            'accuracy': accuracy_of(matrix),
            'classes': [score._asdict() for score in class_scores(matrix, names)],
            'confusion': matrix.tolist()}


def _share(share):
    return '-' if share is None else '%.3f' % share


def _table(rows, left):
    """Rows of strings in columns, those numbered in `left` to the left and the others right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return '\n'.join('  '.join(cell.ljust(width) if i in left else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)
