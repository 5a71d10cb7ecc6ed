"""A net's model card: README.md beside its files, from the records of its run alone."""
import json
import re

from ..data.datasets import get_dataset
from ..runs.options import BOOKKEEPING, OPTIONS
from ..tables import format_table
from ..training.loop import best_epoch
from ..training.metrics import accuracy_of, class_scores
from .usage import reads_pictures, usages

_TOLD_ELSEWHERE = ('ctx', 'dataset')


def model_card(info, exported=(), checksums=None, config=None, history=(), matrix=None,
               weights='best', license=None):
    """The text of a model card: Markdown under a YAML head as Hugging Face's Hub reads it.

    It says what the records say and nothing else: what is not given is left out. Nothing in it
    depends on the clock, so the same records give the same text.

    Arguments: `info` is an `Export`'s, what the files say of the net; `exported` its formats, with
    their verification; `checksums` the SHA-256 of each file by its name; `config` a run's
    config.json; `history` an `EpochRecord` or `HistoryRow` for each epoch; `matrix` the confusion
    matrix of the test images; `weights` which of the run these are; `license` a licence's id on the
    Hub, such as 'mit', under which the weights are given away: that no record knows.
    """
    dataset = get_dataset(config['dataset']) if config else None
    names = [_plain(name) for name in info['classes']]
    parts = [_head(info, exported, dataset, matrix, license),
             '# %s' % _plain(info['model']) + (' on %s' % _plain(dataset.name) if dataset else ''),
             _summary(info, names, matrix, history, weights), _run_it(info, exported)]
    if exported:
        parts.append('## The files\n\n' + _files(exported, checksums or {}))
    if matrix is not None:
        parts.append('## Results on the test images\n\n' + _results(matrix, names))
    if config:
        parts += ['## The data\n\n' + _data(info, config, dataset),
                  '## How it was trained\n\n' + _training(config, history)]
    parts.append('## Limits\n\n' + _limits(info, names, dataset, matrix, weights, config))
    if config:
        parts.append('## Versions\n\n' + _versions(info, config))
    return '\n\n'.join(parts) + '\n'


def _head(info, exported, dataset, matrix, license):
    formats = [one.format for one in exported]
    lines = ['license: %s' % _quoted(license) if license else
             '# license: is named here by who gives these weights away',
             'library_name: "gluonblocks"', 'pipeline_tag: "image-classification"', 'tags:']
    lines += ['- %s' % _quoted(tag) for tag in ['mxnet', 'gluon', info['model']] + formats]
    if dataset and dataset.hub:
        lines += ['datasets:', '- %s' % _quoted(dataset.hub)]
    if matrix is not None:
        lines += ['metrics:', '- "accuracy"']
    if dataset and matrix is not None:
        lines += ['model-index:', '- name: %s' % _quoted(info['model']), '  results:',
                  '  - task:', '      type: "image-classification"', '    dataset:',
                  '      name: %s' % _quoted(dataset.name),
                  '      type: %s' % _quoted(dataset.hub or dataset.name),
                  '      split: "test"', '    metrics:', '    - type: "accuracy"',
                  '      value: %r' % float(accuracy_of(matrix))]
    return '\n'.join(['---'] + lines + ['---'])


def _summary(info, names, matrix, history, weights):
    text = 'It takes a picture and tells which of %d classes it shows: %s.' % (
        len(names), ', '.join(names))
    if matrix is not None:
        text += ' Of %s test images it gets %.4f right.' % (
            f'{int(matrix.sum()):,}', accuracy_of(matrix))
    if len(history) > 1 and weights == 'best':
        text += (' Its weights are those after epoch %d, the best of %d by the test images.'
                 % (best_epoch(history), len(history)))
    elif history and weights == 'final':
        text += " Its weights are those at its training's end, after epoch %d." % history[-1].epoch
    return text


def _run_it(info, exported):
    known, parts = usages(info), ['## Run it']
    for one in exported:
        usage = known.get(one.format)
        if usage is None:
            continue
        needs = ', with `pip install %s` and nothing of MXNet' % usage.packages
        parts.append('`%s`%s:\n\n```python\n%s```' % (
            one.files[0], needs if usage.packages else ', in a browser', usage.code))
    if reads_pictures(info) and any(one.format.startswith('onnx') for one in exported):
        parts.append('Those lines stretch a picture to a square. The small `predict.py` reads it '
                     'exactly as in training, of any size and format, and tells probabilities: '
                     '`python predict.py shoe.png`.')
    return '\n\n'.join(parts) if len(parts) > 1 else '## Run it\n\nThere is no file here.'


def _files(exported, checksums):
    rows = [['format', 'bytes', 'accuracy', 'same class as in MXNet', 'largest difference']]
    for one in exported:
        there = one.verified.accuracy_there
        rows.append([one.format, f'{one.bytes:,}', '–' if there is None else '%.4f' % there,
                     '%.4f' % one.verified.agreement, '%.2g' % one.verified.largest_difference])
    text = ('Every one of %s images went through each file, and through MXNet, for comparison; the '
            'difference is of two logits.\n\n%s' % (
                f'{exported[0].verified.images:,}', format_table(rows, markdown=True)))
    notes = ['- %s: %s' % (one.format, _plain(note)) for one in exported for note in one.notes]
    if notes:
        text += '\n\n' + '\n'.join(notes)
    if checksums:
        text += '\n\n' + format_table([['file', 'SHA-256']] + [
            ['`%s`' % name, '`%s`' % checksums[name]] for name in sorted(checksums)],
            left=(0, 1), markdown=True)
    return text


def _results(matrix, names):
    def share(value):
        return '–' if value is None else '%.3f' % value

    return format_table([['class', 'images', 'precision', 'recall', 'most confused with']] + [
        [score.name, f'{score.count:,}', share(score.precision), share(score.recall),
         score.confused_with or '–'] for score in class_scores(matrix, names)],
        left=(0, 4), markdown=True)


def _data(info, config, dataset):
    lines = ['- data set: %s' % _plain(dataset.name)]
    if dataset.source:
        lines.append('- source: <%s>' % dataset.source)
    if dataset.license:
        lines.append('- licence of the data: %s' % dataset.license)
    lines.append('- SHA-256 of the images and labels that were read: `%s`' % config['data_sha256'])
    return '\n'.join(lines + ['- what the net takes: %s' % _takes(info)])


def _takes(info):
    text = '%d × %d × %d numbers (channels, height, width)' % tuple(info['input'])
    if info.get('resize'):
        text += ', images resized to a side of %d' % info['resize']
    return text + (', brightness %s' % info['scaling'] if info.get('scaling') else '')


def _training(config, history):
    def word(value):
        return ', '.join(map(str, value)) if isinstance(value, list) else str(value)

    told = [(name, config[name]) for name in ['model'] + list(OPTIONS)
            if name not in BOOKKEEPING and name not in _TOLD_ELSEWHERE]
    text = format_table([['option', 'value']] + [
        [_plain(name.replace('_', ' ')), _plain(word(value))] for name, value in told
        if value is not None and value is not False], left=(0, 1), markdown=True)
    if history:
        best = best_epoch(history)
        shown = [row for row in history if row.epoch in (1, best, history[-1].epoch)]
        text += '\n\n' + format_table([['epoch', 'loss', 'train acc', 'test acc']] + [
            [row.epoch, '%.4f' % row.loss, '%.3f' % row.train_acc, '%.3f' % row.test_acc]
            for row in shown], markdown=True)
    return text


def _limits(info, names, dataset, matrix, weights, config):
    lines = ['It answers every picture with one of its %d classes, also one that shows none of '
             'them.' % len(names),
             'How far its probabilities can be trusted was not measured, only how often the '
             'likeliest class is right.']
    if dataset and dataset.limits:
        lines.insert(0, dataset.limits)
    if info.get('ground') == 'dark':
        lines.append('It knows bright things on dark ground. Photographs and drawings are mostly '
                     'the other way round and have to be inverted.')
    if matrix is not None:
        scores = [score for score in class_scores(matrix, names) if score.recall is not None]
        worst = min(scores, key=lambda score: score.recall)
        if worst.confused_with:
            lines.append('It is weakest at %s: %.3f of them are recognized, and the others most '
                         'often taken for %s.' % (worst.name, worst.recall, worst.confused_with))
        if weights == 'best' and config:
            lines.append('The best epoch was picked by these same test images, so the accuracy is '
                         'a little too good for new ones.')
    return '\n'.join('- ' + line for line in lines)


def _versions(info, config):
    rows = [[_plain(name), _plain(version)] for name, version in sorted(config['versions'].items())]
    rows += [[name, _plain(config[key])] for name, key in (
        ('processor', 'cpu'), ('threads', 'threads'), ('device', 'ctx')) if config[key]]
    text = 'Trained with:\n\n' + format_table([['what', 'which']] + rows, left=(0, 1),
                                              markdown=True)
    return text + '\n\nExported by gluonblocks %s. SHA-256 of the weights: `%s`.' % (
        _plain(info['gluonblocks']), info['weights_sha256'])


def _quoted(text):
    """A string as YAML, whatever is in it: JSON's strings are YAML's, but for a few characters."""
    return re.sub('[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]',
                  lambda match: '\\u%04x' % ord(match.group()),
                  json.dumps(text, ensure_ascii=False))


def _plain(text):
    """A string as text in Markdown, in one line, also within a table: nothing in it counts."""
    text = ' '.join(str(text).split()).encode(errors='backslashreplace').decode()
    return re.sub(r'([\\`*_{}\[\]<>#|~&!$])', r'\\\1', text)
