"""Compare variants of a training step, or of a prediction, in rounds in which they take turns.

A variant is a list of words: NAME=VALUE sets an environment variable; option=value is an option of
train_model, such as label_smoothing=0.1 or norm_stats_every=1; without=PASS leaves out a pass over
the graph; checkout=FOLDER measures the code in another folder. "" is the code as it is, without
this shell's number of threads.

Each variant has a process of its own, which trains as scripts/train.py does, on synthetic images.
A ratio is the median, over the rounds, of a variant's time divided by that of the first variant.

example:
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
from .measure import in_turns
from .report import table
from .stats import ratio
from .workers import ROOT, Worker, WorkerError


def compare(specs, rounds, count, predict=None, beside=0):
    """{title: samples} of `specs`, {title: (spec, variables, folder)}, measured in turns.

    Samples have a list of the rounds' values for 'CPU' and 'clock', seconds of a step or, with
    `predict`, of a prediction of so many images, `count` of them in a round; and 'peak_mib'.
    `beside` is the number of other processes that keep a core busy. Raises WorkerError.
    """
    request = {'predict': count, 'batch': predict} if predict else {
        'warm': 0, 'core': 0, 'train': count, 'evaluate': 1}  # older checkouts want a 'core'
    with contextlib.ExitStack() as stack:
        asks = {title: (stack.enter_context(Worker(spec, variables=variables, root=root)), request)
                for title, (spec, variables, root) in specs.items()}
        for _ in range(beside):
            busy = stack.enter_context(subprocess.Popen([sys.executable, '-c', 'while 1: pass']))
            stack.callback(busy.kill)
        in_turns(asks, 1, 'warm-up')  # which makes the graphs
        answers = in_turns(asks, rounds, 'beside %d' % beside)
    clock = 'predict' if predict else 'train'
    return {title: {'CPU': [answer['cpu'][0] / count for answer in found],
                    'clock': [answer[clock][0] / count for answer in found],
                    'peak_mib': found[-1]['peak_mib']} for title, found in answers.items()}


def report(samples):
    """A table of the `samples` of `compare`."""
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
    """(title, options, environment variables, folder of the code) of a variant's words."""
    options, variables, root = {}, {}, ROOT
    for word in text.split():
        name, equals, value = word.partition('=')
        if not name or not equals:
            raise argparse.ArgumentTypeError('%r is not a list of NAME=VALUE' % text)
        if name == 'checkout':
            root = os.path.abspath(value)
        elif name.isupper():
            variables[name] = value
        else:
            with contextlib.suppress(ValueError):
                value = json.loads(value)
            options[name] = value
    return text or 'as it is', options, variables, root


def specs_of(model, variants, predict, folder):
    """The `specs` of `compare`; runs that record something are kept in `folder`."""
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
    parser.add_argument('variants', nargs='*', type=variant, metavar='VARIANT')
    parser.add_argument('--passes', action='store_true',
                        help='compare with variants that leave out one pass each')
    parser.add_argument('--models', default='lenet_bn', type=comma_separated(str), metavar='NAMES',
                        help='comma-separated; default: %(default)s')
    parser.add_argument('--predict', type=positive, metavar='N',
                        help='compare predictions of N images instead of training steps')
    parser.add_argument('--beside', type=comma_separated(int), default=[0], metavar='N,N',
                        help='numbers of other processes that keep a core busy; default: 0')
    parser.add_argument('--rounds', type=positive, default=9, metavar='N',
                        help='default: %(default)s')
    parser.add_argument('--steps', type=positive, default=20, metavar='N',
                        help='steps or predictions in a round; default: %(default)s')
    args = parser.parse_args(argv)
    args.variants = args.variants or [variant('')]
    if args.passes:
        args.variants += [variant('without=' + name) for name in pass_names(args.predict)]
    if len(args.variants) < 2:
        parser.error('expected two variants or more, found %d' % len(args.variants))
    return args


def main(argv=None):
    args = parse(argv)
    try:
        for model in args.models:
            for beside in args.beside:
                with tempfile.TemporaryDirectory() as folder:
                    specs = specs_of(model, args.variants, args.predict, folder)
                    samples = compare(specs, args.rounds, args.steps, args.predict, beside)
                print('%s, %s, beside %d busy processes, median of %d rounds of %d\n\n%s\n' % (
                    model, 'predictions of %d images' % args.predict if args.predict else
                    'training steps', beside, args.rounds, args.steps, report(samples)), flush=True)
    except WorkerError as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
