"""The command line of scripts/experiments.py."""
import argparse
import importlib
import os
import re
import sys

NAMES = ('bias', 'rates', 'variants', 'batch_size', 'warmup', 'sizes', 'cost', 'pooling')
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENT = os.path.join(ROOT, 'docs', 'exercises.md')
EXAMPLE = """\
example:
  python scripts/experiments.py --list
  python scripts/experiments.py rates --seed 0 --chart rates.png      (minutes, on Fashion-MNIST)
  python scripts/experiments.py rates --quick                         (seconds, on synthetic images)

Tables go to stdout and progress to stderr; docs/exercises.md explains the tables. Charts need
matplotlib. Exit code: 0 done, 1 failed, 2 wrong arguments, 130 interrupted."""


def parse(argv):
    parser = argparse.ArgumentParser(
        prog='python scripts/experiments.py', epilog=EXAMPLE,
        description='Run the experiment for an exercise in the book, and print the results as a '
                    'table.',
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('name', metavar='NAME', nargs='?', choices=NAMES,
                        help='experiment to run: %s' % ', '.join(NAMES))
    parser.add_argument('--list', action='store_true', help='list the experiments and exit')
    parser.add_argument('--quick', action='store_true',
                        help='run a quick test on synthetic images (a few seconds); its results '
                             'are meaningless')
    parser.add_argument('--seed', type=int, default=0, metavar='S',
                        help='random seed (default: %(default)s)')
    parser.add_argument('--data-root', metavar='FOLDER',
                        help='folder with Fashion-MNIST (default: same as scripts/train.py)')
    parser.add_argument('--chart', metavar='FILE',
                        help='also save a chart of the results to FILE (.png or .svg)')
    parser.add_argument('--record', action='store_true',
                        help='also write the table to results/ and docs/exercises.md')
    args = parser.parse_args(argv)
    if not args.list and args.name is None:
        parser.error('expected a NAME, one of %s' % ', '.join(NAMES))
    if args.chart and not args.chart.endswith(('.png', '.svg')):
        parser.error('argument --chart: expected a name ending in .png or .svg, got %s'
                     % args.chart)
    if args.chart and args.name and not hasattr(_experiment(args.name), 'panels'):
        parser.error('argument --chart: %s has no chart' % args.name)
    return args


def main(argv=None):
    """Run the command; return its exit code."""
    args = parse(argv)
    try:
        if args.list:
            for name in NAMES:
                print('%-11s %s' % (name, _experiment(name).__doc__.splitlines()[0]))
            return 0
        run(args)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
    return 0


def run(args):
    """Run the experiment, print its table, and write the files that the options request."""
    from .common import Settings
    experiment = _experiment(args.name)
    rows = experiment.run(Settings(args.quick, args.seed, args.data_root))
    text = experiment.report(rows) + '\n'
    print(text, end='')
    if args.chart:
        from gluonblocks.drawing.style import encode_figure

        from .common import draw
        content = encode_figure(draw(experiment.panels(rows)),
                                os.path.splitext(args.chart)[1][1:])
        with open(args.chart, 'wb') as f:
            f.write(content)
    if args.record:
        with open(os.path.join(ROOT, 'results', 'experiments', args.name + '.txt'), 'w') as f:
            f.write(text)
        with open(DOCUMENT, encoding='utf-8') as f:
            document = filled(f.read(), args.name, text)
        with open(DOCUMENT, 'w', encoding='utf-8') as f:
            f.write(document)


def filled(document, name, text):
    """Return `document` with `text` between <!-- NAME: begin --> and <!-- NAME: end -->."""
    marks = r'(<!-- %s: begin -->\n).*?(<!-- %s: end -->)' % (name, name)
    return re.sub(marks, lambda match: '%s```\n%s```\n%s' % (match[1], text, match[2]), document,
                  flags=re.S)


def _experiment(name):
    return importlib.import_module('.' + name, __package__)
