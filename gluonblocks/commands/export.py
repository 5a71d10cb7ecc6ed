"""Write a trained net as files that others run, each verified against MXNet."""
import argparse
import os
import sys

from ..export.checkpoints import is_checkpoint
from ..export.files import FORMATS as CHECKPOINT_FORMATS
from ..export.files import export_files
from ..export.formats import FORMATS
from ..export.run import export_run
from ..models.summary import format_table
from ..runs.config import NAME as CONFIG
from .arguments import add_data_root, add_weights_arguments
from .parser import Parser, flag_of

EXAMPLE = """\
example:
  PROG runs/lenet --format onnx onnx-int8
  PROG model-symbol.json --params model-0012.params --shape 3,112,112 --format onnx torch
  PROG model.tar.gz --images pictures --std 255

Formats: %s. A checkpoint takes %s.

The test images of a run, or random input and pictures for a checkpoint, go through each file and
through MXNet. Only if all are right they are in the folder, with export.json, and a table goes to
stdout; everything else goes to stderr. Exit code: 0 done, 1 failed, and then nothing is written,
2 wrong arguments, 130 interrupted.""" % (
    '; '.join('%s (%s)' % (format.name, format.says) for format in FORMATS.values()),
    ', '.join(CHECKPOINT_FORMATS))


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE)
    parser.add_argument('source', metavar='RUN|CHECKPOINT',
                        help='folder of a run; or a checkpoint of MXNet: its symbol file, a folder '
                        'with one, or a model.tar.gz of SageMaker')
    parser.add_argument('--format', metavar='FORMAT', nargs='+', choices=list(FORMATS),
                        default=['onnx'], help='one or more of %s; default: onnx'
                        % ', '.join(FORMATS))
    parser.add_argument('--out', metavar='FOLDER',
                        help='a new or empty folder, or an earlier export, which is replaced; '
                        'default: export, in the folder of the run or the checkpoint')
    parser.add_argument('--atol', metavar='X', type=float, default=1e-4,
                        help='how far an output may be off, relative to the largest of its image '
                        'where that is above 1; default: %(default)s')
    parser.add_argument('--max-drop', metavar='POINTS', type=float, default=1.0,
                        help='accuracy that 8 bits may cost, in percentage points; '
                        'default: %(default)s')
    parser.add_argument('--reduce-range', action='store_true',
                        help='weights of 7 bits instead of 8, for CPUs without VNNI')
    run = parser.add_argument_group('runs')
    add_weights_arguments(run)
    add_data_root(run)
    run.add_argument('--with-preprocessing', action='store_true',
                     help='put the scaling and resizing of uint8 pictures into the ONNX files')
    run.add_argument('--runtime', metavar='FILE',
                     help='the archive of ONNX Runtime Web for the format web, as "npm pack" '
                     'writes it; default: npm fetches it')
    net = parser.add_argument_group('checkpoints')
    net.add_argument('--params', metavar='FILE',
                     help='file of the parameters; default: the newest of the same name')
    net.add_argument('--epoch', metavar='N', type=int,
                     help='take the parameters of this epoch')
    net.add_argument('--shape', metavar='[NAME=]C,H,W', type=_shape, action='append',
                     help='shape of the input without the batch, such as 3,112,112; once for each '
                     'input of a net that has several; default: as in model-shapes.json')
    net.add_argument('--outputs', metavar='NAME', nargs='+',
                     help='layers whose values the files give; default: those of the symbol')
    net.add_argument('--input-range', metavar='A,B', type=_numbers,
                     help='range of the random input; default: 0,1')
    net.add_argument('--images', metavar='FOLDER', help='pictures to compare on as well')
    net.add_argument('--mean', metavar='X[,X,X]', type=_numbers,
                     help='subtracted from the pixels, 0 to 255; default: 0')
    net.add_argument('--std', metavar='X[,X,X]', type=_numbers,
                     help='divides the pixels after that; default: 255')
    net.add_argument('--calibrate', metavar='FOLDER',
                     help='pictures that give the ranges of 8 bits, such as the net was trained on')
    args = parser.parse_args(argv)
    args.is_run = not is_checkpoint(args.source) or os.path.exists(
        os.path.join(args.source, CONFIG))
    other, kind = (net, 'a run') if args.is_run else (run, 'a checkpoint')
    given = {word.partition('=')[0] for word in argv}
    for action in other._group_actions:
        if getattr(args, action.dest) != action.default or given & set(action.option_strings):
            parser.error('%s is not for %s, and %s is one'
                         % (flag_of(action.dest), kind, args.source))
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
        chosen = {'input_range': args.input_range, 'mean': args.mean, 'std': args.std}
        export = export_files(
            args.source, args.params, args.shapes, args.out or _beside(args.source),
            epoch=args.epoch, outputs=args.outputs, images=args.images, calibrate=args.calibrate,
            **{name: value for name, value in chosen.items() if value is not None}, **shared)
    print(format_export(export), flush=True)
    for note in export.notes:
        print('note: %s' % note, file=sys.stderr)
    for one in export.formats:
        for note in one.notes:
            print('note: %s: %s' % (one.format, note), file=sys.stderr)
    print('the files are in %s' % export.folder, file=sys.stderr)
    return 0


def format_export(export):
    """An `Export` as a table: a row for MXNet, whose outputs are the measure, and each format."""
    is_classifier = 'classes' in export.info
    columns = {'accuracy': lambda verified: '%.4f' % verified.accuracy_there,
               'largest difference': lambda verified: '%.2g' % verified.largest_difference,
               'agreement': lambda verified: '%.4f' % verified.agreement}
    here = {'accuracy': export.info.get('accuracy')}
    if here['accuracy'] is None:
        del columns['accuracy']
    if not is_classifier:
        del columns['agreement']
    rows = [['format', 'bytes'] + list(columns) + ['ms at %d' % n for n in export.milliseconds],
            ['MXNet', '-'] + ['%.4f' % here[name] if name in here else '-' for name in columns] +
            [_milliseconds(ms) for ms in export.milliseconds.values()]]
    rows += [[one.format, one.bytes] + [text(one.verified) for text in columns.values()] +
             [_milliseconds(ms) for ms in one.milliseconds.values()] for one in export.formats]
    if is_classifier:
        return '%s\n%d images' % (format_table(rows), export.formats[0].verified.images)
    return '%s\ncompared on %s: %s' % (format_table(rows), export.info['verified_on'],
                                       ', '.join(export.info['outputs']))


def _milliseconds(ms):
    return ('%.3g' if ms < 999.5 else '%.0f') % ms


def _beside(source):
    folder = source if os.path.isdir(source) else os.path.dirname(source)
    return os.path.join(folder, 'export')


def _shape(text):
    """'3,112,112' -> (None, (3, 112, 112)); 'data=3,80,80' -> ('data', (3, 80, 80))."""
    name, _, sides = text.rpartition('=')
    return name or None, _numbers(sides, int)


def _shapes(parser, given):
    """The shape of a net's only input, or those of several by name; None if nothing was given."""
    if len(given) > 1 and not all(name for name, _ in given):
        parser.error('several inputs need their names: --shape data=3,80,80 --shape mask=1,80,80')
    if given and given[0][0]:
        return dict(given)
    return given[0][1] if given else None


def _numbers(text, kind=float):
    try:
        return tuple(kind(number) for number in text.split(','))
    except ValueError:
        raise argparse.ArgumentTypeError('expected numbers with commas between, got %r' % text)
