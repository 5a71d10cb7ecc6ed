"""Write a page about a run, or about several side by side: one HTML file that opens anywhere."""
import os
import sys

from ..report.write import write_report
from .arguments import add_data_root, add_weights_arguments
from .parser import Parser

NAME = 'report.html'

EXAMPLE = """\
example:
  PROG runs/lenet                                      (writes runs/lenet/report.html)
  PROG runs/lenet runs/resnet --out comparison.html

Of one run: curves, classes, the worst mistakes, what batch normalization does, layers, recipe. Of
several: a table, the best first, their curves in one chart, and what differs. The page needs no
network. What needs data that are not here is left out, and the page says so. Needs matplotlib
and Jinja2. Exit code: 0 done, 1 failed, 2 wrong arguments, 130
interrupted."""


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE)
    parser.add_argument('runs', metavar='RUN', nargs='+', help='folder of a run')
    parser.add_argument('--out', metavar='FILE',
                        help='the page, new or in place of an earlier one; default: %s, in the '
                        'folder of the run if it is one' % NAME)
    add_weights_arguments(parser)
    add_data_root(parser)
    return parser.parse_args(argv)


def main(args):
    path = args.out or (os.path.join(args.runs[0], NAME) if len(args.runs) == 1 else NAME)
    write_report(args.runs, path, weights=args.weights, ctx=args.ctx, data_root=args.data_root)
    print('the page is %s' % path, file=sys.stderr)
    return 0


def write_at_end(folder, ctx=None):
    """Write the page of a run that has just ended into its folder, or tell on stderr why not."""
    path = os.path.join(folder, NAME)
    try:
        write_report(folder, path, ctx=ctx)
    except ImportError as error:
        reason = '%s. Install it: pip install %s' % (error, error.name)
    except Exception as error:  # the run is done, and its page may be written at any time
        reason = str(error) or type(error).__name__
    else:
        return
    print('note: %s is not written: %s' % (path, ' '.join(reason.split())), file=sys.stderr)
