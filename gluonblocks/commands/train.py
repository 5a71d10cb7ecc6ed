"""Train a model of the book and print the book's lines; with --out, keep the run in a folder."""
import argparse
import os
import shlex
import sys

from ..models.registry import get_recipe, models_in_words
from ..models.summary import model_summary
from ..runs.config import read_config
from ..runs.options import FEATURE, FOLDER, MACHINES, OPTIONS, PLACEMENT
from ..runs.train import resume_run, train_model
from ..training.interrupt import Interrupted
from .parser import Parser, flag_of
from .report import write_at_end

EXAMPLE = """\
example:
  PROG --model lenet_bn
  PROG --model lenet_bn --dataset synthetic --epochs 2    (needs no data)
  PROG --model resnet --summary
  PROG --model resnet --out runs/resnet --checkpoint-every 50
  PROG --resume runs/resnet
  PROG --model resnet --start-from runs/resnet --dataset folder:pets --freeze features
  PROG --model my_module:my_net --dataset folder:pets --test-share 0.2 --out runs/pets

Results go to stdout, everything else to stderr. Exit code: 0 trained, 1 failed, 2 wrong
arguments, 130 interrupted, 143 terminated."""

DECLARED = {**OPTIONS, **PLACEMENT}
GROUPS = {FOLDER: 'for a run that is kept in a folder',
          FEATURE: "what the book does not do; unset, it is the book's",
          MACHINES: 'for several processes and machines'}
_KINDS = {int: 'whole number', float: 'number', list: 'list of whole numbers, as 30,60'}


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE)
    parser.add_argument('--model', type=_model_name, metavar='NAME',
                        help='%s; or a classifier of GluonCV, as gluoncv:cifar_resnet20_v1 '
                             '(gluoncv: alone lists them); or my_module:my_net, a function that '
                             'takes num_classes, in my_module.py here' % models_in_words())
    parser.add_argument('--out', metavar='FOLDER',
                        help='a new folder for history, curves, checkpoints and weights')
    parser.add_argument('--resume', metavar='FOLDER',
                        help='continue the run there, exactly; only %s may differ from before'
                             % ', '.join(flag_of(name) for name, option in OPTIONS.items()
                                         if option.may_change))
    parser.add_argument('--summary', action='store_true',
                        help="print the model's layers, with shapes and costs, and do no more")
    parser.add_argument('--no-report', action='store_true',
                        help="write no report.html into the run's folder at its end")
    _add_options(parser)
    args = parser.parse_args(argv)
    if not args.model and not args.resume:
        parser.error('--model is needed, or --resume')
    if args.out and args.resume:
        parser.error('--out starts a run and --resume continues one: name one of them')
    if args.no_report and not (args.out or args.resume):
        parser.error('argument --no-report: goes with --out or --resume')
    args.prog = prog
    return args


def main(args):
    if args.summary:
        print(model_summary(args.model or read_config(args.resume)['model']))
        return 0
    options = {name: getattr(args, name) for name in DECLARED}
    folder = args.resume or args.out
    try:
        if args.resume:
            resume_run(folder, args.model, **options)
        else:
            train_model(args.model, folder, **options)
    except Interrupted:
        if folder:
            print('To go on:\n  %s --resume %s' % (args.prog, shlex.quote(folder)),
                  file=sys.stderr)
        raise
    if folder and not args.no_report and os.path.exists(folder):  # on the first machine only
        write_at_end(folder, args.ctx)
    return 0


def options_table():
    """Return the table of all options in docs/runs.md."""
    lines = ['| option | meaning | default | may change on resume |', '|---|---|---|---|']
    for option in DECLARED.values():
        lines.append('| `%s` | %s | %s | %s |' % (
            ' '.join([flag_of(option.name), option.metavar]).strip(), option.meaning(': '),
            option.described_default(), 'yes' if option.may_change else ''))
    return '\n'.join(lines)


def _add_options(parser):
    """Add a flag for each declared option. Unless it is given, its value is None."""
    groups = {'': parser, **{name: parser.add_argument_group(title)
                             for name, title in GROUPS.items()}}
    for option in DECLARED.values():
        group = groups[option.group]
        words = '%s; default: %s' % (option.meaning('; one of '), option.described_default())
        words = words.replace('%', '%%')
        if option.kind is not bool:
            group.add_argument(flag_of(option.name), type=_reader(option.kind), help=words,
                               metavar=option.metavar)
            continue
        group.add_argument(flag_of(option.name), action='store_const', const=True, help=words)
        if option.may_change:
            group.add_argument(flag_of('no_' + option.name), action='store_const', const=False,
                               dest=option.name, help='leave that out, also in a resumed run')


def _reader(kind):
    """Return a type for argparse: text -> a value of this kind. Its range is checked later."""
    def read(text):
        try:
            return [int(part) for part in text.split(',')] if kind is list else kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError('%r is no %s' % (text, _KINDS[kind]))
    return read


def _model_name(name):
    try:
        get_recipe(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(error)
    return name
