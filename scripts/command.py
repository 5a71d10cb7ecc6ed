"""What scripts/train.py and the others call: the package's command of the same name."""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(name):
    """The exit code of the command `name`, by the arguments of this process."""
    sys.path.insert(1, ROOT)  # so that a clone works without being installed
    try:
        from gluonblocks.commands import dispatch
    except ImportError as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    prog = 'python %s' % sys.argv[0]
    return dispatch.run(name, sys.argv[1:], prog)
