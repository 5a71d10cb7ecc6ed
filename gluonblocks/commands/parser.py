"""The parser of every command line: brief about mistakes. Works where MXNet is missing."""
import argparse
import sys


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that says what is wrong first, and where to read on."""

    def __init__(self, prog, description, example):
        super().__init__(prog=prog, description=description, epilog=example.replace('PROG', prog),
                         formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message):
        print('error: %s\nSee %s --help' % (message, self.prog), file=sys.stderr)
        sys.exit(2)


def flag_of(name):
    """The flag of an option: batch_size -> --batch-size."""
    return '--' + name.replace('_', '-')
