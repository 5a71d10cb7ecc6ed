"""The command line of the attack, and the two processes that it is."""
import argparse
import json
import os
import signal
import sys
import tempfile
import time

from . import system
from .report import defects, details, summary
from .runner import ASKED, KINDS, attack, plan
from .sandbox import remove
from .verdict import DEFECT

EXAMPLE = """\
example:
  python scripts/attack.py                                (1,000 cases, some minutes)
  python scripts/attack.py --cases 5000 --json attack.json
  python scripts/attack.py --only runs,kills --seed 7
  python scripts/attack.py --only runs --seed 7 --case 123    (one again, with all that it said)
  python scripts/attack.py --only machines --cases 25 --jobs 6    (100 hits; they mostly wait)

Everything happens in a temporary folder, where Linux allows it in namespaces of its own: the rest
of the file system is then read-only, and there is no network. What cannot be tried here is counted
as not tried. The table and the defects go to stdout, progress to stderr. Exit code: 0 no defect, 1
defects, 2 wrong arguments, 130 interrupted."""


def parse(argv):
    parser = argparse.ArgumentParser(
        prog='attack.py', description=__doc__.splitlines()[0], epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.description = ('Attack gluonblocks by damaged files, kills, full disks and hostile '
                          'command lines, and tell what held.')
    parser.add_argument('--cases', type=_count, default=1000, metavar='N',
                        help='the fixed ones, and as many drawn at random; default: %(default)s')
    parser.add_argument('--seed', type=int, default=0, metavar='S',
                        help='of the random ones; default: %(default)s')
    parser.add_argument('--only', type=_kinds, metavar='KINDS',
                        default=[kind for kind in KINDS if kind not in ASKED],
                        help='some of %s, by commas; default: all but machines, of which a case '
                             'takes minutes' % ', '.join(KINDS))
    parser.add_argument('--case', action='append', metavar='CASE',
                        help='only this one, a name or a number; may be given again')
    parser.add_argument('--jobs', type=_count, default=len(os.sched_getaffinity(0)), metavar='N',
                        help='cases at a time; default: one a core')
    parser.add_argument('--json', metavar='FILE', help='write what became of each case')
    parser.add_argument('--list', action='store_true', help='name the fixed cases, and do no more')
    args = parser.parse_args(argv)
    if args.case:
        try:
            plan(args.only, 0, args.case)
        except ValueError as error:
            parser.error('argument --case: %s' % error)
        if len(args.only) > 1 and any(name.isdigit() for name in args.case):
            parser.error('argument --case: a number goes with --only KIND')
    return args


def _count(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError('%s is not a positive number' % text)
    return value


def _kinds(text):
    chosen = [name.strip() for name in text.split(',')]
    for name in chosen:
        if name not in KINDS:
            raise argparse.ArgumentTypeError('%r is none of %s' % (name, ', '.join(KINDS)))
    return [name for name in KINDS if name in chosen]


def main(argv=None):
    args = parse(argv)
    if args.list:
        for kind in args.only:
            print(*['%s %s' % (kind, name) for name in KINDS[kind].FIXED], sep='\n')
        return 0
    cases = plan(args.only, args.cases, args.case)
    folder, start = tempfile.mkdtemp(prefix='attack-'), time.monotonic()
    try:
        records, lacking, code = _run(folder, cases, args)
    finally:
        remove(folder)
    if args.json:
        with open(args.json, 'w') as f:
            json.dump({'seed': args.seed, 'lacking': lacking, 'records': records}, f, indent=1)
    if not records:
        return code or 1
    order = {case: i for i, case in enumerate(cases)}
    records.sort(key=lambda record: order[record['kind'], record['case']])
    print(summary(records, args.only, args.seed, time.monotonic() - start, lacking))
    if args.case:
        print(*[details(record) for record in records], sep='\n')
    print(defects(records, args.seed))
    return code or int(any(record['verdict'] == DEFECT for record in records))


def _run(folder, cases, args):
    """Attack in a process of its own; (records, what was lacking, its exit code)."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        os.close(reading)
        os._exit(_inside(folder, cases, args, writing))
    os.close(writing)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    records, lacking, told = [], [], time.monotonic()
    try:
        with open(reading) as lines:
            for line in lines:
                record = json.loads(line)
                if 'lacking' in record:
                    lacking = record['lacking']
                    continue
                records.append(record)
                if record['verdict'] == DEFECT:
                    print('defect: %s %s: %s' % (record['kind'], record['case'], record['what']),
                          file=sys.stderr, flush=True)
                if time.monotonic() - told > 5:
                    told = time.monotonic()
                    print('%d of %d, %d defects' % (len(records), len(cases), sum(
                        one['verdict'] == DEFECT for one in records)), file=sys.stderr, flush=True)
        return records, lacking, os.WEXITSTATUS(os.waitpid(pid, 0)[1])
    except KeyboardInterrupt:
        print('\ninterrupted', file=sys.stderr)
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        return records, lacking, 130


def _inside(folder, cases, args, writing):
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        system.die_with_parent()
        return attack(folder, cases, args.seed, args.jobs,
                      lambda line: os.write(writing, (line + '\n').encode()))
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    except (OSError, RuntimeError) as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
