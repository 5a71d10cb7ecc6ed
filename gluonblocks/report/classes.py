"""Correct and wrong predictions of a net: the confusion matrix, the classes, the worst mistakes."""
import base64
import io

from ..runs.evaluate import Evaluation, evaluation_record
from .words import count, share


def record_of(view, answers):
    """Return the values of `gluonblocks evaluate --json`, by the same code."""
    return evaluation_record(Evaluation(view.config, answers.names, answers.matrix))


def class_rows(view, answers):
    """Return the rows of a table of the classes."""
    rows = []
    for n, score in enumerate(record_of(view, answers)['classes']):
        other = score['confused_with']
        rows.append((score['name'], count(score['count']), share(score['precision'], 3),
                     share(score['recall'], 3), '–' if other is None else '%s (%s)' % (
                         other, count(answers.matrix[n, answers.names.index(other)]))))
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
        records = [record_of(*column) for column in columns]
        rows = [[name] + [share(record['classes'][n]['recall'], 3) for record in records]
                for n, name in enumerate(columns[0][1].names)]
        rows.append(['all'] + [share(record['accuracy'], 3) for record in records])
        tables.append((dataset, columns, rows))
    return tables


def png_address(image):
    """Return a data: address of an image, uint8 (H, W) or (H, W, 3)."""
    from PIL import Image
    content = io.BytesIO()
    Image.fromarray(image).save(content, 'png')
    return 'data:image/png;base64,' + base64.b64encode(content.getvalue()).decode()
