"""The command line of scripts/attack.py."""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from ..arguments import positive, some_of
from .report import defects, summary
from .runner import KINDS, SLOW, plan
from .shim import compile_shim
from .verdict import DEFECT

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLE = """\
example:
  python scripts/attack.py                                (1,000 cases, a few minutes)
  python scripts/attack.py --cases 5000 --json attack.json
  python scripts/attack.py --only runs,kills --seed 7
  python scripts/attack.py --only runs --seed 7 --case 123        (a single case)
  python scripts/attack.py --only machines --cases 25 --jobs 6    (100 faults; mostly waiting)

The attack writes only to a temporary folder; set TMPDIR=/dev/shm to keep it off the disk. Cases
that cannot run on this machine are counted as not tried. The table and the defects go to stdout,
progress to stderr. Exit code: 0 no defects, 1 defects, 2 wrong arguments, 130 interrupted."""


def parse(argv):
    """Parse the command line; exit with code 2 if it is invalid."""
    parser = argparse.ArgumentParser(
        prog='attack.py', epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter,
        description='Attack gluonblocks with killed processes, full disks and damaged files, and '
                    'report whether its guarantees hold.')
    parser.add_argument('--cases', type=positive, default=1000, metavar='N',
                        help='number of cases; the predefined cases run first, then random ones '
                             '(default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, metavar='S',
                        help='seed of the random cases (default: %(default)s)')
    parser.add_argument('--only', type=some_of(list(KINDS)), metavar='KINDS',
                        default=[kind for kind in KINDS if kind not in SLOW],
                        help='comma-separated kinds of attack: %s (default: all except machines, '
                             'which takes minutes per case)' % ', '.join(KINDS))
    parser.add_argument('--case', action='append', metavar='CASE',
                        help='run only the predefined case with this name, or the random case with '
                             'this number; may be repeated')
    parser.add_argument('--jobs', type=positive, default=len(os.sched_getaffinity(0)), metavar='N',
                        help='number of cases to run in parallel (default: one per core)')
    parser.add_argument('--json', metavar='FILE',
                        help='write a record of each case to FILE as JSON')
    parser.add_argument('--list', action='store_true', help='list the predefined cases and exit')
    args = parser.parse_args(argv)
    try:
        args.planned = plan(args.only, args.cases, args.case)
    except ValueError as error:
        parser.error('argument --case: %s' % error)
    if len(args.only) > 1 and any(name.isdigit() for name in args.case or []):
        parser.error('argument --case: a number requires --only with a single kind')
    return args


def main(argv=None):
    """Run the attack; return the exit code."""
    args = parse(argv)
    if not shutil.which('cc'):
        print('error: a C compiler is required, found no command cc: install gcc', file=sys.stderr)
        return 1
    if args.list:
        print(*['%s %s' % (kind, name) for kind in args.only for name in KINDS[kind].FIXED],
              sep='\n')
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder, start, records = tempfile.mkdtemp(prefix='attack-'), time.monotonic(), []
    try:
        code = _run(folder, args, records)
    except KeyboardInterrupt:
        print('\ninterrupted', file=sys.stderr)
        code = 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if args.json:
        with open(args.json, 'w') as f:
            json.dump({'seed': args.seed, 'records': records}, f, indent=1)
    if not records:
        return code or 1
    records.sort(key=lambda record: args.planned.index((record['kind'], record['case'])))
    print(summary(records, args.only, args.seed, time.monotonic() - start))
    print(defects(records, args.seed))
    return code or int(any(record['verdict'] == DEFECT for record in records))


def _run(folder, args, records):
    """Run the attack in a new process; append its records to `records`; return its exit code."""
    inner = os.path.join(folder, 'sandbox')
    os.mkdir(inner)
    options = {'cases': args.planned, 'seed': args.seed, 'jobs': args.jobs}
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(('GLUONBLOCKS_', 'MXNET_', 'OMP_'))}
    process = subprocess.Popen(
        [sys.executable, '-m', 'tools.attacks.runner', inner, json.dumps(options)],
        env=dict(env, PYTHONPATH=ROOT, LD_PRELOAD=compile_shim(folder)), cwd=ROOT,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True)
    reported, found = time.monotonic(), 0
    try:
        for record in map(json.loads, process.stdout):
            records.append(record)
            if record['verdict'] == DEFECT:
                found += 1
                print('defect: %(kind)s %(case)s: %(what)s' % record, file=sys.stderr)
            if time.monotonic() > reported + 5:
                reported = time.monotonic()
                print('%d of %d, %d defects' % (len(records), len(args.planned), found),
                      file=sys.stderr, flush=True)
        return process.wait()
    finally:
        process.terminate()
        process.wait()
