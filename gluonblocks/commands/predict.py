"""Classify image files, and print the most probable classes and their probabilities."""
import json
import sys

from ..runs.evaluate import predict_files
from .arguments import add_run_arguments
from .parser import Parser

EXAMPLE = """\
examples:
  PROG runs/lenet shoe.png
  PROG runs/lenet --invert photo.jpg scan.png
  PROG runs/lenet --json --top 10 pictures/*.png > answers.jsonl

Images may be PNG, JPEG, BMP, GIF, TIFF, WebP or PPM files of any size, in grey or colour. They are
converted to the format of the training images. For Fashion-MNIST, they become grey, and are scaled
and padded to 28 x 28 pixels without distortion. If the run resizes its images, they are then
resized too.

Fashion-MNIST shows bright objects on a black background, but most photographs and drawings show
dark objects on a bright background: use --invert for them, because otherwise the predictions are
unreliable. A note warns about images that look inverted. Transparent pixels count as background.

Results are printed in the order of the arguments. Files that cannot be read are reported on stderr,
and the others are still classified. Exit code: 0 all files were classified, 1 some files failed,
2 invalid arguments, 130 interrupted."""


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE)
    add_run_arguments(parser)
    parser.add_argument('images', metavar='IMAGE', nargs='+', help='image file to classify')
    parser.add_argument('--top', type=int, default=3, metavar='N',
                        help='number of classes to print per image (default: %(default)s)')
    parser.add_argument('--invert', action='store_true',
                        help='invert images that show dark objects on a bright background')
    parser.add_argument('--json', action='store_true',
                        help='print one line of JSON per image, even if the image cannot be read')
    return parser.parse_intermixed_args(argv)  # options may follow the images


def main(args):
    failed = False
    for path, _, classes, error, inverted in predict_files(
            args.run, args.images, top=args.top, invert=args.invert, ctx=args.ctx,
            weights=args.weights):
        if error:
            failed = True
            print('error: %s' % error, file=sys.stderr)
        elif inverted:
            print('note: %s is brighter at its border than inside; if it shows a dark object on a '
                  'bright background, use --invert' % path, file=sys.stderr)
        if args.json:
            print(json.dumps({'file': path, 'error': str(error)} if error else
                             {'file': path, 'classes': [{'name': name, 'probability': probability}
                                                        for name, probability in classes]}))
        elif not error:
            print('%s: %s' % (path, ', '.join('%s %.3f' % pair for pair in classes)))
    return 1 if failed else 0
