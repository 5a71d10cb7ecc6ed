"""The command line of the experiments."""
import importlib
import os
import sys

from gluonblocks.commands.parser import Parser
from gluonblocks.runs.options import OPTIONS, OptionError

NAMES = ('bias', 'rates', 'variants', 'batch_size', 'warmup', 'depth', 'sizes', 'cost', 'pooling')

EXAMPLE = """\
example:
  PROG --list
  PROG rates --seed 0 --chart rates.png      (minutes, on Fashion-MNIST)
  PROG rates --quick                         (seconds, on made-up images)

Tables go to stdout, what is under way to stderr; docs/exercises.md says what they show. A chart
needs matplotlib. Exit code: 0 done, 1 failed, 2 wrong arguments, 130 interrupted."""


def parse(argv, prog):
    parser = Parser(prog, "Repeat what an exercise of the chapters claims, and print the figures.",
                    EXAMPLE)
    parser.add_argument('name', metavar='NAME', nargs='?', choices=NAMES,
                        help='one of %s' % ', '.join(NAMES))
    parser.add_argument('--list', action='store_true', help='tell what each is about')
    parser.add_argument('--quick', action='store_true',
                        help='a try in seconds, whose figures mean nothing')
    parser.add_argument('--seed', type=int, default=0, metavar='S', help='default: %(default)s')
    parser.add_argument('--data-root', metavar='FOLDER', help='as for scripts/train.py')
    parser.add_argument('--chart', metavar='FILE', help='draw the figures too, as .png or .svg')
    args = parser.parse_args(argv)
    if not args.list and args.name is None:
        parser.error('which one? NAME is one of %s' % ', '.join(NAMES))
    try:
        OPTIONS['seed'].check(args.seed)
    except OptionError as error:
        parser.error('argument --seed: %s' % error.message)
    if args.chart and not args.chart.endswith(('.png', '.svg')):
        parser.error('argument --chart: %s must end in .png or .svg' % args.chart)
    if args.chart and args.name and not hasattr(_experiment(args.name), 'draw'):
        parser.error('argument --chart: %s has no chart' % args.name)
    return args


def main(args):
    if args.list:
        from gluonblocks.tables import format_table
        print(format_table([(name, _experiment(name).__doc__.splitlines()[0]) for name in NAMES],
                           left=(0, 1)))
        return 0
    experiment = _experiment(args.name)
    from .settings import Settings
    if args.chart:
        import matplotlib  # noqa: F401  missing, it is to be said before the minutes
        folder = os.path.dirname(os.path.abspath(args.chart))
        if not os.access(folder, os.W_OK):
            raise OSError('%s: cannot be written: %s is no folder that may be written to'
                          % (args.chart, folder))
    found = experiment.run(Settings(args.quick, args.seed, args.data_root))
    print(experiment.report(found))
    if args.chart:
        _draw(experiment, found, args.chart)
        print('the chart is %s' % args.chart, file=sys.stderr)
    return 0


def _draw(experiment, found, path):
    from gluonblocks.drawing.style import encode_figure, new_figure, styled
    from gluonblocks.files import write_file
    with styled():
        figure = new_figure()
        experiment.draw(figure, found)
        content = encode_figure(figure, os.path.splitext(path)[1][1:])
    write_file(path, content)


def _experiment(name):
    return importlib.import_module('experiments.' + name)
