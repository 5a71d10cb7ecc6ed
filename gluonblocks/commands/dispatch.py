"""The command line `gluonblocks COMMAND`: which command is meant, also where MXNet is missing."""
import importlib
import sys

from .. import _runtime

COMMANDS = ('train', 'evaluate', 'predict', 'doctor')

USAGE = """\
usage: gluonblocks COMMAND [ARGUMENT ...]

  train     train a model and print the book's lines
  evaluate  tell what a trained net gets right and what it confuses
  predict   tell what is on pictures
  doctor    tell what is installed and what is wrong; the same without a command

Each has --help with examples, as `gluonblocks train --help`."""


def main(argv=None):
    """Run `gluonblocks ARGV`; return the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in ('-h', '--help'):
        print(USAGE)
        return 0
    if argv and argv[0] not in COMMANDS:
        print('error: there is no command %r; the commands are: %s\nSee gluonblocks --help'
              % (argv[0], ', '.join(COMMANDS)), file=sys.stderr)
        return 2
    name = argv[0] if argv else 'doctor'
    return run(name, argv[1:], 'gluonblocks ' + name)


def run(name, argv, prog):
    """Run the command `name`, called by the user as `prog`; return the exit code."""
    if name == 'doctor':
        from . import doctor
        return doctor.main(argv, prog)
    if _runtime.error:
        print('error: %s' % _runtime.error, file=sys.stderr)
        return 1
    from . import running
    command = importlib.import_module('.' + name, __package__)
    return running.run(command.main, lambda: command.parse(argv, prog))
