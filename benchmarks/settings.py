"""Compare the CPU time and the clock time of a training step under several settings.

A setting is a list of environment variables, such as "OMP_NUM_THREADS=2 GLUONBLOCKS_OPERATORS=0".
An empty setting is this shell's environment without its number of threads. Each setting has its own
process, which trains as scripts/train.py does. In each round the processes take turns. A ratio is
the median, over the rounds, of a setting's time divided by that of the first setting. `--beside`
keeps the given number of cores busy with other processes. `--before` measures each setting in
another checkout first.

example:
  python -m benchmarks.settings "" GLUONBLOCKS_OPERATORS=0
  python -m benchmarks.settings "" OMP_NUM_THREADS=1 --beside 0,1,2
  python -m benchmarks.settings OMP_NUM_THREADS=1 --before ../main --models lenet_bn,resnet
"""
import argparse
import contextlib
import os
import statistics
import subprocess
import sys

from gluonblocks.tables import format_table

from .arguments import models, parser_of, positive
from .stats import ratio
from .workers import ROOT, Worker, WorkerError

BATCH = 256


def compare(model, variants, rounds, steps, beside):
    """Print a table of the `variants`, (title, variables, folder), trained beside others."""
    samples = {title: {'CPU': [], 'clock': []} for title, _, _ in variants}
    spec = dict(kind='ours', model=model, batch_size=BATCH, dataset='synthetic', data_root=None)
    with contextlib.ExitStack() as stack:
        workers = {title: stack.enter_context(Worker(spec, variables=variables, root=root))
                   for title, variables, root in variants}
        for _ in range(beside):
            stack.enter_context(counting())
        for i in range(rounds + 1):
            # Each comes first in turn: what follows another finds the caches as that left them.
            order = list(workers)[i % len(workers):] + list(workers)[:i % len(workers)]
            for title in order:
                found = workers[title].ask(warm=0, core=0, train=steps, evaluate=1)
                if i:  # the first makes the graphs
                    samples[title]['CPU'].append(found['cpu'][0] / steps)
                    samples[title]['clock'].append(found['train'][0] / steps)
    first = samples[variants[0][0]]
    print('\n%s, beside %d: ms of a step, median of %d rounds of %d steps'
          % (model, beside, rounds, steps))
    rows = [['setting'] + [head for time in first for head in (time, 'ratio', '(middle half)')]]
    for title, times in samples.items():
        row = [title]
        for name, values in times.items():
            low, middle, high = ratio(values, first[name])
            row += ['%.2f' % (1e3 * statistics.median(values)), '%.3f' % middle,
                    '(%.3f-%.3f)' % (low, high)]
        rows.append(row)
    print(format_table(rows), flush=True)


@contextlib.contextmanager
def counting():
    """Within it another process keeps a core busy."""
    process = subprocess.Popen([sys.executable, '-c', 'while True: pass'])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def setting(text):
    variables = dict(part.partition('=')[::2] for part in text.split())
    if not all(name and '=' in part for name, part in zip(variables, text.split())):
        raise argparse.ArgumentTypeError('%r is not NAME=VALUE NAME=VALUE ...' % text)
    return text, variables


def numbers(text):
    return [int(part) for part in text.split(',')]


def main(argv=None):
    parser = parser_of(__doc__)
    parser.add_argument('settings', nargs='+', type=setting, metavar='SETTING')
    parser.add_argument('--models', type=models, default='lenet_bn', metavar='NAMES',
                        help='by commas; default: %(default)s')
    parser.add_argument('--before', metavar='FOLDER', help='another checkout')
    parser.add_argument('--beside', type=numbers, default=[0], metavar='N,N',
                        help='how many other processes want the cores; default: 0')
    parser.add_argument('--rounds', type=positive, default=9, metavar='N',
                        help='default: %(default)s')
    parser.add_argument('--steps', type=positive, default=20, metavar='N',
                        help='of a round; default: %(default)s')
    args = parser.parse_args(argv)
    variants = []
    for text, variables in args.settings:
        if args.before:
            variants.append(('%s before' % text, variables, os.path.abspath(args.before)))
        variants.append((text or 'as it is', variables, ROOT))
    try:
        for model in args.models:
            for beside in args.beside:
                compare(model, variants, args.rounds, args.steps, beside)
    except WorkerError as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
