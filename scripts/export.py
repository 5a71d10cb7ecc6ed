#!/usr/bin/env python
"""Export a trained net to ONNX, PyTorch or a web page: the `gluonblocks export` command."""
import sys

import command

sys.exit(command.run('export'))
