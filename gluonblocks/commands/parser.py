"""The argument parser that all commands use. It works without MXNet."""
import argparse
import sys


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that, on errors, refers to --help instead of printing the usage."""

    def __init__(self, prog, description, example, usage=None):
        super().__init__(prog=prog, description=description, epilog=example.replace('PROG', prog),
                         usage=usage, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message):
        print('error: %s\nSee %s --help' % (message, self.prog), file=sys.stderr)
        sys.exit(2)


def flag_of(name):
    """Return the command-line flag for an option: batch_size -> --batch-size."""
    return '--' + name.replace('_', '-')
