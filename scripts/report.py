#!/usr/bin/env python
"""Write an HTML page about one or more runs: the command `gluonblocks report`."""
import sys

import command

sys.exit(command.run('report'))
