#!/usr/bin/env python
"""Write a page about runs: the command `gluonblocks report`."""
import sys

import command

sys.exit(command.run('report'))
