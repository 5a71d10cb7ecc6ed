"""Measure how settings, graph passes or code changes affect training-step and prediction times.

A variant is a quoted list of words:
  NAME=VALUE       set an environment variable
  option=value     pass an option to train_model, such as label_smoothing=0.1
  without=PASS     skip a graph pass
  checkout=FOLDER  run the code in another folder
The variant "" is this checkout with its defaults. The shell's OMP_NUM_THREADS is ignored.

Each variant runs on synthetic images in a separate process, and the processes take turns. A ratio
is a variant's time divided by the first variant's time in the same round (median and quartiles).

examples:
  python -m tools.benchmarks.compare "" GLUONBLOCKS_OPERATORS=0
  python -m tools.benchmarks.compare "" OMP_NUM_THREADS=1 --beside 0,1,2
  python -m tools.benchmarks.compare checkout=../main "" --models lenet_bn,resnet
  python -m tools.benchmarks.compare "" norm_stats_every=1
  python -m tools.benchmarks.compare batch_size=64 batch_size=256 batch_size=1024
  python -m tools.benchmarks.compare --passes --predict 1
"""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile

from ..arguments import comma_separated, positive
from .measure import interleave
from .report import table
from .stats import ratio
from .workers import ROOT, Worker, WorkerError


def compare(specs, rounds, count, predict=None, num_busy=0):
    """Measure the variants in `specs`; return a dict that maps each title to its samples.

    `specs` maps titles to (spec, environment variables, code folder). A round runs `count` training
    steps or, if `predict` is set, `count` predictions on batches of `predict` images. The samples
    'CPU' and 'clock' list the mean processor time and elapsed time of each round, in seconds per
    step or prediction; 'peak_mib' is the peak memory in MiB. `num_busy` background processes each
    keep a core busy. Raises WorkerError if a worker fails.
    """
    request = {'predict': count, 'batch': predict} if predict else {
        'warm': 0, 'core': 0, 'train': count, 'evaluate': 1}  # 'core' is for older checkouts
    with contextlib.ExitStack() as stack:
        requests = {title: (stack.enter_context(Worker(spec, variables=variables, root=root)),
                            request) for title, (spec, variables, root) in specs.items()}
        for _ in range(num_busy):
            busy = stack.enter_context(subprocess.Popen([sys.executable, '-c', 'while 1: pass']))
            stack.callback(busy.kill)
        interleave(requests, 1, 'warm-up')  # compiles the graphs
        answers = interleave(requests, rounds, 'with %d busy processes' % num_busy)
    clock = 'predict' if predict else 'train'
    return {title: {'CPU': [answer['cpu'][0] / count for answer in rounds],
                    'clock': [answer[clock][0] / count for answer in rounds],
                    'peak_mib': rounds[-1]['peak_mib']} for title, rounds in answers.items()}


def report(samples):
    """Format the result of `compare` as a table, with ratios to the first variant."""
    first, rows = next(iter(samples.values())), []
    for title, sample in samples.items():
        row = [title]
        for name in ('CPU', 'clock'):
            low, middle, high = ratio(sample[name], first[name])
            row += ['%.2f' % (1e3 * statistics.median(sample[name])),
                    '%.3f (%.3f–%.3f)' % (middle, low, high)]
        rows.append(row + ['%.0f' % sample['peak_mib']])
    return table(['variant', 'CPU ms', 'ratio', 'clock ms', 'ratio', 'peak MiB'], rows)


def variant(text):
    """Parse a variant; return (title, options, environment variables, code folder)."""
    options, variables, root = {}, {}, ROOT
    for word in text.split():
        name, equals, value = word.partition('=')
        if not name or not equals:
            raise argparse.ArgumentTypeError(
                'expected words of the form NAME=VALUE, got %r' % text)
        if name == 'checkout':
            root = os.path.abspath(value)
        elif name.isupper():
            variables[name] = value
        else:
            with contextlib.suppress(ValueError):
                value = json.loads(value)
            options[name] = value
    return text or 'default', options, variables, root


def make_specs(model, variants, predict, folder):
    """Return the `specs` argument for `compare`.

    Variants with the option norm_stats or norm_stats_every record batch norm statistics in
    `folder`.
    """
    specs = {}
    for i, (title, options, variables, root) in enumerate(variants):
        spec = {'kind': 'ours.predict', 'model': model} if predict else {
            'kind': 'ours.train', 'model': model, 'batch_size': 256, 'dataset': 'synthetic',
            'data_root': None}
        spec.update(options)
        if any(name.startswith('norm_stats') for name in options):
            spec.update(out=os.path.join(folder, '%s-%d' % (model, i)), norm_stats=True)
        specs[title] = spec, variables, root
    return specs


def pass_names(predict):
    from gluonblocks.graphs.passes import PREDICTION, TRAINING
    return [each.__name__ for each in (PREDICTION if predict else TRAINING)]


def parse(argv):
    parser = argparse.ArgumentParser(prog='python -m tools.benchmarks.compare', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('variants', nargs='*', type=variant, metavar='VARIANT',
                        help='variant to measure, as a quoted string in the form described above '
                             '(default: "")')
    parser.add_argument('--passes', action='store_true',
                        help='for each graph pass, add a variant that skips it')
    parser.add_argument('--models', default='lenet_bn', type=comma_separated(str), metavar='NAMES',
                        help='comma-separated models to measure (default: %(default)s)')
    parser.add_argument('--predict', type=positive, metavar='N',
                        help='time predictions of N images instead of training steps')
    parser.add_argument('--beside', dest='num_busy', type=comma_separated(int), default=[0],
                        metavar='N,N', help='comma-separated counts of background processes to '
                        'run, each keeping a core busy (default: 0)')
    parser.add_argument('--rounds', type=positive, default=9, metavar='N',
                        help='number of measurements of each variant (default: %(default)s)')
    parser.add_argument('--steps', type=positive, default=20, metavar='N',
                        help='number of steps or predictions per round (default: %(default)s)')
    args = parser.parse_args(argv)
    args.variants = args.variants or [variant('')]
    if args.passes:
        args.variants += [variant('without=' + name) for name in pass_names(args.predict)]
    if len(args.variants) < 2:
        parser.error('expected at least two variants, got %d' % len(args.variants))
    return args


def main(argv=None):
    args = parse(argv)
    try:
        for model in args.models:
            for num_busy in args.num_busy:
                with tempfile.TemporaryDirectory() as folder:
                    specs = make_specs(model, args.variants, args.predict, folder)
                    samples = compare(specs, args.rounds, args.steps, args.predict, num_busy)
                print('%s, %d rounds of %d %s, with %d busy background processes\n\n%s\n' % (
                    model, args.rounds, args.steps, 'predictions of %d images' % args.predict
                    if args.predict else 'training steps', num_busy, report(samples)), flush=True)
    except WorkerError as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
