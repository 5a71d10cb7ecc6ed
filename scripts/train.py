#!/usr/bin/env python
"""Train a model with the book's recipe: the command `gluonblocks train`."""
import sys

import command

sys.exit(command.run('train'))
