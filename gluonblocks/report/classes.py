"""Correct and wrong predictions of a net: the confusion matrix, the classes, the worst mistakes."""
import base64
import io

from ..training.metrics import accuracy_of, class_scores
from .words import count, share


def class_rows(answers):
    """Return the rows of a table of the classes."""
    rows = []
    for row, score in zip(answers.matrix, class_scores(answers.matrix, answers.names)):
        other = score.confused_with
        rows.append((score.name, count(score.count), share(score.precision, 3),
                     share(score.recall, 3), '–' if other is None else '%s (%s)' % (
                         other, count(row[answers.names.index(other)]))))
    return rows


def matrix_rows(answers):
    """Return (class, [(number of images, CSS class), ...]) for each row of the confusion matrix.

    The CSS class is a shade for the cell's part of the row, of one colour on the diagonal and
    another beside it.
    """
    rows = []
    for i, (name, row) in enumerate(zip(answers.names, answers.matrix)):
        parts = row / max(1, row.sum())
        # Mistakes of 30 % have the darkest shade: otherwise most would hardly be seen.
        rows.append((name, [(count(n), 'hit%d' % round(9 * part) if i == j else 'miss%d' % round(
            9 * min(1, (part / 0.3) ** 0.6))) for j, (n, part) in enumerate(zip(row, parts))]))
    return rows


def recall_tables(views, findings):
    """Return (data set, runs with answers, rows of recalls) for each data set of several runs."""
    shown = [(view, found.answers) for view, found in zip(views, findings) if found.answers]
    tables = []
    for dataset in dict.fromkeys(view.config['dataset'] for view, _ in shown):
        columns = [column for column in shown if column[0].config['dataset'] == dataset]
        names = columns[0][1].names
        recalls = [[share(score.recall, 3) for score in class_scores(answers.matrix, names)]
                   for _, answers in columns]
        rows = [[name, *row] for name, row in zip(names, zip(*recalls))]
        rows.append(['all'] + [share(accuracy_of(answers.matrix), 3) for _, answers in columns])
        tables.append((dataset, columns, rows))
    return tables


def png_address(image):
    """Return a data: address of an image, uint8 (H, W) or (H, W, 3)."""
    from PIL import Image
    content = io.BytesIO()
    Image.fromarray(image).save(content, 'png')
    return 'data:image/png;base64,' + base64.b64encode(content.getvalue()).decode()
