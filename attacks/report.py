"""The table of an attack, and its defects with the command that repeats each."""
import collections
import time
from typing import List

from .verdict import CLEAN, DEFECT, EQUAL, OK, UNTRIED

SHOWN = 2500


def table(records, kinds):
    """`kind | tried | clean error | equal | other ok | not tried | defect`, a line a kind."""
    counts = collections.Counter((record['kind'], record['verdict']) for record in records)
    rows: List[list] = [['kind', 'tried', CLEAN, EQUAL, OK, UNTRIED, DEFECT]]
    for kind in kinds:
        tried = sum(counts[kind, verdict] for verdict in (CLEAN, EQUAL, OK, DEFECT))
        rows.append([kind, tried] + [counts[kind, v] for v in (CLEAN, EQUAL, OK, UNTRIED, DEFECT)])
    if len(kinds) > 1:
        rows.append(['all'] + [sum(row[i] for row in rows[1:]) for i in range(1, 7)])
    return _aligned(rows)


def hits_table(records):
    """What became of the hits of trainings on several machines, a line for each kind of hit."""
    groups = collections.OrderedDict()
    hits = [hit for record in records for hit in record['hits']]
    for hit in sorted(hits, key=lambda hit: (hit['victim'], hit['fault'])):
        groups.setdefault((hit['victim'], hit['fault']), []).append(hit)
    rows: List[list] = [['hit', 'tried', 'in time', 'no process left', 'named', 'same bytes',
                         'slowest']]
    for name, same in [*groups.items(), (('all',), hits)]:
        rows.append([', '.join(name), len(same)] + [
            sum(hit[key] for hit in same) for key in ('in_time', 'none_left', 'named', 'same')] +
            ['%.1f s' % max(hit['seconds'] for hit in same)])
    return _aligned(rows)


def _aligned(rows):
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    lines = [' | '.join([str(row[0]).ljust(widths[0])] + [
        str(cell).rjust(width) for cell, width in zip(row[1:], widths[1:])]) for row in rows]
    lines.insert(1, '-|-'.join('-' * width for width in widths))
    return '\n'.join(lines)


def defects(records, seed):
    """What was wrong, the same only once: what it was, where first, and what repeats it."""
    groups = collections.OrderedDict()
    for record in records:
        if record['verdict'] == DEFECT:
            groups.setdefault((record['kind'], record['what']), []).append(record)
    lines = []
    for (kind, what), same in groups.items():
        first = same[0]
        lines.append('\n%s: %s%s' % (kind, what, '  (%d cases)' % len(same) if same[1:] else ''))
        lines += ['  ' + note for note in first['notes']]
        lines.append('  repeat: python scripts/attack.py --only %s --seed %d --case %s'
                     % (kind, seed, first['case']))
    return '\n'.join(lines)


def details(record):
    """All that is known of one case."""
    lines = ['%s %s: %s' % (record['kind'], record['case'], record['verdict'])]
    if record.get('what'):
        lines.append('  ' + record['what'])
    lines += ['  ' + note for note in record['notes']]
    if 'command' in record:
        lines.append('  of these, exit code %d: %s' % (record['code'], record['command']))
    for stream in ('out', 'err'):
        if record.get(stream):
            lines += ['  std%s:' % stream] + [
                '    ' + line for line in record[stream][-SHOWN:].splitlines()]
    return '\n'.join(lines)


def summary(records, kinds, seed, seconds, lacking):
    """What an attack prints."""
    worst = max(records, key=lambda record: record['peak'])
    slowest = max(records, key=lambda record: record['seconds'])
    untried = collections.Counter(record['what'] for record in records
                                  if record['verdict'] == UNTRIED)
    lines = [table(records, kinds), '',
             '%d cases, seed %d, %d kills and signals, in %s; most memory %d MB (%s %s), longest '
             '%.0f s (%s %s)' % (
                 len(records), seed, sum(record['kills'] for record in records),
                 time.strftime('%H:%M:%S', time.gmtime(seconds)), worst['peak'] >> 20,
                 worst['kind'], worst['case'], slowest['seconds'], slowest['kind'],
                 slowest['case'])]
    if any(record['hits'] for record in records):
        lines += ['', hits_table(records), '']
    lines += ['not here: ' + text for text in lacking]
    lines += ['not tried, %d times: %s' % (count, what) for what, count in untried.most_common()]
    return '\n'.join(lines)
