#!/usr/bin/env python
"""Measure gluonblocks against the notebook's own code and against PyTorch, side by side."""
import argparse
import os
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from benchmarks.arguments import positive  # noqa: E402 it needs the line above

PARTS = ('training', 'batch_norm', 'prediction', 'startup', 'growth')
VARIANTS = ('notebook', 'ours', 'torch', 'onednn')
EXAMPLE = """\
example:
  python scripts/benchmark.py                        (a quarter of an hour)
  python scripts/benchmark.py --quick --models resnet --only ours,torch
  python scripts/benchmark.py --growth --json speed.json --chart speed.png
  python scripts/benchmark.py --workers 1,2,4 --models lenet_bn,resnet

All variants take turns in one run, each in a process of its own; figures of two runs are not to be
compared. PyTorch, ONNX Runtime and matplotlib are the extra `bench`: pip install -e '.[bench]'.
Predictions are measured in batches of 1 and of --batch-size, in MXNet and in what it exports to.
With --workers nothing but several workers is measured, each on a machine of its own: a network
namespace with links of the speeds of --gbit, where this system has them, on random images. Beside
it stands what a model of the network says, which then tells of 2 to 1,000 workers.
What is missing is said and left out. The report goes to stdout, progress to stderr. Exit code:
0 measured (whether the targets are met or not), 1 failed, 2 wrong arguments, 130 interrupted."""


def parse(argv, models):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--models', type=some_of(models), default=list(models), metavar='NAMES',
                        help='some of %s, by commas; default: all' % ', '.join(models))
    parser.add_argument('--only', type=some_of(VARIANTS), default=list(VARIANTS),
                        metavar='VARIANTS', help='train only some of %s (the floor: the sum of '
                        "oneDNN's primitives); default: all" % ', '.join(VARIANTS))
    parser.add_argument('--parts', type=some_of(PARTS), metavar='PARTS',
                        help='some of %s; default: all but growth' % ', '.join(PARTS))
    parser.add_argument('--quick', action='store_true', help='fewer and shorter rounds: minutes')
    parser.add_argument('--growth', action='store_true',
                        help='also how time and memory grow with batch size and depth')
    parser.add_argument('--batch-size', type=positive, default=256, metavar='N',
                        help='default: %(default)s')
    parser.add_argument('--threads', type=positive, metavar='N',
                        help="for all but the notebook; default: gluonblocks' own choice")
    parser.add_argument('--max-steps', type=positive, default=50, metavar='N',
                        help='steps of one round at most; default: %(default)s')
    parser.add_argument('--dataset', choices=['fashion-mnist', 'synthetic'],
                        default='fashion-mnist', help='default: %(default)s')
    parser.add_argument('--data-root', metavar='FOLDER', help='as for scripts/train.py')
    parser.add_argument('--json', metavar='FILE', help='write all figures, each sample too')
    parser.add_argument('--chart', metavar='FILE', help='write a bar chart, .png or .svg')
    several = parser.add_argument_group('several workers')
    several.add_argument('--workers', type=numbers, metavar='N,N', help='numbers of workers')
    several.add_argument('--servers', type=numbers_or_all, default=[1, 'N'], metavar='N,N',
                         help='numbers of servers, N: as many as workers; default: 1,N')
    several.add_argument('--gbit', type=speeds, default=[10 ** 9, 10 ** 10], metavar='X,X',
                         help='Gbit/s of the links; default: 1,10')
    several.add_argument('--latency', type=milliseconds, default=0.0, metavar='MS',
                         help='added to their round trip, where the kernel has netem; default: 0')
    args = parser.parse_args(argv)
    if args.workers:
        for name in ('parts', 'growth', 'chart'):
            if getattr(args, name):
                parser.error('--workers measures nothing else: leave out --%s' % name)
        if max(args.workers) > args.batch_size:
            parser.error('--workers: %d workers are more than the %d images of a batch'
                         % (max(args.workers), args.batch_size))
    if args.parts is None:
        args.parts = [part for part in PARTS if part != 'growth']
    if args.growth and 'growth' not in args.parts:
        args.parts.append('growth')
    if args.data_root and args.dataset != 'fashion-mnist':
        parser.error('--data-root goes with --dataset fashion-mnist only')
    if args.chart and not args.chart.endswith(('.png', '.svg')):
        parser.error('argument --chart: %s must end in .png or .svg' % args.chart)
    if args.chart and 'training' not in args.parts:
        parser.error('--chart shows training: add training to --parts')
    return args


def some_of(allowed):
    def names(text):
        chosen = [name.strip() for name in text.split(',')]
        for name in chosen:
            if name not in allowed:
                raise argparse.ArgumentTypeError('%r is none of %s' % (name, ', '.join(allowed)))
        return [name for name in allowed if name in chosen]
    return names


def numbers(text):
    return sorted({positive(part) for part in text.split(',')})


def numbers_or_all(text):
    return [part if part == 'N' else positive(part) for part in text.split(',')]


def speeds(text):
    rates = [float(part) for part in text.split(',')]
    for rate in rates:
        if not 0.01 <= rate <= 1000:
            raise argparse.ArgumentTypeError('%g is not from 0.01 to 1000' % rate)
    return [round(rate * 1e9) for rate in rates]


def milliseconds(text):
    value = float(text)
    if not 0 <= value <= 1000:
        raise argparse.ArgumentTypeError('%s is not from 0 to 1000' % text)
    return value / 1e3


def missing(error):
    print("error: %s\nInstall it from the repository: pip install -e '.[bench]'" % error,
          file=sys.stderr)
    return 1


def main(argv=None):
    try:
        from benchmarks.command import run
        from benchmarks.measure import Settings
        from benchmarks.notebook_code import TRAININGS
        from benchmarks.wire.command import Asked
        from benchmarks.wire.command import run as run_workers
        from benchmarks.workers import WorkerError
    except ModuleNotFoundError as error:
        return missing(error)
    args = parse(argv, list(TRAININGS))
    # Ended from outside, it ends its workers as it does on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        settings = Settings(args.quick, args.batch_size, args.dataset, args.data_root, args.threads,
                            args.only, args.max_steps)
        if args.workers:
            run_workers(settings, args.models, Asked(args.workers, args.servers, args.gbit,
                                                     args.latency), args.json)
        else:
            run(settings, args.models, args.parts, args.json, args.chart)
    except KeyboardInterrupt:
        print('interrupted: nothing was written', file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of stdout is gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's last flush
        return 141
    except ModuleNotFoundError as error:
        return missing(error)
    except (WorkerError, OSError) as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
