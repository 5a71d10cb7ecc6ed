#!/usr/bin/env python
"""Classify images with a trained net: the command `gluonblocks predict`."""
import sys

import command

sys.exit(command.run('predict'))
