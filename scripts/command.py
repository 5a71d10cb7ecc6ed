"""Run a gluonblocks command from a clone of the repository, as scripts/train.py does."""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(name):
    """Run the command `name` with this process's arguments; return its exit code."""
    sys.path.insert(1, ROOT)  # so that a clone works without being installed
    try:
        from gluonblocks.commands import dispatch, running
    except ImportError as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    prog = 'python %s' % sys.argv[0]
    return running.exit_process(dispatch.run(name, sys.argv[1:], prog))
