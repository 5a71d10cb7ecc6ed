"""The command line of the benchmark: measure, print the report, and write the results."""
import argparse
import json
import os
import signal
import sys
import tempfile

from ..arguments import comma_separated, positive, some_of
from . import measure, release, several
from .machine import LIMITS, machine, other_load
from .notebook_code import SECTIONS
from .report import render, summarize
from .startup import five_epochs, startup
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

Each implementation runs in a separate process, and the processes take turns. Do not compare results
from different runs. The extra `bench` installs PyTorch and ONNX Runtime; if one of them is missing,
the report on stdout says so. With --workers, only training with several workers is measured. If
possible, the workers run in separate network namespaces, over links with the speeds in --gbit.

Exit code: 0 success, 1 a target was missed by more than its spread, or --ci found this checkout
slower than the last release, 2 wrong arguments, 3 error, 130 interrupted.
To compare settings, checkouts and graph passes, see python -m tools.benchmarks.compare --help."""


def parse(argv):
    parser = argparse.ArgumentParser(
        prog='python scripts/benchmark.py', epilog=EXAMPLE,
        description="Compare the speeds of gluonblocks, the code of the book's notebooks and "
                    "PyTorch.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    models = list(SECTIONS)
    parser.add_argument('--models', type=some_of(models), default=models, metavar='NAMES',
                        help='comma-separated models to measure: %s (default: all)'
                        % ', '.join(models))
    parser.add_argument('--only', type=some_of(VARIANTS), default=VARIANTS, metavar='VARIANTS',
                        help='comma-separated implementations to train: %s; `parts` measures '
                             'the time of each part of a gluonblocks training step (default: all)'
                        % ', '.join(VARIANTS))
    parser.add_argument('--parts', type=some_of(PARTS), default=PARTS, metavar='PARTS',
                        help='comma-separated measurements to run: %s (default: all)'
                        % ', '.join(PARTS))
    parser.add_argument('--quick', action='store_true',
                        help='run fewer, shorter rounds, and measure fewer implementations (takes '
                             '8 minutes)')
    parser.add_argument('--batch-size', type=positive, default=256, metavar='N',
                        help='images per batch (default: %(default)s)')
    parser.add_argument('--resize', type=positive, metavar='PIXELS',
                        help='resize training images to PIXELS x PIXELS; only for resnet and '
                             "densenet (default: the recipe's size)")
    parser.add_argument('--threads', type=positive, metavar='N',
                        help='thread count for gluonblocks, PyTorch and ONNX Runtime (default: '
                             'chosen by gluonblocks)')
    parser.add_argument('--max-steps', type=positive, default=50, metavar='N',
                        help='maximum number of steps per round (default: %(default)s)')
    parser.add_argument('--dataset', choices=['fashion-mnist', 'synthetic'],
                        default='fashion-mnist', help='data set to train on (default: %(default)s)')
    parser.add_argument('--data-root', metavar='FOLDER',
                        help='folder with the data set (default: same as scripts/train.py)')
    parser.add_argument('--json', metavar='FILE',
                        help='write the results and all samples to FILE as JSON')
    parser.add_argument('--against', metavar='FILE', type=results_of,
                        help='list results that are more than 3 %% slower than in FILE, which '
                             'was written by --json in an earlier run')
    parser.add_argument('--isa', choices=LIMITS,
                        help='limit PyTorch, oneDNN and the C++ operators to this instruction set')
    parser.add_argument('--ci', action='store_true',
                        help='only compare the speed of this checkout with that of the last '
                             'release (takes two minutes)')
    group = parser.add_argument_group('several workers')
    group.add_argument('--workers', type=comma_separated(positive), metavar='N,N',
                       help='comma-separated worker counts to measure, such as 1,2,4')
    group.add_argument('--gbit', type=comma_separated(float), default=[1, 10],
                       metavar='X,X',
                       help='comma-separated speeds of the links between workers, in Gbit/s '
                            '(default: 1,10)')
    args = parser.parse_args(argv)
    if args.workers and args.against:
        parser.error('--against cannot be combined with --workers')
    if args.resize and not set(args.models) <= {'resnet', 'densenet'}:
        parser.error('--resize: expected --models resnet, densenet or both, because the size of '
                     "the LeNets' dense layers is fixed")
    if args.workers and max(args.workers) > args.batch_size:
        parser.error('--workers: expected at most %d workers, one per image of a batch, got %d'
                     % (args.batch_size, max(args.workers)))
    return args


def results_of(path):
    """Read the results from a file written by --json."""
    try:
        with open(path) as f:
            return json.load(f)['results']
    except (OSError, ValueError, KeyError) as error:
        raise argparse.ArgumentTypeError(
            'expected a file written by --json, but could not read the file: %s' % error) from None


def main(argv=None):
    """Run the command; return its exit code."""
    args = parse(argv)
    # Handle SIGTERM like Ctrl-C, so that the workers are killed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    settings = measure.Settings(args.quick, args.batch_size, args.dataset, args.data_root,
                                args.threads, args.only, args.max_steps, args.resize)
    os.environ.update(LIMITS.get(args.isa, {}))
    missed = False
    try:
        if args.json:
            with open(args.json, 'a'):  # if this fails, fail before the measurement
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
            lines = slower(args.against['targets'], results['targets']) or ['none']
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
    """Run the measurements `parts` for `models`; return samples and a description of the machine.

    Raises WorkerError if a variant fails.
    """
    raw = {'machine': machine(), 'batch_size': settings.batch_size, 'rounds': settings.rounds,
           'notes': settings.omitted, 'training': {}, 'batch_norm': {}, 'prediction': {},
           'startup': [], 'five_epochs': []}
    note = raw['notes'].append
    with tempfile.TemporaryDirectory(prefix='gluonblocks-benchmark-') as folder:
        with Worker(dict(kind='ours.probe', dataset=settings.dataset, folder=folder,
                         data_root=settings.data_root), settings.threads) as worker:
            raw['facts'] = facts = worker.first_answer
        if settings.resize:
            facts['resize'].update(dict.fromkeys(models, settings.resize))
        if 'startup' in parts:
            raw['startup'], raw['five_epochs'] = startup(settings), five_epochs(settings)
        for model in models if 'training' in parts else ():
            raw['training'][model] = measure.training(model, settings, facts, folder, note)
    if 'batch_norm' in parts:
        raw['batch_norm'] = measure.batch_norm(settings)
    if 'prediction' in parts:
        raw['prediction'] = measure.prediction(models, settings, facts, note)
    raw['other_load'] = other_load()
    return raw


def plain(value):
    """Prepare `value` for JSON: convert named tuples to dicts, and dict keys to strings."""
    if hasattr(value, '_asdict'):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
