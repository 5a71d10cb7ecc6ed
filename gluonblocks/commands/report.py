"""Write an HTML report about one run, or compare several runs side by side."""
import os
import sys

from ..report.write import write_report
from .arguments import add_data_root, add_weights_arguments
from .parser import Parser

NAME = 'report.html'

EXAMPLE = """\
examples:
  PROG runs/lenet                                      (writes runs/lenet/report.html)
  PROG runs/lenet runs/resnet --out comparison.html

For one run, the report shows the training curves, scores per class, the worst mistakes, statistics
of the batch normalization layers, the layers and the options. For several runs, it shows a table
with the best run first, all curves in one chart, and the options that differ. The report is one
file and needs no network. If the data set is unavailable, the report omits the parts that need it
and says so. Needs matplotlib and Jinja2. Exit code: 0 success, 1 failure, 2 invalid arguments, 130
interrupted."""


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE)
    parser.add_argument('runs', metavar='RUN', nargs='+', help='folder of a run')
    parser.add_argument('--out', metavar='FILE',
                        help='file to write; an earlier report is replaced (default: %s, in the '
                        "run's folder if there is only one run)" % NAME)
    add_weights_arguments(parser)
    add_data_root(parser)
    return parser.parse_args(argv)


def main(args):
    path = args.out or (os.path.join(args.runs[0], NAME) if len(args.runs) == 1 else NAME)
    write_report(args.runs, path, weights=args.weights, ctx=args.ctx, data_root=args.data_root)
    print('wrote the report to %s' % path, file=sys.stderr)
    return 0


def write_at_end(folder, ctx=None):
    """Write the report of a finished run into its folder; print a failure on stderr."""
    path = os.path.join(folder, NAME)
    try:
        write_report(folder, path, ctx=ctx)
    except ImportError as error:
        reason = '%s. Install it: pip install %s' % (error, error.name)
    except Exception as error:  # the run is complete; its report can be written later
        reason = str(error) or type(error).__name__
    else:
        return
    print('note: could not write %s: %s' % (path, ' '.join(reason.split())), file=sys.stderr)
