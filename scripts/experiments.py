#!/usr/bin/env python
"""Repeat what the exercises of the three chapters claim, and print the figures."""
import os
import sys

# In front of this folder, which has a file of the name `experiments` too.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

if __name__ == '__main__':
    try:
        from tools.experiments.command import main
    except ImportError as error:
        sys.exit('error: %s' % error)
    sys.exit(main())
