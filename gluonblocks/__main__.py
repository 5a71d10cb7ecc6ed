"""`python -m gluonblocks COMMAND`, and the command `gluonblocks`."""
import sys

from .commands.dispatch import main

if __name__ == '__main__':
    sys.exit(main())
