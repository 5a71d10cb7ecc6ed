"""Write a trained net as files that others run, each verified on every test image."""
import sys

from ..export.formats import FORMATS
from ..export.run import export_run
from ..models.summary import format_table
from .arguments import add_data_root, add_run_arguments
from .parser import Parser

EXAMPLE = """\
example:
  PROG runs/lenet --format onnx onnx-int8
  PROG runs/lenet --format onnx --with-preprocessing --out lenet

Formats: %s.

Each file is given every test image, and what comes out is compared with MXNet's. Only if all are
right they are in the folder, with export.json, and a table goes to stdout; everything else goes to
stderr. Exit code: 0 done, 1 failed, and then nothing is written, 2 wrong arguments, 130
interrupted.""" % '; '.join('%s (%s)' % (format.name, format.says) for format in FORMATS.values())


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE)
    add_run_arguments(parser)
    parser.add_argument('--format', metavar='FORMAT', nargs='+', choices=list(FORMATS),
                        default=['onnx'], help='one or more of %s; default: onnx'
                        % ', '.join(FORMATS))
    parser.add_argument('--out', metavar='FOLDER',
                        help='a folder that is new or empty, or has an earlier export, which is '
                        'replaced; default: RUN/export')
    parser.add_argument('--with-preprocessing', action='store_true',
                        help='put the scaling and resizing of uint8 pictures into the ONNX files')
    parser.add_argument('--atol', metavar='X', type=float, default=1e-4,
                        help='how far a logit may be off, times its size where that is above 1; '
                        'default: %(default)s')
    parser.add_argument('--max-drop', metavar='POINTS', type=float, default=1.0,
                        help='accuracy that 8 bits may cost, in percentage points; '
                        'default: %(default)s')
    parser.add_argument('--reduce-range', action='store_true',
                        help='7 bits for the weights in place of 8, for CPUs without VNNI')
    parser.add_argument('--runtime', metavar='FILE',
                        help='the archive of ONNX Runtime Web for the format web, as "npm pack" '
                        'writes it; default: npm fetches it')
    add_data_root(parser)
    return parser.parse_args(argv)


def main(args):
    export = export_run(args.run, formats=args.format, weights=args.weights, out=args.out,
                        with_preprocessing=args.with_preprocessing, atol=args.atol,
                        max_drop=args.max_drop, ctx=args.ctx, data_root=args.data_root,
                        reduce_range=args.reduce_range, runtime=args.runtime)
    print(format_export(export), flush=True)
    for one in export.formats:
        for note in one.notes:
            print('note: %s: %s' % (one.format, note), file=sys.stderr)
    print('the files are in %s' % export.folder, file=sys.stderr)
    return 0


def format_export(export):
    """An `Export` as a table: a row for MXNet, whose answers are the measure, and each format."""
    def accuracy(value):
        return '-' if value is None else '%.4f' % value

    rows = [['format', 'bytes', 'accuracy', 'largest difference', 'agreement', 'ms at 1',
             'ms at 256'],
            ['MXNet', '-', accuracy(export.info.get('accuracy')), '-', '-'] +
            [_milliseconds(ms) for ms in export.milliseconds.values()]]
    for one in export.formats:
        verified = one.verified
        rows.append([one.format, one.bytes, accuracy(verified.accuracy_there),
                     '%.2g' % verified.largest_difference, '%.4f' % verified.agreement] +
                    [_milliseconds(ms) for ms in one.milliseconds.values()])
    return '%s\n%d images' % (format_table(rows), export.formats[0].verified.images)


def _milliseconds(ms):
    return ('%.3g' if ms < 999.5 else '%.0f') % ms
