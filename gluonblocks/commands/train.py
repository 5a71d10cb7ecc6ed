"""Train a model, and print the lines that the book prints. With --out, save the run in a folder."""
import argparse
import errno
import os
import shlex
import shutil
import sys

from ..models.registry import get_recipe, models_in_words
from ..models.summary import model_summary
from ..runs.load import run_summary
from ..runs.options import DATA, FOLDER, MACHINES, MODEL, OPTIONS, PLACEMENT, RECIPE
from ..runs.train import resume_run, train_model
from ..training.interrupt import Interrupted
from .parser import Parser, flag_of
from .report import write_at_end

EXAMPLE = """\
examples:
  PROG --model resnet --out runs/resnet
  PROG --resume runs/resnet --epochs 10
  PROG --model my_module:my_net --dataset folder:pets --test-share 0.2 --out runs/pets

Results are printed to stdout, and messages to stderr. Exit code: 0 success, 1 failure, 2 invalid
arguments, 130 interrupted, 143 terminated."""

DECLARED = {**OPTIONS, **PLACEMENT}
GROUPS = {MODEL: 'model', DATA: 'data', RECIPE: 'recipe (the defaults follow the book)',
          FOLDER: 'run folder', MACHINES: 'several processes or machines'}
_KINDS = {int: 'an integer', float: 'a number', list: 'comma-separated integers such as 30,60'}


def parse(argv, prog):
    parser = Parser(prog, __doc__, EXAMPLE, '%(prog)s --model NAME [--out FOLDER] [OPTION ...]\n'
                    '       %(prog)s --resume FOLDER [OPTION ...]')
    groups = {name: parser.add_argument_group(title) for name, title in GROUPS.items()}
    groups[MODEL].add_argument(
        '--model', type=_model_name, metavar='NAME',
        help='model to train: a built-in model (%s), a GluonCV classifier such as '
        'gluoncv:cifar_resnet20_v1 (use gluoncv: to list them all), or my_module:my_net, a '
        'function in my_module.py that accepts num_classes' % models_in_words())
    groups[MODEL].add_argument(
        '--summary', action='store_true',
        help='print the output shape, parameter count and multiply-adds of each layer, and exit')
    groups[FOLDER].add_argument(
        '--out', metavar='FOLDER',
        help='new folder for the history, the curves, the checkpoints and the weights')
    groups[FOLDER].add_argument(
        '--resume', metavar='FOLDER',
        help='continue the run in this folder exactly where it stopped; only %s may change'
        % ', '.join(flag_of(name) for name, option in OPTIONS.items() if option.may_change))
    groups[FOLDER].add_argument(
        '--no-report', action='store_true', help='do not write report.html at the end of the run')
    _add_options(groups)
    args = parser.parse_args(argv)
    if not args.model and not args.resume:
        parser.error('expected --model NAME or --resume FOLDER')
    if args.out and args.resume:
        parser.error('expected either --out, for a new run, or --resume, got both')
    if args.no_report and not (args.out or args.resume):
        parser.error('argument --no-report: requires --out or --resume')
    args.prog = prog
    return args


def _print_resume(prog, folder):
    """Print the command that resumes a run, with the Python interpreter's path if necessary."""
    program, rest = prog.split(' ', 1)
    found = shutil.which(program)
    if not found or os.path.dirname(os.path.abspath(found)) != os.path.dirname(sys.executable):
        module = '' if program == 'python' else ' -m gluonblocks'
        program = shlex.quote(os.path.relpath(sys.executable)) + module
    print('To resume the run:\n  %s %s --resume %s' % (program, rest, shlex.quote(folder)),
          file=sys.stderr)


def main(args):
    if args.summary:
        print(run_summary(args.resume) if args.resume else model_summary(args.model))
        return 0
    options = {name: getattr(args, name) for name in DECLARED}
    folder = args.resume or args.out
    try:
        if args.resume:
            resume_run(folder, args.model, **options)
        else:
            train_model(args.model, folder, **options)
    except Interrupted:
        if folder and os.path.exists(folder):  # with several workers, the folder may not exist yet
            _print_resume(args.prog, folder)
        raise
    except OSError as error:
        full = getattr(error.__cause__, 'errno', None) == errno.ENOSPC
        if full and folder and os.path.exists(os.path.join(folder, 'last.safetensors')):
            _print_resume(args.prog, folder)
        raise
    if folder and not args.no_report and os.path.exists(folder):  # only on the first machine
        write_at_end(folder, args.ctx)
    return 0


def options_table():
    """Return a Markdown table of all options, for the documentation."""
    lines = ['| option | meaning | default | may change on resume |', '|---|---|---|---|']
    for option in DECLARED.values():
        lines.append('| `%s` | %s | %s | %s |' % (
            ' '.join([flag_of(option.name), option.metavar]).strip(), option.meaning(),
            option.describe_default(), 'yes' if option.may_change else ''))
    return '\n'.join(lines)


def _add_options(groups):
    """Add a flag for each declared option to its argument group; an unset flag is None."""
    for option in DECLARED.values():
        group = groups[option.group]
        words = '%s (default: %s)' % (option.meaning(), option.describe_default())
        words = words.replace('%', '%%')
        if option.kind is not bool:
            group.add_argument(flag_of(option.name), type=_reader(option.kind), help=words,
                               metavar=option.metavar)
            continue
        group.add_argument(flag_of(option.name), action='store_const', const=True, help=words)
        if option.may_change:
            group.add_argument(flag_of('no_' + option.name), action='store_const', const=False,
                               dest=option.name, help='turn off %s, for example in a resumed run'
                               % flag_of(option.name))


def _reader(kind):
    """Return an argparse type that converts text to `kind`, without checking the value's range."""
    def read(text):
        try:
            return [int(part) for part in text.split(',')] if kind is list else kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError('expected %s, got %r' % (_KINDS[kind], text))
    return read


def _model_name(name):
    try:
        get_recipe(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(error)
    return name
