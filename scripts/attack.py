#!/usr/bin/env python
"""Attack gluonblocks with damaged files, killed processes and full disks, using tools/attacks."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tools.attacks.command import main  # noqa: E402

if __name__ == '__main__':
    sys.exit(main())
