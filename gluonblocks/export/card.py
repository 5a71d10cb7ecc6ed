"""A net's model card: README.md beside its files, from the records of its run alone."""
import json
import os
import re

from ..data.datasets import get_dataset
from ..drawing.confusion import class_rows
from ..runs.options import BOOKKEEPING, OPTIONS
from ..training.loop import best_epoch
from ..training.metrics import accuracy_of, class_scores

_TOLD_ELSEWHERE = ('ctx', 'dataset')


def model_card(info, exported=(), checksums=None, config=None, history=(), matrix=None,
               weights='best', license=None):
    """The text of a model card: Markdown under a head of YAML that Hugging Face's Hub reads.

    It says what the records say and nothing else: what is not given is left out. Nothing in it
    depends on the clock, so the same records give the same text. Each format's file is run by five
    lines of Python that run as they stand.

    Arguments: `info` is an `Export`'s, what the files say of the net; `exported` its formats, with
    their verification; `checksums` the SHA-256 of each file by its name; `config` a run's
    config.json; `history` an `EpochRecord` or `HistoryRow` for each epoch; `matrix` the confusion
    matrix of the test images; `weights` which of the run these are; `license` a licence's id on the
    Hub, such as 'mit', under which the weights are given away: that no record knows.
    """
    accuracy, scores = None, []
    if matrix is not None:
        accuracy, scores = float(accuracy_of(matrix)), class_scores(matrix, info['classes'])
    dataset = get_dataset(config['dataset']) if config else None
    options = [(name, config[name]) for name in ['model', *OPTIONS]
               if name not in BOOKKEEPING and name not in _TOLD_ELSEWHERE
               and config[name] is not None and config[name] is not False] if config else []
    return _rendered(
        'card.md.j2',
        info=info, exported=exported, checksums=checksums, config=config, history=history,
        weights=weights, scores=scores, dataset=dataset, accuracy=accuracy, matrix=matrix,
        head=_head(info, exported, dataset, accuracy, license),
        classes=class_rows(matrix, [_plain(name) for name in info['classes']], '–')
        if scores else [],
        worst=min((score for score in scores if score.recall is not None),
                  key=lambda score: score.recall, default=None),
        best=best_epoch(history) if history else None, options=options,
        read_input=_reading(info, info.get('preprocessing') == 'inside'),
        read_floats=_reading(info, False),
        has_program=reads_pictures(info) and any(
            one.format.startswith('onnx') for one in exported))


def net_card(net, exported, checksums, notes, has_program):
    """The text of README.md for a `NetDescription` without classes: its ends, files and checks."""
    return _rendered('net.md.j2', info=net.info, inputs=net.dimensions(),
                     example=net.inputs, outputs=net.outputs,
                     exported=exported, checksums=checksums, notes=notes,
                     has_program=has_program)


def _rendered(template, **values):
    import jinja2
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True,
                                     loader=jinja2.FileSystemLoader(os.path.join(
                                         os.path.dirname(os.path.abspath(__file__)), 'page')))
    environment.filters.update(yaml=_yaml, plain=_plain, rounded=_rounded)
    text = environment.get_template(template).render(**values)
    return re.sub('\n{3,}', '\n\n', text).rstrip('\n') + '\n'


def _head(info, exported, dataset, accuracy, license):
    """The head of a model card, a dict."""
    task = 'image-classification'
    head = {'license': license} if license else {}
    head.update(library_name='gluonblocks', pipeline_tag=task,
                tags=['mxnet', 'gluon', info['model'], *(one.format for one in exported)])
    if dataset and dataset.hub:
        head['datasets'] = [dataset.hub]
    if accuracy is not None:
        head['metrics'] = ['accuracy']
    if dataset and accuracy is not None:
        head['model-index'] = [{'name': info['model'], 'results': [{
            'task': {'type': task}, 'metrics': [{'type': 'accuracy', 'value': accuracy}],
            'dataset': {'name': dataset.name, 'type': dataset.hub or dataset.name,
                        'split': 'test'}}]}]
    return head


def reads_pictures(info):
    """Return True if `info` tells how an image becomes the net's input."""
    return info.get('scaling') == 'x / 255' and 'resize' in info


def _reading(info, inside):
    """A line of Python that makes X, a batch of one, of picture.png.

    X is zeros if nothing in `info` tells how an image becomes the net's input.
    """
    C, H, W = info['input']
    if not reads_pictures(info):
        return "X = numpy.zeros((1, %d, %d, %d), 'float32')" % (C, H, W)
    # Pictures are of Fashion-MNIST's size before they are resized.
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
    """A value as YAML, which JSON is, except for a few characters in strings."""
    return re.sub('[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]',
                  lambda match: '\\u%04x' % ord(match.group()),
                  json.dumps(value, ensure_ascii=False))


def _plain(value):
    """A value as text in Markdown, in one line, also within a table: nothing in it counts."""
    text = ', '.join(map(str, value)) if isinstance(value, list) else str(value)
    text = ' '.join(text.split()).encode(errors='backslashreplace').decode()
    return re.sub(r'([\\`*_{}\[\]<>#|~&!$])', r'\\\1', text)
