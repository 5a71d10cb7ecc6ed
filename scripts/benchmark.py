#!/usr/bin/env python
"""Measure gluonblocks against the notebook's own code and against PyTorch, side by side."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tools.benchmarks.command import main  # noqa: E402  it needs the line above

if __name__ == '__main__':
    sys.exit(main())
