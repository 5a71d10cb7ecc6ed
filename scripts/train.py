#!/usr/bin/env python
"""Train a model with the book's recipe: the `gluonblocks train` command."""
import sys

import command

sys.exit(command.run('train'))
