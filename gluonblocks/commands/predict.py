"""Tell what is on pictures: the names of the likeliest classes, with their probabilities."""
import json
import sys

from ..runs.evaluate import predict_files
from .arguments import add_run_arguments
from .parser import Parser

EXAMPLE = """\
example:
  PROG runs/lenet shoe.png
  PROG runs/lenet --invert photo.jpg scan.png
  PROG runs/lenet --json --top 10 pictures/*.png > answers.jsonl

Pictures are PNG, JPEG, BMP, GIF, TIFF, WebP or PPM of any size, grey or colour. They are read as
the net's training images are: for Fashion-MNIST grey, fitted into a square of 28 x 28 pixels
without distortion, and then as the run resizes them.

Fashion-MNIST's images show something bright on black ground. Photographs and drawings are mostly
the other way round, dark on bright ground: then use --invert, or the answers mean little. A note
tells where a picture looks like that. Transparent parts of a picture count as ground.

Every picture that can be read is answered, in the order given; each other is named on stderr, with
the reason, and the exit code is 1. Exit code: 0 all answered, 1 something failed, 2 wrong
arguments, 130 interrupted."""


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE)
    add_run_arguments(parser)
    parser.add_argument('images', metavar='IMAGE', nargs='+', help='picture file')
    parser.add_argument('--top', type=int, default=3, metavar='N',
                        help='how many classes to tell; default: %(default)s')
    parser.add_argument('--invert', action='store_true',
                        help='the pictures show dark things on bright ground')
    parser.add_argument('--json', action='store_true',
                        help='a line of JSON for each picture, also for one that failed')
    return parser.parse_intermixed_args(argv)  # options also between and after pictures


def main(args):
    failed = False
    for path, _, classes, error, inverted in predict_files(
            args.run, args.images, top=args.top, invert=args.invert, ctx=args.ctx,
            weights=args.weights):
        if error:
            failed = True
            print('error: %s' % error, file=sys.stderr)
        elif inverted:
            print('note: %s is brighter at its border than inside; if it shows something dark on '
                  'bright ground, use --invert' % path, file=sys.stderr)
        if args.json:
            print(json.dumps({'file': path, 'error': str(error)} if error else
                             {'file': path, 'classes': [{'name': name, 'probability': probability}
                                                        for name, probability in classes]}))
        elif not error:
            print('%s: %s' % (path, ', '.join('%s %.3f' % pair for pair in classes)))
    return 1 if failed else 0
