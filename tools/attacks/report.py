"""The report of an attack: a table, and each defect with the command that repeats it."""
import collections
import shlex
import time
from typing import List

from .verdict import CLEAN, DEFECT, EQUAL, OK, UNTRIED


def summary(records, kinds, seed, seconds):
    """Return the table, a line for each kind, and what was not tried."""
    counts = collections.Counter((record['kind'], record['verdict']) for record in records)
    rows: List[list] = [['kind', 'tried', CLEAN, EQUAL, OK, UNTRIED, DEFECT]]
    for kind in kinds:
        tried = sum(counts[kind, verdict] for verdict in (CLEAN, EQUAL, OK, DEFECT))
        rows.append([kind, tried] + [counts[kind, v] for v in (CLEAN, EQUAL, OK, UNTRIED, DEFECT)])
    rows.append(['all'] + [sum(row[i] for row in rows[1:]) for i in range(1, 7)])
    widths = [max(len(str(row[i])) for row in rows) for i in range(7)]
    lines = [' | '.join([row[0].ljust(widths[0])] + [str(cell).rjust(width) for cell, width
                                                     in zip(row[1:], widths[1:])]) for row in rows]
    lines.insert(1, '-|-'.join('-' * width for width in widths))
    worst = max(records, key=lambda record: record['peak'])
    slowest = max(records, key=lambda record: record['seconds'])
    lines += ['', '%d cases, seed %d, %d kills and signals, in %s; most memory %d MB (%s: %s), '
              'longest %.0f s (%s: %s)' % (
                  len(records), seed, sum(record['kills'] for record in records),
                  time.strftime('%H:%M:%S', time.gmtime(seconds)), worst['peak'] >> 20,
                  worst['kind'], worst['case'], slowest['seconds'], slowest['kind'],
                  slowest['case'])]
    untried = collections.Counter(record['what'] for record in records
                                  if record['verdict'] == UNTRIED)
    lines += ['not tried, %d times: %s' % (count, what) for what, count in untried.most_common()]
    return '\n'.join(lines)


def defects(records, seed):
    """Return each defect once: what it is, how it was reached, and what repeats it."""
    groups = collections.OrderedDict()
    for record in records:
        if record['verdict'] == DEFECT:
            groups.setdefault((record['kind'], record['what']), []).append(record)
    lines = []
    for (kind, what), same in groups.items():
        lines.append('\n%s: %s%s' % (kind, what, '  (%d cases)' % len(same) if same[1:] else ''))
        lines += ['  ' + note for note in same[0]['notes']]
        lines.append('  repeat: python scripts/attack.py --only %s --seed %d --case %s'
                     % (kind, seed, shlex.quote(same[0]['case'])))
    return '\n'.join(lines)


def details(record):
    """Return everything that is known about one case."""
    lines = ['%(kind)s %(case)s: %(verdict)s' % record]
    lines += ['  ' + note for note in [record.get('what', '')] + record['notes'] if note]
    if 'command' in record:
        lines.append('  of these, exit code %(code)d: %(command)s' % record)
    for stream in ('out', 'err'):
        lines += ['  std%s: %s' % (stream, line) for line in record.get(stream, '').splitlines()]
    return '\n'.join(lines)
