"""The command line of the benchmark, and one run of it: measure, print, write."""
import argparse
import json
import signal
import sys
import tempfile

from ..arguments import comma_separated, positive, some_of
from . import measure, several
from .notebook_code import TRAININGS
from .report import machine, render, summarize
from .startup import startup, whole
from .workers import Worker, WorkerError

PARTS = ('training', 'batch_norm', 'prediction', 'startup')
VARIANTS = measure.Settings().only
EXAMPLE = """\
example:
  python scripts/benchmark.py                        (a quarter of an hour)
  python scripts/benchmark.py --quick --models resnet --only ours,torch
  python scripts/benchmark.py --json speed.json --chart speed.png
  python scripts/benchmark.py --workers 1,2,4 --models lenet_bn,resnet

All variants take turns in one run, each in a process of its own; do not compare figures of two
runs. PyTorch, ONNX Runtime and matplotlib are the extra `bench`; the report, on stdout, names what
is missing and was left out. --workers measures only training by several workers, each on a machine
of its own: a network namespace with links of the speeds of --gbit, if this system has them.
Exit code: 0 measured (whether the targets are met or not), 1 failed, 2 wrong arguments,
130 interrupted.
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
                        help='train only some of %s (the floor: the sum of '
                        "oneDNN's primitives); default: all" % ', '.join(VARIANTS))
    parser.add_argument('--parts', type=some_of(PARTS), default=PARTS, metavar='PARTS',
                        help='some of %s; default: all' % ', '.join(PARTS))
    parser.add_argument('--quick', action='store_true', help='fewer and shorter rounds: minutes')
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
    parser.add_argument('--chart', metavar='FILE', help='write a bar chart, .png or .svg')
    group = parser.add_argument_group('several workers')
    group.add_argument('--workers', type=comma_separated(positive), metavar='N,N',
                       help='numbers of workers, such as 1,2,4')
    group.add_argument('--gbit', type=comma_separated(float), default=[1, 10],
                       metavar='X,X', help='Gbit/s of the links; default: 1,10')
    args = parser.parse_args(argv)
    if args.workers and args.chart:
        parser.error('--workers measures nothing else: leave out --chart')
    if args.workers and max(args.workers) > args.batch_size:
        parser.error('--workers: %d workers are more than the %d images of a batch'
                     % (max(args.workers), args.batch_size))
    if args.chart and not args.chart.endswith(('.png', '.svg')):
        parser.error('argument --chart: %s must end in .png or .svg' % args.chart)
    if args.chart and 'training' not in args.parts:
        parser.error('--chart shows training: add training to --parts')
    return args


def main(argv=None):
    """Run the command; return its exit code."""
    args = parse(argv)
    # SIGTERM ends the workers as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    settings = measure.Settings(args.quick, args.batch_size, args.dataset, args.data_root,
                                args.threads, args.only, args.max_steps)
    try:
        for path in filter(None, (args.json, args.chart)):
            with open(path, 'a'):  # before anything is measured: OSError if it cannot be written
                pass
        if args.workers:
            raw = several.measure(settings, args.models, args.workers, args.gbit)
            results, text = raw, several.render(raw)
        else:
            raw = run(settings, args.models, args.parts)
            results = summarize(raw)
            text = render(raw, results)
        print(text, end='', flush=True)
        if args.json:
            with open(args.json, 'w') as f:
                json.dump(plain({'results': results, 'samples': raw}), f, indent=1)
        if args.chart:
            from .chart import draw
            draw(results, args.chart, args.batch_size)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    except (WorkerError, ImportError, OSError) as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
    return 0


def run(settings, models, parts):
    """Measure `parts` for `models`: the samples, and the facts about this machine.

    Raises WorkerError if a variant fails.
    """
    raw = {'machine': machine(), 'batch_size': settings.batch_size, 'rounds': settings.rounds,
           'notes': [], 'training': {}, 'batch_norm': {}, 'prediction': {}, 'startup': [],
           'whole': []}
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
    return raw


def plain(value):
    """`value` as JSON can hold it: named tuples become dicts, and keys strings."""
    if hasattr(value, '_asdict'):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
