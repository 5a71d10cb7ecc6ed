"""The results of a benchmark: medians, ratios and targets, as numbers and as text."""
import datetime
import os
import platform
import statistics

from . import stats
from .measure import ENGINES, OURS
from .stats import Spread, ratio, spread
from .targets import targets


def machine():
    """{"CPU", "logical CPUs", "memory", "system", "date"} as text."""
    with open('/proc/cpuinfo') as f:
        names = [line.split(':', 1)[1].strip() for line in f if line.startswith('model name')]
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2 ** 30
    return {'CPU': names[0] if names else platform.processor() or platform.machine(),
            'logical CPUs': str(len(os.sched_getaffinity(0))), 'memory': '%.0f GiB' % memory,
            'system': platform.platform(terse=True),
            'date': datetime.datetime.now().strftime('%Y-%m-%d %H:%M')}


def summarize(raw):
    """The samples of `measure`, as values to print and to write: medians, spreads, ratios."""
    results = {'training': {model: _training(samples, raw['batch_size'], raw['facts'])
                            for model, samples in raw['training'].items()},
               'batch_norm': _batch_norm(raw['batch_norm']) if raw['batch_norm'] else {},
               'prediction': [_prediction(*case, samples)
                              for case, samples in raw['prediction'].items()]}
    for name in ('startup', 'whole'):
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
    # The work that a loader does once an epoch is not included.
    epochs = {name: [facts['num_train'] * step + facts['num_test'] * evaluate
                     for step, evaluate in zip(sample['step'], sample['evaluate'])]
              for name, sample in samples.items()}
    found = {'variants': {}, 'fastest_torch': torch}
    for name, sample in samples.items():
        if name == 'onednn':
            found['floor_ms'] = spread(sample['floor'], ms)
            found['primitives_ms'] = {name: ms * value for name, value in sorted(
                sample['primitives'].items(), key=lambda item: -item[1])}
            continue
        row = found['variants'][name] = {
            'ms': spread(sample['step'], ms), 'cpu_ms': spread(sample['cpu'], ms),
            'images_per_second': 1 / statistics.median(sample['step']),
            'peak_mib': sample['peak_mib'], 'evaluate_ms': spread(sample['evaluate'], ms),
            'outside_percent': spread([1 - core / step for step, core in zip(
                sample['step'], sample['core'])], 100),
            'epoch_seconds': spread(epochs[name]),
            'notebook_ratio': None, 'torch_ratio': None, 'epoch_ratio': None}
        if 'notebook' in samples:
            row['notebook_ratio'] = ratio(samples['notebook']['step'], sample['step'])
            row['epoch_ratio'] = ratio(epochs['notebook'], epochs[name])
        if torch:
            row['torch_ratio'] = ratio(samples[torch]['step'], sample['step'])
    return found


def _batch_norm(samples):
    def ratios(theirs, ours):
        return {str(shape): ratio(samples[theirs][shape], samples[ours][shape])
                for shape in samples[ours]}
    return {'ms': {name: {str(shape): spread(values, 1e3) for shape, values in of.items()}
                   for name, of in samples.items()},
            'of_fused': ratios('ours', 'fused nn.BatchNorm'),
            'against_notebook': Spread(*map(
                statistics.geometric_mean, zip(*ratios('notebook', 'ours').values())))}


def times(value):
    """A ratio as text; a small one with another digit."""
    return between(value, 2 if value and value.median >= 0.1 else 3, '×')


def between(value, decimals=None, unit=''):
    """A median with its quartiles as text; without `decimals`, with three significant digits."""
    if value is None:
        return '–'
    if decimals is None:
        size = abs(value.median)
        decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return '%.*f%s (%.*f–%.*f)' % (decimals, value.median, unit, decimals, value.low,
                                   decimals, value.high)


def table(head, rows):
    """A Markdown table, with all columns to the left."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(head, *rows)]
    lines = ['| %s |' % ' | '.join(str(cell).ljust(width) for cell, width in zip(row, widths))
             for row in [head] + rows]
    rule = '|%s|' % '|'.join('-' * (width + 2) for width in widths)
    return '\n'.join([lines[0], rule] + lines[1:])


def render(raw, results):
    """All of it as text: settings, tables, notes, targets."""
    facts = raw['facts']
    parts = ['\n'.join(['%s: %s' % item for item in raw['machine'].items()] + [
        'threads: %d, the notebook with MXNet\'s own default' % facts['threads'],
        'batch size: %d, rounds: %d' % (raw['batch_size'], raw['rounds']),
        'versions: ' + ', '.join('%s %s' % item for item in facts['versions'].items())])]
    if results['training']:
        parts.append('## Training\n\n' + _training_text(results['training']))
    if results['batch_norm']:
        parts.append('## Batch normalization, forward and backward, ms\n\n' +
                     _batch_norm_text(results['batch_norm']))
    if results['prediction']:
        parts.append('## Prediction, ms a batch\n\n' + table(
            ['model', 'batch', *ENGINES] + ['%s / ours' % name for name in ENGINES[1:]],
            [[row['model'], row['batch']] +
             [between(row['ms'].get(name)) for name in ENGINES] +
             [times(row['ratios'].get(name)) for name in ENGINES[1:]]
             for row in results['prediction']]))
    if 'startup' in results:
        parts.append('## Start\n\nFrom the command to the end of the first step of lenet_bn: '
                     '%s seconds; to its last line, after five epochs: %s seconds'
                     % (between(results['startup'], 2), between(results['whole'], 1)))
    if raw['notes']:
        notes = dict.fromkeys(raw['notes'])  # each once
        parts.append('## Notes\n\n' + '\n'.join('- ' + note for note in notes))
    if results['targets']:
        parts.append('## Targets\n\n' + table(
            ['what', 'wanted', 'reached', ''],
            [[row['what'], row['wanted'], row['reached'], row['verdict']]
             for row in results['targets']]))
    return '\n\n'.join(parts) + '\n'


def _training_text(training):
    rows, floors = [], []
    for model, found in training.items():
        for name, row in found['variants'].items():
            fastest = ' (fastest)' if name == found['fastest_torch'] else ''
            rows.append([model, name + fastest, between(row['ms']), between(row['cpu_ms']),
                         '%.0f' % row['images_per_second'], times(row['notebook_ratio']),
                         times(row['torch_ratio']), '%.0f' % row['peak_mib'],
                         between(row['outside_percent'], 1) + ' %',
                         between(row['epoch_seconds'])])
        if 'floor_ms' in found:
            largest = ', '.join('%s %.3g' % item for item in
                                list(found['primitives_ms'].items())[:5])
            floors.append("%s: oneDNN's primitives take %s ms a batch: %s"
                          % (model, between(found['floor_ms']), largest))
    return table(['model', 'variant', 'ms a batch', 'CPU ms', 'images/s', 'faster than notebook',
                  "faster than PyTorch's fastest", 'peak MiB', 'outside the net', 'epoch, s'],
                 rows) + ('\n\nThe floor:\n' + '\n'.join('- ' + text for text in floors)
                          if floors else '')


def _batch_norm_text(found):
    names = list(found['ms'])
    rows = [[shape] + [between(found['ms'][name][shape]) for name in names]
            for shape in found['ms'][names[0]]]
    rows = [row + [times(found['of_fused'][row[0]])] for row in rows]
    return '%s\n\nGeometric mean of notebook / ours: %s' % (
        table(['shape'] + names + ['ours / fused nn.BatchNorm'], rows),
        times(found['against_notebook']))
