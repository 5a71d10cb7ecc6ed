#!/usr/bin/env python
"""Classify images with a trained net: the `gluonblocks predict` command."""
import sys

import command

sys.exit(command.run('predict'))
