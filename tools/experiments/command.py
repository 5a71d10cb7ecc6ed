"""The command line of the experiments."""
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

Tables go to stdout, progress to stderr; docs/exercises.md says what they show. A chart needs
matplotlib. Exit code: 0 done, 1 failed, 2 wrong arguments, 130 interrupted."""


def parse(argv):
    parser = argparse.ArgumentParser(
        prog='python scripts/experiments.py', epilog=EXAMPLE,
        description='Repeat what an exercise of the chapters claims, and print the figures.',
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('name', metavar='NAME', nargs='?', choices=NAMES,
                        help='one of %s' % ', '.join(NAMES))
    parser.add_argument('--list', action='store_true', help='print the subject of each')
    parser.add_argument('--quick', action='store_true',
                        help='a try in seconds, whose figures mean nothing')
    parser.add_argument('--seed', type=int, default=0, metavar='S', help='default: %(default)s')
    parser.add_argument('--data-root', metavar='FOLDER', help='as for scripts/train.py')
    parser.add_argument('--chart', metavar='FILE', help='draw the figures too, as .png or .svg')
    parser.add_argument('--record', action='store_true',
                        help='write the table into results/ and docs/exercises.md too')
    args = parser.parse_args(argv)
    if not args.list and args.name is None:
        parser.error('expected a NAME, one of %s' % ', '.join(NAMES))
    if args.chart and not args.chart.endswith(('.png', '.svg')):
        parser.error('argument --chart: %s must end in .png or .svg' % args.chart)
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
    """Run the experiment, print its table, and write the files that were asked for."""
    from .common import Settings
    experiment = _experiment(args.name)
    found = experiment.run(Settings(args.quick, args.seed, args.data_root))
    text = experiment.report(found) + '\n'
    print(text, end='')
    if args.chart:
        from gluonblocks.drawing.style import encode_figure

        from .common import draw
        content = encode_figure(draw(experiment.panels(found)),
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
    """`document` with `text` between its marks <!-- NAME: begin --> and <!-- NAME: end -->."""
    marks = r'(<!-- %s: begin -->\n).*?(<!-- %s: end -->)' % (name, name)
    return re.sub(marks, lambda match: '%s```\n%s```\n%s' % (match[1], text, match[2]), document,
                  flags=re.S)


def _experiment(name):
    return importlib.import_module('.' + name, __package__)
