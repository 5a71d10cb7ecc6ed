#!/usr/bin/env python
"""Compare the speeds of gluonblocks, the book's code and PyTorch, using tools/benchmarks."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tools.benchmarks.command import main  # noqa: E402

if __name__ == '__main__':
    sys.exit(main())
