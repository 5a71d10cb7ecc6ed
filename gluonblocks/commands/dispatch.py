"""The entry point of the `gluonblocks` command. It works without MXNet."""
import importlib
import os
import sys

from .. import __version__, _runtime
from . import running

COMMANDS = ('train', 'evaluate', 'predict', 'report', 'export', 'doctor')

USAGE = """\
usage: gluonblocks COMMAND [ARGUMENT ...]
       gluonblocks --version

  train     train a model, and print the lines that the book prints
  evaluate  print the accuracy of a trained net, overall and per class
  predict   classify image files
  report    write an HTML report that shows one run or compares several
  export    convert a trained net to ONNX and other formats
  doctor    check the installation, and say how to fix problems

Run `gluonblocks COMMAND --help` to see the options of a command and examples."""

GREETING = """\
gluonblocks %s: batch normalization, ResNet and DenseNet from Dive into Deep Learning

  gluonblocks train --model lenet_bn --out runs/lenet   train a model and save the run
  gluonblocks predict runs/lenet shoe.png               classify an image
  gluonblocks export runs/lenet --format onnx           convert the trained net to ONNX

Check the installation: gluonblocks doctor      List all commands: gluonblocks --help"""


def main(argv=None):
    """Run `gluonblocks ARGV`, and return the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    name = argv[0] if argv else ''
    if name in COMMANDS:
        return run(name, argv[1:], 'gluonblocks ' + name)
    return running.run(_print_usage, lambda: argv)


def _print_usage(argv):
    if not argv:
        print(GREETING % __version__)
        return 0
    name = argv[0]
    if name in ('-h', '--help'):
        print(USAGE)
        return 0
    if name == '--version':
        print('gluonblocks ' + __version__)
        return 0
    print('error: expected a command (%s), got %r\nSee gluonblocks --help'
          % (', '.join(COMMANDS), name), file=sys.stderr)
    return 2


def run(name, argv, prog):
    """Run the command `name`, which help texts show as `prog`; return its exit code."""
    def parse():
        _add_working_folder()
        if _runtime.error and name != 'doctor':
            raise ImportError(str(_runtime.error))
        return importlib.import_module('.' + name, __package__).parse(argv, prog)
    return running.run(lambda args: importlib.import_module('.' + name, __package__).main(args),
                       parse)


def _add_working_folder():
    """Append the working directory to sys.path, so that Python finds the user's modules.

    The directory comes last, so that no file in it shadows a module that the command needs.
    """
    try:
        folder = os.getcwd()
    except OSError:  # the directory was removed
        return
    if folder not in sys.path and '' not in sys.path:
        sys.path.append(folder)
