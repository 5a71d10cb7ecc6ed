"""What the net gets right and what it confuses: the matrix, the classes, the worst mistakes."""
from ..runs.evaluate import Evaluation, evaluation_record
from .html import Html, note, number, picture, scrolling, section, table, tag
from .words import count, share


def classes_section(view, found):
    """The confusion matrix and a table of the classes, on the test images."""
    title = 'What it confuses'
    answers = found.answers
    if answers is None:
        return section('classes', title, note('Not shown: %s' % found.no_answers))
    record = _record(view, answers)
    rows = [(score['name'], count(score['count']), _share(score['precision']),
             _share(score['recall']), _confused(answers, n, score))
            for n, score in enumerate(record['classes'])]
    intro = tag('p', ['Accuracy ', share(record['accuracy']), ' on %s test images, by the %s '
                      'weights.' % (count(record['images']), answers.weights)])
    return section('classes', title, intro, _changed(answers), tag('div', [_matrix(answers), table(
        ('class', 'images', 'precision', 'recall', 'most confused with'), rows,
        'The classes', left=(0, 4))], class_='side'))


def recall_section(views, findings):
    """Of several runs, the share of each class that they recognize."""
    title = 'Recall of each class'
    shown = [(view, found.answers) for view, found in zip(views, findings) if found.answers]
    missing = [note('%s is not shown: %s' % (view.label, found.no_answers))
               for view, found in zip(views, findings) if not found.answers]
    tables = []
    for dataset in dict.fromkeys(view.config['dataset'] for view, _ in shown):
        columns = [column for column in shown if column[0].config['dataset'] == dataset]
        names = columns[0][1].names
        recalls = [[score['recall'] for score in _record(view, answers)['classes']]
                   for view, answers in columns]
        rows = [[name] + [_share(recall[n]) for recall in recalls]
                for n, name in enumerate(names)]
        rows.append(['all'] + [share(_record(*column)['accuracy'], 3) for column in columns])
        tables.append(table(
            ['class'] + ['%s (%s weights)' % (view.label, answers.weights)
                         for view, answers in columns], rows,
            'Share of the test images of each class of %s that a run recognized' % dataset,
            marked={len(names): 'total'}))
        tables += [_changed(answers) for _, answers in columns]
    return section('classes', title, tables, missing)


def mistakes_section(found):
    """The test images that the net was most sure of and wrong about."""
    if found.answers is None:
        return section('mistakes', 'The worst mistakes', note(
            'Not shown: %s' % found.no_answers))
    mistakes = found.answers.mistakes
    items = [tag('li', [picture(mistake.image, 'Test image of %s' % mistake.truth), tag('p', [
        tag('strong', mistake.truth), Html('<br>taken for '), mistake.answer, Html('<br>'),
        number(mistake.probability, '%.1f %%' % (100 * mistake.probability))])])
        for mistake in mistakes]
    wrong = int(found.answers.matrix.sum() - found.answers.matrix.trace())
    if not items:
        return section('mistakes', 'The worst mistakes', note('There are none.'))
    return section('mistakes', 'The worst mistakes', tag(
        'p', 'Of %s test images that it got wrong, those that it was most sure of: the true class, '
        'the answer, and its probability.' % count(wrong)), tag('ol', items, class_='mistakes'))


def _matrix(answers):
    """The confusion matrix as a table: shades tell the share of a row, right and wrong apart."""
    matrix, names = answers.matrix, answers.names
    sums = matrix.sum(axis=1)
    head = tag('tr', [Html('<th scope="col">true \\ predicted</th>')] + [
        tag('th', tag('span', name), scope='col', class_='turned') for name in names])
    body = []
    for i, name in enumerate(names):
        cells = []
        for j, n in enumerate(matrix[i]):
            part = n / sums[i] if sums[i] else 0
            # A mistake of 30 % is as dark as it gets: else nothing would be seen of most.
            shade = 'hit%d' % round(9 * part) if i == j else 'miss%d' % round(
                9 * min(1, (part / 0.3) ** 0.6))
            cells.append(tag('td', count(n),
                             class_=shade))
        body.append(tag('tr', [tag('th', name, scope='row')] + cells))
    caption = 'Confusion matrix: rows are the true classes, columns the answers'
    return scrolling(tag('table', [tag('caption', caption), tag('thead', head),
                                   tag('tbody', body)], class_='matrix'), caption)


def _record(view, answers):
    """The numbers of `gluonblocks evaluate --json`, by the same code."""
    return evaluation_record(Evaluation(view.config, answers.names, answers.matrix))


def _share(value):
    return '–' if value is None else share(float(value), 3)


def _confused(answers, n, score):
    other = score['confused_with']
    return '–' if other is None else '%s (%s)' % (
        other, count(answers.matrix[n, answers.names.index(other)]))


def _changed(answers):
    return '' if answers.same_data else note(
        'The data that were found now are not those that the run was trained on.')

