"""`python -m gluonblocks`: see `report`."""
import sys

from .report import main

sys.exit(main())
