#!/usr/bin/env python
"""Measure the accuracy of a trained net, class by class: the command `gluonblocks evaluate`."""
import sys

import command

sys.exit(command.run('evaluate'))
