#!/usr/bin/env python
"""Tell what is on pictures: the command `gluonblocks predict`."""
import sys

import command

sys.exit(command.run('predict'))
