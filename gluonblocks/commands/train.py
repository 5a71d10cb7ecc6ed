"""Train a model of the book and print the book's lines; with --out, keep the run in a folder."""
import argparse
import os
import shlex
import sys

from ..models.registry import get_recipe, models_in_words
from ..models.summary import model_summary
from ..runs.config import read_config
from ..runs.options import FOLDER, OPTIONS
from ..runs.train import resume_run, train_model
from ..training.interrupt import Interrupted
from .arguments import add_options, given_options
from .parser import Parser, flag_of
from .report import write_at_end

EXAMPLE = """\
example:
  PROG --model lenet_bn
  PROG --model lenet_bn --dataset synthetic --epochs 2    (needs no data)
  PROG --model resnet --summary
  PROG --model resnet --out runs/resnet --checkpoint-every 50
  PROG --resume runs/resnet
  PROG --model my_module:my_net --dataset folder:pets --test-share 0.2 --out runs/pets

Results go to stdout, everything else to stderr. Exit code: 0 trained, 1 failed, 2 wrong
arguments, 130 interrupted, 143 terminated."""


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE)
    parser.add_argument('--model', type=model_name, metavar='NAME',
                        help='%s; or a classifier of GluonCV, as gluoncv:cifar_resnet20_v1 '
                             '(gluoncv: alone lists them); or my_module:my_net, a function that '
                             'takes num_classes, in my_module.py here' % models_in_words())
    parser.add_argument('--out', metavar='FOLDER',
                        help='a new folder for history, curves, checkpoints and weights')
    parser.add_argument('--resume', metavar='FOLDER',
                        help='go on with the run there, exactly; only %s may be given otherwise '
                             'than before' % ', '.join(flag_of(name) for name, option in
                                                       OPTIONS.items() if option.may_change))
    parser.add_argument('--summary', action='store_true',
                        help="print the model's layers, with shapes and costs, and do no more")
    parser.add_argument('--no-report', action='store_true',
                        help="write no report.html into the run's folder at its end")
    add_options(parser)
    args = parser.parse_args(argv)
    if not args.model and not args.resume:
        parser.error('--model is needed, or --resume')
    if args.out and args.resume:
        parser.error('--out starts a run and --resume goes on with one: name one of them')
    if args.no_report and not (args.out or args.resume):
        parser.error('argument --no-report: goes with --out or --resume')
    for name, option in OPTIONS.items():
        if option.group == FOLDER and getattr(args, name) and not (args.out or args.resume):
            parser.error('argument %s: goes with --out or --resume' % flag_of(name))
    args.prog = prog
    return args


def model_name(name):
    try:
        get_recipe(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(error)
    return name


def main(args):
    if args.summary:
        print(model_summary(args.model or read_config(args.resume)['model']))
    elif args.resume:
        with_way_on(args.resume, args, resume_run, args.resume, model=args.model)
    else:
        with_way_on(args.out, args, train_model, args.model, out=args.out)
    return 0


def with_way_on(folder, args, train, *what, **how):
    """`train` by the options given, and the page about it; where it is interrupted, tell the
    command that goes on."""
    try:
        train(*what, **how, **given_options(args))
    except Interrupted:
        if folder:
            print('To go on:\n  %s --resume %s' % (args.prog, shlex.quote(folder)),
                  file=sys.stderr)
        raise
    if folder and not args.no_report and os.path.exists(folder):  # on the first machine only
        write_at_end(folder, args.ctx)
