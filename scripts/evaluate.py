#!/usr/bin/env python
"""Tell what a trained net gets right and what it confuses: the command `gluonblocks evaluate`."""
import sys

import command

sys.exit(command.run('evaluate'))
