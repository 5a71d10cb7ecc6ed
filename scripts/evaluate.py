#!/usr/bin/env python
"""Measure the accuracy of a trained net for each class: the `gluonblocks evaluate` command."""
import sys

import command

sys.exit(command.run('evaluate'))
