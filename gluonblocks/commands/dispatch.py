"""The entry point of `gluonblocks COMMAND`. It works without MXNet."""
import importlib
import os
import sys

from .. import __version__, _runtime
from . import running

COMMANDS = ('train', 'evaluate', 'predict', 'report', 'export', 'doctor')

USAGE = """\
usage: gluonblocks COMMAND [ARGUMENT ...]
       gluonblocks --version

  train     train a model and print the lines that the book prints
  evaluate  measure the accuracy of a trained net, per class and overall
  predict   classify image files
  report    write an HTML report about one run, or compare several
  export    convert a trained net to ONNX and other formats
  doctor    check the installation and say how to fix it

Run `gluonblocks COMMAND --help` for the options of a command and examples."""

GREETING = """\
gluonblocks %s: batch normalization, ResNet and DenseNet of Dive into Deep Learning

  gluonblocks train --model lenet_bn --out runs/lenet   train, and keep the run
  gluonblocks predict runs/lenet shoe.png               tell what is on a picture
  gluonblocks export runs/lenet --format onnx           leave MXNet

Something is wrong?  gluonblocks doctor      All commands:  gluonblocks --help"""


def main(argv=None):
    """Run `gluonblocks ARGV`; return the exit code."""
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
    """Run the command `name` and return its exit code; help texts call it `prog`."""
    def parse():
        _add_working_folder()
        if _runtime.error and name != 'doctor':
            raise ImportError(str(_runtime.error))
        return importlib.import_module('.' + name, __package__).parse(argv, prog)
    return running.run(lambda args: importlib.import_module('.' + name, __package__).main(args),
                       parse)


def _add_working_folder():
    """Append the working directory to sys.path, so that Python finds the user's modules.

    At the end of the path, a user's file cannot replace a module that the command needs.
    """
    try:
        folder = os.getcwd()
    except OSError:  # the directory was removed
        return
    if folder not in sys.path and '' not in sys.path:
        sys.path.append(folder)
