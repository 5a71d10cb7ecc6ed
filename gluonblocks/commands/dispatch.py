"""The command line `gluonblocks COMMAND`: which command is meant, also where MXNet is missing."""
import importlib
import os
import sys

from .. import __version__, _runtime
from . import running

COMMANDS = ('train', 'evaluate', 'predict', 'report', 'export', 'doctor')

USAGE = """\
usage: gluonblocks COMMAND [ARGUMENT ...]
       gluonblocks --version

  train     train a model and print the book's lines
  evaluate  tell what a trained net gets right and what it confuses
  predict   tell what is on pictures
  report    write a page about a run, or about several side by side
  export    write a trained net as files that other programs run
  doctor    tell what is installed, what is wrong, and what to do about it

Each has --help with examples, as `gluonblocks train --help`."""

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
    return running.run(_tell_usage, lambda: argv)


def _tell_usage(argv):
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
    print('error: there is no command %r; the commands are: %s\nSee gluonblocks --help'
          % (name, ', '.join(COMMANDS)), file=sys.stderr)
    return 2


def run(name, argv, prog):
    """Run the command `name`, called by the user as `prog`; return the exit code."""
    def parse():
        _find_own_modules()
        if _runtime.error and name != 'doctor':
            raise ImportError(str(_runtime.error))
        return importlib.import_module('.' + name, __package__).parse(argv, prog)
    return running.run(lambda args: importlib.import_module('.' + name, __package__).main(args),
                       parse)


def _find_own_modules():
    """Have Python find modules of the folder that the command is called in, after all others.

    Last, so that no file there stands in for a module that the command needs itself.
    """
    try:
        folder = os.getcwd()
    except OSError:  # it was removed
        return
    if folder not in sys.path and '' not in sys.path:
        sys.path.append(folder)
