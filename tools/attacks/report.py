"""Report the results of an attack: a table, and each defect with a command that reproduces it."""
import collections
import shlex
import time

from .verdict import CLEAN, DEFECT, EQUAL, OK, UNTRIED


def summary(records, kinds, seed, seconds):
    """Return a table of verdict counts by kind of attack, and the reasons for untried cases."""
    counts = collections.Counter((record['kind'], record['verdict']) for record in records)
    row = '%-8s | %5s | %11s | %5s | %8s | %9s | %6s'
    lines = [row % ('kind', 'tried', CLEAN, EQUAL, OK, UNTRIED, DEFECT)]
    totals = [0] * 6
    for kind in kinds:
        found = [counts[kind, verdict] for verdict in (CLEAN, EQUAL, OK, UNTRIED, DEFECT)]
        found.insert(0, sum(found) - counts[kind, UNTRIED])
        totals = list(map(sum, zip(totals, found)))
        lines.append(row % (kind, *found))
    lines.append(row % ('all', *totals))
    lines += ['', '%d cases, seed %d, %d kills and signals, in %s' % (
        len(records), seed, sum(record['kills'] for record in records),
        time.strftime('%H:%M:%S', time.gmtime(seconds)))]
    untried = collections.Counter(record['what'] for record in records
                                  if record['verdict'] == UNTRIED)
    lines += ['not tried, %d cases: %s' % (count, why) for why, count in untried.most_common()]
    return '\n'.join(lines)


def defects(records, seed):
    """Describe each distinct defect, with notes on one case and a command that reproduces it."""
    groups = collections.OrderedDict()
    for record in records:
        if record['verdict'] == DEFECT:
            groups.setdefault((record['kind'], record['what']), []).append(record)
    lines = []
    for (kind, what), same in groups.items():
        lines.append('\n%s: %s%s' % (kind, what, '  (%d cases)' % len(same) if same[1:] else ''))
        lines += ['  ' + note for note in same[0]['notes']]
        if 'command' in same[0]:
            lines.append('  failed with exit code %(code)d: %(command)s' % same[0])
        lines += ['  std%s: %s' % (stream, line) for stream in ('out', 'err')
                  for line in same[0].get(stream, '').splitlines()]
        lines.append('  repeat: python scripts/attack.py --only %s --seed %d --case %s'
                     % (kind, seed, shlex.quote(same[0]['case'])))
    return '\n'.join(lines)
