"""What was measured, as results with ratios, targets, and text."""
import statistics

from . import stats
from .prediction import ENGINES, OURS
from .stats import Spread, geometric_mean, ratio, spread
from .targets import targets


def summarize(raw):
    """The samples of `measure`, as numbers to print and to write: medians, spreads, ratios."""
    results = {'training': {}, 'batch_norm': {}, 'prediction': [], 'growth': []}
    batch_size, facts = raw['batch_size'], raw['facts']
    for model, samples in raw['training'].items():
        results['training'][model] = _training(samples, batch_size, facts)
    if raw['batch_norm']:
        results['batch_norm'] = _batch_norm(raw['batch_norm'])
    for (model, batch), samples in raw['prediction'].items():
        row = {'model': model, 'batch': batch, 'ms': {
            name: spread([1e3 * batch * value for value in values])
            for name, values in samples.items()}}
        row['ratios'] = {name: ratio(samples[name], samples[OURS])
                         for name in samples if name != OURS}
        results['prediction'].append(row)
    for row in raw['growth']:
        results['growth'].append(dict(row, step=spread(row['step'])))
    for name in ('startup', 'whole'):
        if raw[name]:
            results[name] = spread(raw[name])
    results['targets'] = targets(results)
    return results


def _training(samples, batch_size, facts):
    torch = stats.fastest_torch(samples)
    rows = {}
    for name, sample in samples.items():
        step = stats.known(sample['step'])
        row = {'ms': spread([1e3 * batch_size * value for value in step]),
               'cpu_ms': spread([1e3 * batch_size * value for value in stats.known(sample['cpu'])]),
               'images_per_second': 1 / statistics.median(step),
               'peak_mib': sample['peak_mib'],
               'outside': spread(stats.known(stats.outside_share(sample))),
               'evaluate_ms': spread([1e3 * batch_size * value
                                      for value in stats.known(sample['evaluate'])]),
               'epoch_seconds': spread(stats.known(stats.epoch_seconds(sample, facts)))}
        for other, key in (('notebook', 'notebook_ratio'), (torch, 'torch_ratio')):
            row[key] = ratio(samples[other]['step'], sample['step']) if other in samples else None
        row['epoch_ratio'] = (ratio(stats.epoch_seconds(samples['notebook'], facts),
                                    stats.epoch_seconds(sample, facts))
                              if 'notebook' in samples else None)
        rows[name] = row
    floor = rows.pop('onednn', None)
    found = {'variants': rows, 'fastest_torch': torch}
    if floor:
        sample = samples['onednn']
        found['floor_ms'] = spread([1e3 * batch_size * value
                                    for value in stats.known(sample['floor'])])
        found['primitives_ms'] = {
            name: 1e3 * batch_size * statistics.median(values)
            for name, values in sorted(sample['primitives'].items(),
                                       key=lambda item: -statistics.median(item[1]))}
    return found


def _batch_norm(samples):
    ms = {name: {str(shape): spread([1e3 * value for value in values])
                 for shape, values in of.items()} for name, of in samples.items()}
    shapes = list(samples['ours'])

    def best(shape):
        """The notebook's formula, eager or hybridized, whichever is faster on this shape."""
        return min((samples[name][shape] for name in ('notebook', 'notebook, hybridized')),
                   key=statistics.median)

    def means(theirs, ours):
        of_shapes = [ratio(theirs(shape), ours(shape)) for shape in shapes]
        return Spread(*(geometric_mean(values) for values in zip(*of_shapes)))

    ours, eager = samples['ours'], samples['ours, eager function']
    fused, notebook = samples['fused nn.BatchNorm'], samples['notebook']
    return {'ms': ms, 'of_fused': {
        str(shape): ratio(ours[shape], fused[shape]) for shape in shapes}, 'geometric_means': {
        'notebook / ours': means(notebook.get, ours.get),
        "notebook's faster form / ours": means(best, ours.get),
        'notebook / ours, eager function': means(notebook.get, eager.get),
        'ours / fused nn.BatchNorm': means(ours.get, fused.get),
        'ours, eager function / fused nn.BatchNorm': means(eager.get, fused.get)}}


def times(value):
    """A ratio as text; a small one with a digit more, for what counts of it."""
    if value is None:
        return '–'
    decimals = 2 if value.median >= 0.1 else 3
    return '%.*f× (%.*f–%.*f)' % (decimals, value.median, decimals, value.low, decimals, value.high)


def between(value, decimals=None):
    """A median with its quartiles as text; without `decimals`, three digits that count."""
    if value is None:
        return '–'
    if decimals is None:
        size = abs(value.median)
        decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return '%.*f (%.*f–%.*f)' % (decimals, value.median, decimals, value.low,
                                 decimals, value.high)


def table(head, rows):
    """A Markdown table, all of its columns to the left."""
    # Not imported with this file: the package sets variables that the processes measured inherit.
    from gluonblocks.tables import format_table
    return format_table([head] + rows, left=range(len(head)), markdown=True)


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
    if results['growth']:
        parts.append('## Growth\n\n' + _growth_text(results['growth']))
    if 'startup' in results:
        parts.append('## Start\n\nFrom the command to the end of the first step of lenet_bn: '
                     '%s seconds; to its last line, after five epochs: %s seconds'
                     % (between(results['startup'], 2), between(results['whole'], 1)))
    if raw['notes']:
        parts.append('## Notes\n\n' + '\n'.join('- ' + note for note in raw['notes']))
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
                         between(Spread(*(100 * v for v in row['outside'])), 1) + ' %',
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
    means = ['- %s: %s' % (name, times(value)) for name, value in found['geometric_means'].items()]
    return '%s\n\nGeometric means of the ratios:\n%s' % (
        table(['shape'] + names + ['ours / fused nn.BatchNorm'], rows), '\n'.join(means))


def _growth_text(rows):
    lines, first = [], {}
    for row in rows:
        start = first.setdefault(row['what'], row)
        lines.append([row['what'], row['size'], between(Spread(*(1e3 * v for v in row['step']))),
                      '%.2f' % (row['step'].median / start['step'].median),
                      '%.2f' % row['arithmetic'], '%.0f' % row['peak_mib'],
                      '%.2f' % (row['peak_mib'] / start['peak_mib'])])
    return table(['what', 'size', 'ms a step', 'times the first', 'arithmetic, times the first',
                  'peak MiB', 'times the first'], lines)
