#!/usr/bin/env python
"""Write an HTML page about one or more runs: the `gluonblocks report` command."""
import sys

import command

sys.exit(command.run('report'))
