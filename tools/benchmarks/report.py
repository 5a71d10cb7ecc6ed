"""The results of a benchmark, as numbers (medians, ratios, targets) and as text."""
from . import stats
from .machine import describe_load
from .measure import ENGINES, MXNET, OURS
from .stats import ratio, spread
from .targets import BOUNDS, targets
from .timing import PARTS


def summarize(raw):
    """Return a dict of medians, spreads and ratios of the samples `raw`, and target verdicts."""
    results = {'training': {model: _training(samples, raw['batch_size'], raw['facts'])
                            for model, samples in raw['training'].items()},
               'batch_norm': _batch_norm(raw['batch_norm']) if raw['batch_norm'] else {},
               'prediction': [_prediction(*case, samples)
                              for case, samples in raw['prediction'].items()]}
    for name in ('startup', 'five_epochs'):
        if raw[name]:
            results[name] = spread(raw[name])
    results['targets'] = targets(results)
    return results


def _prediction(model, batch, samples):
    return {'model': model, 'batch': batch,
            'ms': {name: spread(values, 1e3 * batch) for name, values in samples.items()},
            'ratios': {name: ratio(samples[name], samples[OURS])
                       for name in samples if name != OURS}}


def _training(samples, batch_size, facts):
    torch, ms = stats.fastest_torch(samples), 1e3 * batch_size
    # Estimate epoch times from the times per image. The estimates exclude the work that a loader
    # does once at the start of each epoch.
    epochs = {name: [facts['num_train'] * step + facts['num_test'] * evaluate
                     for step, evaluate in zip(sample['step'], sample['evaluate'])]
              for name, sample in samples.items()}
    found = {'variants': {}, 'fastest_torch': torch}
    for name, sample in samples.items():
        if 'parts' in sample:
            found.setdefault('parts', {})['ours' if name == 'parts' else name] = _parts(sample, ms)
        if name == 'parts':  # these steps wait after each part, so their times are not comparable
            continue
        row = found['variants'][name] = {
            'ms': spread(sample['step'], ms), 'cpu_ms': spread(sample['cpu'], ms),
            'peak_mib': sample['peak_mib'], 'epoch_seconds': spread(epochs[name]),
            'notebook_ratio': None, 'torch_ratio': None, 'epoch_ratio': None}
        if 'collect' in sample:
            row['collect_ms'] = spread(sample['collect'], ms)
        if 'notebook' in samples:
            row['notebook_ratio'] = ratio(samples['notebook']['step'], sample['step'])
            row['epoch_ratio'] = ratio(epochs['notebook'], epochs[name])
        if torch:
            row['torch_ratio'] = ratio(samples[torch]['step'], sample['step'])
    return found


def _parts(sample, ms):
    """Return the ms, as a `Spread`, of each part of a step and each kind of operation."""
    rounds = [dict(zip(sample['parts'], values)) for values in zip(*sample['parts'].values())]
    found = {'ms': {part: spread([each[part] for each in rounds], ms) for part in PARTS},
             'outside_percent': spread([1 - each['net'] / sum(each.values()) for each in rounds],
                                       100)}
    for what in ('primitives', 'operators', 'update'):
        if what in sample:
            found[what] = spread([sum(each) for each in zip(*sample[what].values())] or [0], ms)
    return found


def _batch_norm(samples):
    return {'ms': {variant: {name: spread(values, 1e3) for name, values in of.items()}
                   for variant, of in samples.items()},
            'of_mxnets': {name: ratio(values, samples[MXNET][name])
                          for name, values in samples[OURS].items()}}


def times(value):
    """Format a ratio with two decimals, or three if it is below 0.1."""
    return between(value, 2 if value and value.median >= 0.1 else 3, '×')


def between(value, decimals=None, unit=''):
    """Format a median and its quartiles, by default with three significant digits."""
    if value is None:
        return '–'
    if decimals is None:
        size = abs(value.median)
        decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return '%.*f%s (%.*f–%.*f)' % (decimals, value.median, unit, decimals, value.low,
                                   decimals, value.high)


def table(head, rows):
    """Return a Markdown table."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(head, *rows)]
    lines = ['| %s |' % ' | '.join(str(cell).ljust(width) for cell, width in zip(row, widths))
             for row in [head] + rows]
    rule = '|%s|' % '|'.join('-' * (width + 2) for width in widths)
    return '\n'.join([lines[0], rule] + lines[1:])


def render(raw, results):
    """Return the report as text: settings, tables, notes and targets."""
    facts = raw['facts']
    parts = ['\n'.join(['%s: %s' % item for item in raw['machine'].items()] + [
        "threads: %d (the notebook's code: MXNet's default)" % facts['threads'],
        'batch size: %d, rounds: %d' % (raw['batch_size'], raw['rounds']),
        describe_load(raw['other_load']),
        'versions: ' + ', '.join('%s %s' % item for item in facts['versions'].items())])]
    if results['training']:
        parts.append('## Training\n\n' + _training_text(results['training']))
    if results['batch_norm']:
        parts.append('## Batch normalization in LeNet, forward and backward, ms per step\n\n' +
                     _batch_norm_text(results['batch_norm']))
    if results['prediction']:
        parts.append('## Prediction, ms per batch\n\n' + table(
            ['model', 'batch', *ENGINES] + ['%s / ours' % name for name in ENGINES[1:]],
            [[row['model'], row['batch']] +
             [between(row['ms'].get(name)) for name in ENGINES] +
             [times(row['ratios'].get(name)) for name in ENGINES[1:]]
             for row in results['prediction']]))
    if 'startup' in results:
        parts.append('## Start\n\nSeconds from the start of `scripts/train.py --model lenet_bn` to '
                     'the end of its first step: %s; to its last line, after five epochs: %s'
                     % (between(results['startup'], 2), between(results['five_epochs'], 1)))
    if raw['notes']:
        notes = dict.fromkeys(raw['notes'])  # without duplicates
        parts.append('## Notes\n\n' + '\n'.join('- ' + note for note in notes))
    if results['targets']:
        parts.append('## Targets\n\n' + table(
            ['what', 'goal', 'reached', 'spread', 'bound', ''],
            [[row[column] for column in ('what', 'goal', 'reached', 'spread', 'bound', 'verdict')]
             for row in results['targets']]) + '\n\n' + BOUNDS)
    return '\n\n'.join(parts) + '\n'


def _training_text(training):
    rows, parts = [], []
    for model, found in training.items():
        for name, row in found['variants'].items():
            fastest = ' (fastest)' if name == found['fastest_torch'] else ''
            rows.append([model, name + fastest, between(row['ms']),
                         between(row.get('collect_ms')), between(row['cpu_ms']),
                         times(row['notebook_ratio']), times(row['torch_ratio']),
                         '%.0f' % row['peak_mib'], between(row['epoch_seconds'])])
        for name, each in found.get('parts', {}).items():
            parts.append([model, name, *[between(each['ms'][part]) for part in PARTS],
                          between(each['outside_percent'], 1) + ' %',
                          *[between(each.get(what)) for what in ('primitives', 'operators',
                                                                 'update')]])
    text = table(['model', 'variant', 'ms per batch', 'collecting loop, ms', 'CPU ms',
                  'times as fast as notebook', "times as fast as PyTorch's fastest", 'peak MiB',
                  'epoch, s'],
                 rows)
    if parts:
        text += '\n\n### Parts of a step, each finished before the next, ms\n\n' + table(
            ['model', 'variant', *PARTS, 'outside the net', 'oneDNN primitives',
             'C++ operators', 'memory traffic of SGD'], parts)
    return text


def _batch_norm_text(found):
    variants = list(found['ms'])
    return table(['replaced nodes', *variants, "ours / MXNet's"], [
        [name, *[between(found['ms'][variant][name]) for variant in variants], times(value)]
        for name, value in found['of_mxnets'].items()])
