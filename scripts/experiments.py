#!/usr/bin/env python
"""Run experiments for the exercises in D2L sections 5.11 to 5.13, using tools/experiments."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tools.experiments.command import main  # noqa: E402

if __name__ == '__main__':
    sys.exit(main())
