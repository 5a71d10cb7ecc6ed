"""Evaluate a trained net on its test images: accuracy, scores per class and confusion matrix."""
import json
import os
import sys

from ..drawing.confusion import format_confusion, plot_confusion
from ..files import write_file
from ..runs.evaluate import evaluate_run, evaluation_record
from .arguments import add_data_root, add_run_arguments
from .parser import Parser

EXAMPLE = """\
examples:
  PROG runs/lenet
  PROG runs/lenet --weights last --json lenet.json --png lenet.png

The accuracy, a table of the classes and the confusion matrix are printed to stdout, and messages to
stderr. If matplotlib is installed, a plot of the confusion matrix is saved as an image. Exit code:
0 success, 1 failure, 2 invalid arguments, 130 interrupted."""


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE)
    add_run_arguments(parser)
    add_data_root(parser)
    parser.add_argument('--png', metavar='FILE',
                        help='write the plot of the confusion matrix to this file (default: '
                        'RUN/confusion.png)')
    parser.add_argument('--json', metavar='FILE', help='also write the results to this JSON file')
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
        # Without --png, print only a note, because the run folder may be read-only.
        print('%s: %s' % ('error' if args.png else 'note', (
            'could not draw %s, because matplotlib is not installed: pip install matplotlib' % png
            if isinstance(error, ImportError) else error)), file=sys.stderr)
        return 1 if args.png else 0
    print('saved a plot of the confusion matrix as %s' % png, file=sys.stderr)
    return 0
