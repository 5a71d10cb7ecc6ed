"""What was measured of several workers, beside the model, and what the model gives for more."""
import statistics

from ..report import between, table
from ..stats import Spread, spread
from .model import (
    COMPUTING,
    HELPS,
    WORKERS,
    Link,
    busiest_bytes,
    bytes_of,
    computing,
    limit_of,
    terms_of,
)

SINGLE, DOUBLE, EACH = ('in single precision: from three workers on the order counts',
                        'as whole multiples in double precision', 'under a key for each worker')
BACK = (4, 16)  # workers
PLANNED = 0.0002  # seconds of a round trip, where none was asked for
FORMULA = ('The model: seconds a step = compute + max(handling, carried / bandwidth + 2 × round '
           'trip).\n`benchmarks/wire/model.py` says what the terms are, and what is not in it.')


def summarize(raw):
    """Samples as numbers to print and to write: {'measured', 'planned', 'sums'}, rows each."""
    return {'measured': [row for cluster in raw['clusters'] for row in _measured(raw, cluster)],
            'planned': {model: _planned(raw, alone) for model, alone in raw['alone'].items()},
            'sums': [row for model, alone in raw['alone'].items() for row in _sums(model, alone)]}


def _measured(raw, cluster):
    """A row for each link: terms, what they predict and what was measured, bytes likewise."""
    n, s, buckets = (cluster['workers'], cluster['servers'],
                     raw['alone'][cluster['model']]['buckets'])
    for of_link in cluster['links']:
        link = of_link['link'] and Link(*of_link['link'])
        terms = terms_of(statistics.median(cluster['compute']),
                         statistics.median(cluster['handling']), buckets, n, s, link)
        step = spread(of_link['step'])
        # Over loopback each of two directions has all that is sent.
        expected = busiest_bytes(buckets, n, s) if cluster['apart'] else (
            2 * n * bytes_of(sum(buckets), n))
        sent = max(max(pair) for pair in of_link['bytes'])
        yield {'model': cluster['model'], 'workers': n, 'servers': s, 'rate': of_link['rate'],
               'link': link, 'terms': terms, 'predicted': terms.step, 'step': step,
               'error': terms.step / step.median - 1, 'bytes': sent, 'expected_bytes': expected,
               'limit': limit_of(terms, n, s)}


def _planned(raw, alone):
    """Rows by the model: 'workers', and 'shared' and 'each', where as many images as were measured
    are those of all workers or those of each; lists with {'rate', 'servers', 'seconds', 'times',
    'limit'}, None where there are more workers than images."""
    batch, seconds = raw['batch_size'], [statistics.median(of) for of in alone['compute']]
    compute = computing(alone['images'], seconds)
    rows = []
    for n in WORKERS:
        handling = statistics.median(alone['arithmetic'][bytes_of(1, n)])
        row = {'workers': n}
        for key, images in (('shared', -(-batch // n) if n <= batch else None), ('each', batch)):
            row[key] = images and [
                _cell(terms_of(compute(images), handling, alone['buckets'], n, s,
                               Link(rate / 8, raw['round_trip'] or PLANNED)),
                      n, s, rate, seconds[0] * (n if key == 'each' else 1))
                for rate in raw['rates'] for s in (1, n)]
        rows.append(row)
    return rows


def _cell(terms, n, s, rate, alone):
    return {'rate': rate, 'servers': s, 'seconds': terms.step, 'times': alone / terms.step,
            'limit': limit_of(terms, n, s)}


def _sums(model, alone):
    """A row for each way to add gradients: what a worker sends in a step, and gets by numbers of
    workers, in bytes; and its own arithmetic, None where it was not measured."""
    numbers = sum(alone['buckets'])
    for way, width, times in ((SINGLE, 4, lambda n: 1), (DOUBLE, 8, lambda n: 1),
                              (EACH, 4, lambda n: n)):
        yield {'model': model, 'way': way, 'bytes': numbers * width,
               'back': {n: numbers * width * times(n) for n in BACK},
               'seconds': None if way == EACH else spread(alone['arithmetic'][width])}


def render(raw, results):
    """All of it as text: settings, the model, tables, what limits, notes."""
    parts = ['\n'.join(['%s: %s' % item for item in raw['machine'].items()] + [
        'versions: ' + ', '.join('%s %s' % item for item in raw['versions'].items()),
        'batch size: %d, rounds: %d' % (raw['batch_size'], raw['rounds'])]),
        '## Several workers\n\n' + FORMULA]
    if results['measured']:
        parts.append(_measured_text(raw, results['measured']))
    parts.append('## The sum that depends on no order\n\n' + _sums_text(results['sums']))
    for model, rows in results['planned'].items():
        parts.append('## %s by the model\n\n%s' % (model, _planned_text(
            raw, raw['alone'][model], rows)))
    if raw['notes']:
        parts.append('## Notes\n\n' + '\n'.join('- ' + note for note in raw['notes']))
    return '\n\n'.join(parts) + '\n'


def _measured_text(raw, rows):
    lines = [[row['model'], row['workers'], row['servers'], _link_text(row),
              *map(_ms, row['terms'][:3]), _ms(row['predicted']),
              between(Spread(*(1e3 * seconds for seconds in row['step']))),
              '%+.0f %%' % (100 * row['error']),
              '%.2f' % (row['expected_bytes'] / 1e6), '%.2f' % (row['bytes'] / 1e6),
              row['limit']] for row in rows]
    errors = [abs(row['error']) for row in rows]
    shared = ('All machines are this one, with %d CPUs: each has its share of them, or one that it '
              'shares\nwith others. So more workers are no faster here, and `compute` and '
              '`handling` are measured\nwith all of them at work, on the CPUs that they have in '
              'the step. Bandwidth and round trip are\nthose of a plain connection over the same '
              'links. The step itself decides none of the terms.' % raw['cpus'])
    return '%s\n\n%s\n\nError of the model: median %.0f %%, largest %.0f %%\n\n%s' % (shared, table(
        ['model', 'workers', 'servers', 'link', 'compute, ms', 'handling', 'wire', 'model, ms',
         'measured, ms', 'error', 'busiest link, MB', 'measured, MB', 'the largest part'], lines),
        100 * statistics.median(errors), 100 * max(errors),
        _helps({row['limit'] for row in rows}))


def _link_text(row):
    if row['link'] is None:
        return 'no limit'
    return '%s (%.3g, %.2f ms)' % (_gbit(row['rate']), row['link'].bandwidth * 8e-9,
                                   1e3 * row['link'].round_trip)


def _ms(seconds):
    return '%.*f' % (0 if seconds >= 0.1 else 1 if seconds >= 0.01 else 2, 1e3 * seconds)


def _gbit(rate):
    return '%g Gbit/s' % (rate / 1e9)


def _sums_text(rows):
    lines = [[row['model'], row['way'], '%.2f' % (row['bytes'] / 1e6),
              *('%.2f' % (row['back'][n] / 1e6) for n in BACK),
              '–' if row['seconds'] is None else
              between(Spread(*(1e3 * seconds for seconds in row['seconds'])))] for row in rows]
    return ('What a worker sends in a step and gets back, and what it computes for that with all '
            'CPUs:\ngathering gradients, rounding them, taking up their sum.\n\n' + table(
                ['model', 'gradients travel', 'MB sent',
                 *('MB back by %d workers' % n for n in BACK), 'ms a step'], lines))


def _planned_text(raw, alone, rows):
    batch = raw['batch_size']
    head = ['workers'] + ['%s, %s' % (_gbit(rate), servers) for rate in raw['rates']
                          for servers in ('1 server', 'N servers')]
    said = ('Each worker on a machine of its own that is as fast as this one is for one process: '
            '%s ms for a step of\n%d images, %s ms of %d. A round trip takes %g ms. Of %s '
            'gradients in arrays of %s at most,\neach array is split over all servers. '
            'What the processors of servers take is left out. In brackets: how\nmany times as '
            'many images a second as one process trains on.' % (
                _ms(statistics.median(alone['compute'][0])), alone['images'][0],
                _ms(statistics.median(alone['compute'][1])), alone['images'][1],
                1e3 * (raw['round_trip'] or PLANNED), f"{sum(alone['buckets']):,}",
                f"{max(alone['buckets']):,}"))
    parts = [said]
    for key, title in (('shared', '%d images a step, shared by all workers' % batch),
                       ('each', '%d images a step for each worker' % batch)):
        lines = [[row['workers']] + (['–'] * (len(head) - 1) if row[key] is None else [
            '%s ms (%.3g×)' % (_ms(cell['seconds']), cell['times']) for cell in row[key]])
            for row in rows]
        parts.append('%s:\n\n%s\n\n%s' % (title, table(head, lines), _limits_text(head, rows, key)))
    return '\n\n'.join(parts)


def _limits_text(head, rows, key):
    """Where each column's steps begin to be limited by something other than computing."""
    found, limits = [], set()
    known = [row for row in rows if row[key] is not None]
    for i, name in enumerate(head[1:]):
        row = next((row for row in known if row[key][i]['limit'] != COMPUTING), None)
        limit = row[key][i]['limit'] if row else COMPUTING
        limits.add(limit)
        found.append('%s: %s%s' % (name, limit, ' from %d workers on' % row['workers']
                                   if row else ''))
    return 'Limited by: %s.\n%s' % ('; '.join(found), _helps(limits))


def _helps(limits):
    return 'What helps: %s.' % '; '.join('%s: %s' % (limit, HELPS[limit]) for limit in HELPS
                                         if limit in limits)
