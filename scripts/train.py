#!/usr/bin/env python
"""Train a model of the book and print the book's lines: the command `gluonblocks train`."""
import sys

import command

sys.exit(command.run('train'))
