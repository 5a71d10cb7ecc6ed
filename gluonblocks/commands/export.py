"""Convert a trained net to ONNX and other formats, and verify each file against MXNet."""
import argparse
import os
import sys

from ..export.files import FORMATS as CHECKPOINT_FORMATS
from ..export.files import export_files
from ..export.formats import FORMATS
from ..export.run import export_run
from ..models.summary import format_table
from ..runs.config import NAME as CONFIG
from .arguments import add_data_root, add_weights_arguments
from .parser import Parser, flag_of

EXAMPLE = """\
examples:
  PROG runs/lenet --format onnx onnx-int8
  PROG model-symbol.json --params model-0012.params --shape 3,112,112 --format onnx torch
  PROG model.tar.gz --images pictures --std 255

formats (for a checkpoint, only %s):
%s

The outputs of each file are compared with MXNet's. A run is compared on its test images, and a
checkpoint on random inputs and the images in --images. The files, with export.json, are written
only if all comparisons succeed. A table of results is printed to stdout, and messages to stderr.
Exit code: 0 success, 1 failure (nothing is written), 2 invalid arguments, 130 interrupted.""" % (
    ', '.join(CHECKPOINT_FORMATS),
    '\n'.join('  %-9s  %s' % (format.name, format.summary) for format in FORMATS.values()))


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE)
    parser.add_argument('source', metavar='RUN|CHECKPOINT',
                        help='run folder, or an MXNet checkpoint: a symbol file, a folder '
                        'that contains one, or a model.tar.gz from SageMaker')
    parser.add_argument('--format', metavar='FORMAT', nargs='+', choices=list(FORMATS),
                        default=['onnx'], help='one or more formats: %s (default: onnx)'
                        % ', '.join(FORMATS))
    parser.add_argument('--out', metavar='FOLDER',
                        help='new or empty folder to write to, or an earlier export to replace '
                        '(default: a folder named export, in the run folder or next to the '
                        'checkpoint)')
    parser.add_argument('--atol', metavar='X', type=float, default=1e-4,
                        help="largest allowed difference from MXNet's outputs for an image: the "
                        'greater of X and X times the largest absolute output '
                        '(default: %(default)s)')
    parser.add_argument('--max-drop', metavar='POINTS', type=float, default=1.0,
                        help='largest allowed drop in accuracy for the onnx-int8 format, in '
                        'percentage points (default: %(default)s)')
    parser.add_argument('--reduce-range', action='store_true',
                        help='quantize weights to 7 bits instead of 8, for CPUs without VNNI')
    run = parser.add_argument_group('options for runs')
    add_weights_arguments(run)
    add_data_root(run)
    run.add_argument('--with-preprocessing', action='store_true',
                     help='include scaling and resizing in the ONNX files, so that they accept '
                     'uint8 images')
    run.add_argument('--runtime', metavar='FILE',
                     help='archive of ONNX Runtime Web for the web format, made with "npm pack" '
                     '(default: download it with npm)')
    net = parser.add_argument_group('options for checkpoints')
    net.add_argument('--params', metavar='FILE',
                     help='parameter file (default: the newest with the prefix of the symbol file)')
    net.add_argument('--epoch', metavar='N', type=int,
                     help='load the parameter file from epoch N')
    net.add_argument('--shape', metavar='[NAME=]C,H,W', type=_shape, action='append',
                     help='input shape without the batch axis, such as 3,112,112; for a net with '
                     'several inputs, repeat the option as NAME=C,H,W for each input, or as NAME= '
                     'for an input with one number per example (default: read from the '
                     'checkpoint)')
    net.add_argument('--outputs', metavar='NAME', nargs='+',
                     help="layers whose outputs are exported (default: the net's own outputs, "
                     'except those that need a label)')
    net.add_argument('--input-range', metavar='A,B', type=_numbers,
                     default=(0, 1), help='range of the random test inputs (default: 0,1)')
    net.add_argument('--images', metavar='FOLDER',
                     help="folder of images on which to compare the exported files' outputs with "
                     "MXNet's, in addition to random inputs")
    net.add_argument('--mean', metavar='X[,X,X]', type=_numbers,
                     help='mean to subtract from the pixel values, which range from 0 to 255 '
                     '(default: chosen so that the scaled pixels span --input-range)')
    net.add_argument('--std', metavar='X[,X,X]', type=_numbers,
                     help='value to divide the pixels by, after subtracting the mean (default: '
                     'chosen so that the scaled pixels span --input-range)')
    net.add_argument('--calibrate', metavar='FOLDER',
                     help='folder of images similar to the training images, used to calibrate the '
                     'quantization ranges of onnx-int8')
    args = parser.parse_args(argv)
    args.is_run = os.path.exists(os.path.join(args.source, CONFIG))
    other, reason = (net, 'checkpoints, but %s is a run') if args.is_run else (
        run, 'runs, but %s does not contain ' + CONFIG)
    flags = {word.partition('=')[0] for word in argv}
    for action in other._group_actions:
        if getattr(args, action.dest) != action.default or flags & set(action.option_strings):
            parser.error(('%s is only for ' + reason) % (flag_of(action.dest), args.source))
    if not args.is_run:
        args.shapes = _shapes(parser, args.shape or [])
    return args


def main(args):
    shared = dict(formats=args.format, atol=args.atol, max_drop=args.max_drop,
                  reduce_range=args.reduce_range)
    if args.is_run:
        export = export_run(args.source, weights=args.weights, out=args.out, ctx=args.ctx,
                            with_preprocessing=args.with_preprocessing, data_root=args.data_root,
                            runtime=args.runtime, **shared)
    else:
        folder = args.source if os.path.isdir(args.source) else os.path.dirname(args.source)
        export = export_files(
            args.source, args.params, args.shapes, args.out or os.path.join(folder, 'export'),
            epoch=args.epoch, outputs=args.outputs, input_range=args.input_range,
            images=args.images, mean=args.mean, std=args.std, calibrate=args.calibrate, **shared)
    print(format_export(export), flush=True)
    for note in [*export.notes, *('%s: %s' % (one.format, note)
                                  for one in export.formats for note in one.notes)]:
        print('note: %s' % note, file=sys.stderr)
    print('wrote the files to %s' % export.folder, file=sys.stderr)
    return 0


def format_export(export):
    """Format an `Export` as a table, with one row for MXNet (the reference) and one per format."""
    is_classifier, accuracy = 'classes' in export.info, export.info.get('accuracy')

    def row(format, bytes, accuracies, difference, agreement, milliseconds):
        return ([format, bytes] + [accuracies] * (accuracy is not None) + [difference]
                + [agreement] * is_classifier + milliseconds)
    rows = [row('format', 'bytes', 'accuracy', 'largest difference', 'agreement',
                ['ms at %d' % n for n in export.milliseconds]),
            row('MXNet', '-', '%.4f' % (accuracy or 0), '-', '-',
                list(map(_milliseconds, export.milliseconds.values())))]
    for one in export.formats:
        compared = one.verified
        rows.append(row(one.format, one.bytes, '%.4f' % (compared.accuracy_there or 0),
                        '%.2g' % compared.largest_difference, '%.4f' % compared.agreement,
                        list(map(_milliseconds, one.milliseconds.values()))))
    return format_table(rows) + '\n' + (
        '%d images' % export.formats[0].verified.images if is_classifier else
        'compared on %s: %s' % (export.info['verified_on'], ', '.join(export.info['outputs'])))


def _milliseconds(ms):
    return ('%.3g' if ms < 999.5 else '%.0f') % ms


def _shape(text):
    """Parse '3,112,112' as (None, (3, 112, 112)) and 'data=3,80,80' as ('data', (3, 80, 80)).

    'user=' is parsed as ('user', ()), an input with one number per example.
    """
    name, _, sides = text.rpartition('=')
    return name or None, _numbers(sides, int) if sides or not name else ()


def _shapes(parser, pairs):
    """Return the (name, shape) pairs as a dict. For a single pair without a name, return only its
    shape; if there are no pairs, return None."""
    if len(pairs) > 1 and not all(name for name, _ in pairs):
        parser.error('expected a name in every --shape if there are several, as in '
                     '--shape data=3,80,80 --shape mask=1,80,80')
    return dict(pairs) if pairs and pairs[0][0] else pairs[0][1] if pairs else None


def _numbers(text, kind=float):
    try:
        return tuple(kind(number) for number in text.split(','))
    except ValueError:
        raise argparse.ArgumentTypeError('expected comma-separated numbers, got %r' % text)
