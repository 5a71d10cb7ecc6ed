#!/usr/bin/env python
"""Tell what a trained net gets right and what it confuses, on the test images of its data set."""
import argparse
import json
import os
import sys

import cli

EXAMPLE = """\
example:
  python scripts/evaluate.py runs/lenet
  python scripts/evaluate.py runs/lenet --weights last --json lenet.json --png lenet.png

The accuracy, a table of the classes and the confusion matrix go to stdout, a picture of the
matrix to a file (which needs matplotlib), everything else to stderr. Exit code: 0 done, 1 failed,
2 wrong arguments, 130 interrupted."""


def parse(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_run_arguments(parser)
    parser.add_argument('--data-root', metavar='FOLDER',
                        help="where the data are; default: as in the run's training")
    parser.add_argument('--png', metavar='FILE',
                        help='picture of the confusion matrix; default: RUN/confusion.png')
    parser.add_argument('--json', metavar='FILE', help='write the numbers there too')
    return parser.parse_args(argv)


def main(argv=None):
    args = parse(argv)
    import gluonblocks as gb
    from gluonblocks.files import write_file
    evaluation = gb.evaluate_run(args.run, ctx=args.ctx, weights=args.weights, root=args.data_root)
    print(gb.format_evaluation(evaluation.matrix, evaluation.names), flush=True)
    if args.json:
        record = dict(gb.evaluation_record(evaluation), run=args.run, weights=args.weights)
        write_file(args.json, (json.dumps(record, indent=1) + '\n').encode())
    png = args.png or os.path.join(args.run, 'confusion.png')
    try:
        gb.plot_confusion(evaluation.matrix, evaluation.names, png)
    except ImportError as error:
        print('%s: %s was not drawn: %s. Install matplotlib: pip install matplotlib'
              % ('error' if args.png else 'note', png, error), file=sys.stderr)
        return 1 if args.png else 0
    print('the confusion matrix is drawn in %s' % png, file=sys.stderr)
    return 0


if __name__ == '__main__':
    sys.exit(cli.run(main))
