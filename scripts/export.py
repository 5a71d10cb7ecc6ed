#!/usr/bin/env python
"""Write a trained net as files that others run: the command `gluonblocks export`."""
import sys

import command

sys.exit(command.run('export'))
