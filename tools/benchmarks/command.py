"""The command line of the benchmark, and one run of it: measure, print, write."""
import argparse
import json
import os
import signal
import sys
import tempfile

from ..arguments import comma_separated, positive, some_of
from . import measure, release, several
from .machine import LIMITS, machine, others
from .notebook_code import TRAININGS
from .report import render, summarize
from .startup import startup, whole
from .targets import slower
from .workers import Worker, WorkerError

PARTS = ('training', 'batch_norm', 'prediction', 'startup')
VARIANTS = measure.Settings().only
EXAMPLE = """\
example:
  python scripts/benchmark.py                        (half an hour)
  python scripts/benchmark.py --quick --models resnet --only ours,torch,parts
  python scripts/benchmark.py --json speed.json --against old.json
  python scripts/benchmark.py --ci                   (two minutes)
  python scripts/benchmark.py --workers 1,2,4 --models lenet_bn,resnet

All variants take turns in one run, each in a process of its own; do not compare figures of two
runs. PyTorch and ONNX Runtime are the extra `bench`; the report, on stdout, names what
is missing and was left out. --workers measures only training by several workers, each on a machine
of its own: a network namespace with links of the speeds of --gbit, if this system has them.
Exit code: 0 measured, 1 a target was missed by more than its spread or --ci found this checkout
slower than the last release, 2 wrong arguments, 3 failed, 130 interrupted.
`python -m tools.benchmarks.compare --help` compares settings, checkouts and passes."""


def parse(argv):
    parser = argparse.ArgumentParser(
        prog='python scripts/benchmark.py', epilog=EXAMPLE,
        description="Measure gluonblocks against the notebook's own code and against PyTorch, "
                    'side by side.', formatter_class=argparse.RawDescriptionHelpFormatter)
    models = list(TRAININGS)
    parser.add_argument('--models', type=some_of(models), default=models, metavar='NAMES',
                        help='comma-separated, some of %s; default: all' % ', '.join(models))
    parser.add_argument('--only', type=some_of(VARIANTS), default=VARIANTS, metavar='VARIANTS',
                        help='train only some of %s (the parts of our steps); default: all'
                        % ', '.join(VARIANTS))
    parser.add_argument('--parts', type=some_of(PARTS), default=PARTS, metavar='PARTS',
                        help='some of %s; default: all' % ', '.join(PARTS))
    parser.add_argument('--quick', action='store_true',
                        help='fewer and shorter rounds and fewer variants: 8 minutes')
    parser.add_argument('--batch-size', type=positive, default=256, metavar='N',
                        help='default: %(default)s')
    parser.add_argument('--threads', type=positive, metavar='N',
                        help="for all but the notebook; default: gluonblocks' own choice")
    parser.add_argument('--max-steps', type=positive, default=50, metavar='N',
                        help='largest number of steps in a round; default: %(default)s')
    parser.add_argument('--dataset', choices=['fashion-mnist', 'synthetic'],
                        default='fashion-mnist', help='default: %(default)s')
    parser.add_argument('--data-root', metavar='FOLDER', help='as for scripts/train.py')
    parser.add_argument('--json', metavar='FILE', help='write all figures, with every sample')
    parser.add_argument('--against', metavar='FILE', type=results_of,
                        help='name what became more than 3 %% slower than in a file of --json')
    parser.add_argument('--isa', choices=LIMITS, help='limit all engines to these instructions')
    parser.add_argument('--ci', action='store_true',
                        help='only compare this checkout with the last release, in two minutes')
    group = parser.add_argument_group('several workers')
    group.add_argument('--workers', type=comma_separated(positive), metavar='N,N',
                       help='numbers of workers, such as 1,2,4')
    group.add_argument('--gbit', type=comma_separated(float), default=[1, 10],
                       metavar='X,X', help='Gbit/s of the links; default: 1,10')
    args = parser.parse_args(argv)
    if args.workers and args.against:
        parser.error('--workers measures nothing else: leave out --against')
    if args.workers and max(args.workers) > args.batch_size:
        parser.error('--workers: %d workers are more than the %d images of a batch'
                     % (max(args.workers), args.batch_size))
    return args


def results_of(path):
    """The results in a file of --json."""
    try:
        with open(path) as f:
            return json.load(f)['results']
    except (OSError, ValueError, KeyError) as error:
        raise argparse.ArgumentTypeError('expected a file written by --json: %s' % error) from None


def main(argv=None):
    """Run the command; return its exit code."""
    args = parse(argv)
    # SIGTERM ends the workers as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    settings = measure.Settings(args.quick, args.batch_size, args.dataset, args.data_root,
                                args.threads, args.only, args.max_steps)
    os.environ.update(LIMITS.get(args.isa, {}))
    missed = False
    try:
        if args.json:
            with open(args.json, 'a'):  # OSError, before anything is measured
                pass
        if args.ci:
            return release.main()
        if args.workers:
            raw = several.measure(settings, args.models, args.workers, args.gbit)
            results, text = raw, several.render(raw)
        else:
            raw = run(settings, args.models, args.parts)
            results = summarize(raw)
            text = render(raw, results)
            missed = any(row['missed'] for row in results['targets'])
        print(text, end='', flush=True)
        if args.against:
            lines = slower(args.against['targets'], results['targets']) or ['nothing']
            print('\n## Slower than before\n\n' + '\n'.join('- ' + line for line in lines))
        if args.json:
            with open(args.json, 'w') as f:
                json.dump(plain({'results': results, 'samples': raw}), f, indent=1)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    except (WorkerError, ImportError, OSError) as error:
        print('error: %s' % error, file=sys.stderr)
        return 3
    return int(missed)


def run(settings, models, parts):
    """Measure `parts` for `models`: the samples, and the facts about this machine.

    Raises WorkerError if a variant fails.
    """
    raw = {'machine': machine(), 'batch_size': settings.batch_size, 'rounds': settings.rounds,
           'notes': settings.left_out, 'training': {}, 'batch_norm': {}, 'prediction': {},
           'startup': [], 'whole': []}
    note = raw['notes'].append
    with tempfile.TemporaryDirectory(prefix='gluonblocks-benchmark-') as folder:
        with Worker(dict(kind='ours.probe', dataset=settings.dataset, folder=folder,
                         data_root=settings.data_root), settings.threads) as worker:
            raw['facts'] = facts = worker.hello
        if 'startup' in parts:
            raw['startup'], raw['whole'] = startup(settings), whole(settings)
        for model in models if 'training' in parts else ():
            raw['training'][model] = measure.training(model, settings, facts, folder, note)
    if 'batch_norm' in parts:
        raw['batch_norm'] = measure.batch_norm(settings)
    if 'prediction' in parts:
        raw['prediction'] = measure.prediction(models, settings, facts, note)
    raw['others'] = others()
    return raw


def plain(value):
    """`value` as JSON can hold it: named tuples become dicts, and keys strings."""
    if hasattr(value, '_asdict'):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
