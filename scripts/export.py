#!/usr/bin/env python
"""Export a trained net to ONNX, PyTorch or a web page: the command `gluonblocks export`."""
import sys

import command

sys.exit(command.run('export'))
