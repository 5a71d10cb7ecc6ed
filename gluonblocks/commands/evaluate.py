"""Tell what a trained net gets right and what it confuses, on the test images of its data set."""
import json
import os
import sys

from ..drawing.confusion import format_confusion, plot_confusion
from ..files import write_file
from ..runs.evaluate import evaluate_run, evaluation_record
from .arguments import add_data_root, add_run_arguments
from .parser import Parser

EXAMPLE = """\
example:
  PROG runs/lenet
  PROG runs/lenet --weights last --json lenet.json --png lenet.png

The accuracy, a table of the classes and the confusion matrix go to stdout, a picture of the
matrix to a file (which needs matplotlib), everything else to stderr. Exit code: 0 done, 1 failed,
2 wrong arguments, 130 interrupted."""


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE)
    add_run_arguments(parser)
    add_data_root(parser)
    parser.add_argument('--png', metavar='FILE',
                        help='picture of the confusion matrix; default: RUN/confusion.png')
    parser.add_argument('--json', metavar='FILE', help='write the numbers there too')
    return parser.parse_args(argv)


def main(args):
    evaluation = evaluate_run(args.run, ctx=args.ctx, weights=args.weights,
                              data_root=args.data_root)
    print(format_confusion(evaluation.matrix, evaluation.names), flush=True)
    if args.json:
        record = dict(evaluation_record(evaluation), run=args.run, weights=args.weights)
        write_file(args.json, (json.dumps(record, indent=1) + '\n').encode())
    png = args.png or os.path.join(args.run, 'confusion.png')
    try:
        plot_confusion(evaluation.matrix, evaluation.names, png)
    except (ImportError, OSError) as error:
        # The picture that nobody asked for is no reason to fail, as in a folder that is read-only.
        print('%s: %s was not drawn: %s%s' % (
            'error' if args.png else 'note', png, error,
            '. Install matplotlib: pip install matplotlib' if isinstance(error, ImportError)
            else ''), file=sys.stderr)
        return 1 if args.png else 0
    print('the confusion matrix is drawn in %s' % png, file=sys.stderr)
    return 0
