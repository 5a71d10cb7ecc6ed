"""Generate an export's README.md: a model card for a classifier, a description for other nets."""
import json
import os
import re

from ..data.datasets import get_dataset
from ..drawing.confusion import class_rows
from ..runs.options import BOOKKEEPING, OPTIONS
from ..training.loop import best_epoch
from ..training.metrics import accuracy_of, class_scores

_SHOWN_ELSEWHERE = ('ctx', 'dataset')  # options that have their own place in the model card


def model_card(info, exported=(), checksums=None, config=None, history=(), matrix=None,
               weights='best', license=None):
    """Return a model card: Markdown with a YAML header for the Hugging Face Hub.

    The card contains only facts from the arguments and no dates, so the same arguments always
    produce the same text. For each format, at most five lines of Python show how to run the file.

    `info` is the metadata of an `Export`, and `exported` contains an `Exported` for each format.
    `checksums` is {file name: SHA-256}, and `config` is a run's parsed config.json. `history`
    contains an `EpochRecord` or `HistoryRow` for each epoch. `matrix` is the confusion matrix of
    the test images. `weights` says which weights were exported: 'best', 'last' or 'final'.
    `license` is the Hub's identifier for the licence of the weights, such as 'mit'.
    """
    accuracy, scores = None, []
    if matrix is not None:
        accuracy, scores = float(accuracy_of(matrix)), class_scores(matrix, info['classes'])
    dataset = get_dataset(config['dataset']) if config else None
    options = [(name, config[name]) for name in ['model', *OPTIONS]
               if name not in BOOKKEEPING and name not in _SHOWN_ELSEWHERE
               and config[name] is not None and config[name] is not False] if config else []
    return _rendered(
        'card.md.j2',
        info=info, exported=exported, checksums=checksums, config=config, history=history,
        weights=weights, scores=scores, dataset=dataset, accuracy=accuracy, matrix=matrix,
        header=_header(info, exported, dataset, accuracy, license),
        classes=class_rows(matrix, [_plain(name) for name in info['classes']], '–')
        if scores else [],
        worst=min((score for score in scores if score.recall is not None),
                  key=lambda score: score.recall, default=None),
        best=best_epoch(history) if history else None, options=options,
        read_input=_reading(info, info.get('preprocessing') == 'inside'),
        read_floats=_reading(info, False))


def net_card(net, exported, checksums, notes):
    """Return the README.md text for `net`, a `NetDescription` that is not a classifier."""
    return _rendered('net.md.j2', info=net.info, inputs=net.dimensions(),
                     example=net.inputs, outputs=net.outputs,
                     exported=exported, checksums=checksums, notes=notes)


def _rendered(template, **values):
    import jinja2
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True,
                                     loader=jinja2.FileSystemLoader(os.path.join(
                                         os.path.dirname(os.path.abspath(__file__)), 'page')))
    environment.filters.update(yaml=_yaml, plain=_plain, rounded=_rounded)
    text = environment.get_template(template).render(**values)
    return re.sub('\n{3,}', '\n\n', text).rstrip('\n') + '\n'


def _header(info, exported, dataset, accuracy, license):
    """Return the YAML header of a model card as a dict."""
    task = 'image-classification'
    header = {'license': license} if license else {}
    header.update(library_name='gluonblocks', pipeline_tag=task,
                  tags=['mxnet', 'gluon', info['model'], *(one.format for one in exported)])
    if dataset and dataset.hub:
        header['datasets'] = [dataset.hub]
    if accuracy is not None:
        header['metrics'] = ['accuracy']
    if dataset and accuracy is not None:
        header['model-index'] = [{'name': info['model'], 'results': [{
            'task': {'type': task}, 'metrics': [{'type': 'accuracy', 'value': accuracy}],
            'dataset': {'name': dataset.name, 'type': dataset.hub or dataset.name,
                        'split': 'test'}}]}]
    return header


def has_preprocessing(info):
    """Return True if `info` specifies how to preprocess an image for the net."""
    return info.get('scaling') == 'x / 255' and 'resize' in info


def _reading(info, inside):
    """Return a line of Python that reads picture.png into X, a batch of one.

    If `inside` is true, X contains raw pixels, because the exported file preprocesses them. If
    `info` does not specify any preprocessing, the line sets X to zeros instead.
    """
    C, H, W = info['input']
    if not has_preprocessing(info):
        return "X = numpy.zeros((1, %d, %d, %d), 'float32')" % (C, H, W)
    # An exported file that includes preprocessing takes 28 x 28 images and resizes them.
    size = (28, 28) if inside and info['resize'] else (W, H)
    read = "X = numpy.asarray(Image.open('picture.png').convert(%r).resize(%r)%s)" % (
        'L' if C == 1 else 'RGB', size, '' if inside else ", 'float32'")
    read += '[None, None]' if C == 1 and not inside else '[None]'
    if C > 1:
        read += '.transpose(0, 3, 1, 2)'
    return read if inside else read + ' / 255'


def _rounded(value, digits):
    return '–' if value is None else '%.*f' % (digits, value)


def _yaml(value):
    """Encode a value as JSON that is also valid YAML, escaping characters that YAML forbids."""
    return re.sub('[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]',
                  lambda match: '\\u%04x' % ord(match.group()),
                  json.dumps(value, ensure_ascii=False))


def _plain(value):
    """Format a value as one line of Markdown, escaping all markup, including table separators."""
    text = ', '.join(map(str, value)) if isinstance(value, list) else str(value)
    text = ' '.join(text.split()).encode(errors='backslashreplace').decode()
    return re.sub(r'([\\`*_{}\[\]<>#|~&!$])', r'\\\1', text)
