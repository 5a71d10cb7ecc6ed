#!/usr/bin/env python
"""Repeat what the exercises of the three chapters claim, and print the figures."""
import os
import sys

# In front of this folder, whose file of that name would be found instead of the package.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    try:
        from experiments import command
        from gluonblocks.commands import running
    except ImportError as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    return running.run(command.main,
                       lambda: command.parse(sys.argv[1:], 'python %s' % sys.argv[0]))


if __name__ == '__main__':
    sys.exit(main())
