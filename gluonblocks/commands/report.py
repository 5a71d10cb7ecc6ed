"""Write an HTML report that shows one run, or compares several runs."""
import os
import shlex
import signal
import sys

from ..report.write import write_report
from ..training.interrupt import Interrupted
from .arguments import add_data_root, add_weights_arguments
from .parser import Parser

NAME = 'report.html'

EXAMPLE = """\
examples:
  PROG runs/lenet                                      (writes runs/lenet/report.html)
  PROG runs/lenet runs/resnet --out comparison.html

The report on one run shows the training curves, the scores per class, the worst mistakes, the
statistics of the batch normalization layers, the layers and the options. The report on several runs
shows a table with the best run first, all curves in one chart, and the options that differ. The
report is a single file that works offline. If the data set is unavailable, the report says so, and
omits the parts that need it. The command requires matplotlib and Jinja2. Exit code: 0 success,
1 failure, 2 invalid arguments, 130 interrupted."""


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE)
    parser.add_argument('runs', metavar='RUN', nargs='+',
                        help='run folder, created by gluonblocks train')
    parser.add_argument('--out', metavar='FILE',
                        help='file to write or replace (default: %s, in the run folder for a '
                        'single run, otherwise in the current directory)' % NAME)
    add_weights_arguments(parser)
    add_data_root(parser)
    return parser.parse_args(argv)


def main(args):
    path = args.out or (os.path.join(args.runs[0], NAME) if len(args.runs) == 1 else NAME)
    write_report(args.runs, path, weights=args.weights, ctx=args.ctx, data_root=args.data_root)
    print('wrote the report to %s' % path, file=sys.stderr)
    return 0


def write_at_end(folder, ctx=None):
    """Write the report on a complete run to its folder; on failure, only print a note to stderr.

    Ctrl-C and SIGTERM raise Interrupted, whose message says that the run is complete.
    """
    def stop(signum, frame):
        raise Interrupted(signum, True, 'the run in %s is complete, but its %s is not. Run '
                          '"gluonblocks report %s" to write it'
                          % (folder, NAME, shlex.quote(folder)))
    handlers = {signum: signal.signal(signum, stop) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        write_report(folder, os.path.join(folder, NAME), ctx=ctx)
    except ImportError as error:
        _print_note('%s. Install it: pip install %s' % (error, error.name))
    except Exception as error:  # the report can be written later
        _print_note(str(error) or type(error).__name__)
    finally:
        for signum, handler in handlers.items():
            signal.signal(signum, signal.SIG_DFL if handler is None else handler)


def _print_note(reason):
    print('note: could not write the report: %s' % ' '.join(reason.split()), file=sys.stderr)
